/*
 * What a name server's message is to who asked it: RFC 5452, 9 (identifier and question; the server is who the socket is connected to).
 */

import * as dns from './dns-message.js'

/**
 * `answer`    what was asked for, or that there is no such thing
 * `refusal`   an answer that another server might not give: SERVFAIL, REFUSED
 * `bare`      an error without the question: of use to nobody, but the server is there
 * `other`     nothing that was asked for
 */
export type Verdict = 'answer' | 'refusal' | 'bare' | 'other'

export const isResponse = (message: Buffer, id: number): boolean =>
  message.length >= dns.HEADER_LENGTH && dns.id(message) === id && (dns.flags(message) & dns.QR) !== 0

export function judge(message: Buffer, id: number, asked: dns.Question): Verdict {
  if (!isResponse(message, id)) return 'other'
  const code = dns.rcode(message)
  const question = dns.readQuestion(message)
  if (question === null || !dns.isSameQuestion(question, asked)) return code !== dns.NOERROR && dns.isBare(message) ? 'bare' : 'other'
  return code === dns.SERVFAIL || code === dns.REFUSED ? 'refusal' : 'answer'
}
