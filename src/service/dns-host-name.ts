/*
 * The name of the machine that the sandbox runs on: the guest's gateway address, which reaches it.
 */

import { encode, type OptAnswer, type Packet } from 'dns-packet'
import * as dns from './dns-message.js'

/** The name of the machine that the sandbox runs on. */
export const HOST_NAME = 'host.netloom.internal'

/** Seconds. It does not change while the network is there. */
const HOST_TTL = 300

/** In the form of dns.Question. */
const HOST_NAME_KEY = `${HOST_NAME.split('.')
  .map((label) => String.fromCharCode(label.length) + label)
  .join('')}\0`

export const isHostName = (question: dns.Question): boolean => question.class === dns.CLASS_IN && question.name === HOST_NAME_KEY

/** The answer to a question about the host's name; `address` as text. RFC 2308, 2.2: to be there without a record of a type is no error. */
export function hostAnswer(message: Buffer, query: dns.Query, address: string): Buffer {
  if (query.question.type !== dns.TYPE_A && query.question.type !== dns.TYPE_ANY) {
    return dns.empty(message, query.question, query, dns.NOERROR)
  }
  const opt: OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: query.payload,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  const answer: Packet = {
    type: 'response',
    flags: dns.ownFlags(message) | dns.AA,
    // The client's own question takes its place, ANY included.
    questions: [{ name: HOST_NAME, type: 'A' }],
    answers: [{ name: HOST_NAME, type: 'A', ttl: HOST_TTL, data: address }],
    additionals: query.opt === null ? [] : [opt],
  }
  return encode(answer)
}
