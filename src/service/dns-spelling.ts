/*
 * The letters of a question's name in random case (draft-vixie-dnsext-dns0x20): a name server copies the question as it is, so whoever forges an
 * answer has a bit to guess for each letter, besides port and identifier. Names mean the same in any case (RFC 4343).
 */

import * as dns from './dns-message.js'

/** Bit that tells letters from capital ones. */
const CASE = 0x20
/** Letters decided on by one number. */
const BITS = 16

const isLetter = (byte: number): boolean => (byte | CASE) >= 0x61 && (byte | CASE) <= 0x7a

/** The name of a question, in wire form, with its letters in random case; `random`: a number below its argument that nobody can guess. */
export function respelled(message: Buffer, question: dns.Question, random: (limit: number) => number): Buffer {
  // Type and class follow.
  const name = Buffer.from(message.subarray(dns.HEADER_LENGTH, question.end - 4))
  let bits = 0
  let left = 0
  for (let at = 0; at < name.length && name[at] !== 0; at += 1 + name[at]!) {
    for (let i = at + 1; i <= at + name[at]!; i++) {
      if (!isLetter(name[i]!)) continue
      if (left === 0) {
        bits = random(1 << BITS)
        left = BITS
      }
      name[i] = (name[i]! & ~CASE) | (bits & 1 ? CASE : 0)
      bits >>>= 1
      left--
    }
  }
  return name
}

/** Whether a message has the name as it was asked for, to the letter. */
export const isSpelled = (message: Buffer, name: Buffer): boolean =>
  message.compare(name, 0, name.length, dns.HEADER_LENGTH, dns.HEADER_LENGTH + name.length) === 0
