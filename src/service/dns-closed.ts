/*
 * Answers without addresses that the guest is not to reach (option `host: false`): records of A and AAAA that name one of them, and those of SVCB and
 * HTTPS that hint at one (RFC 9460, 7.3), are taken out. Everything else stays as it came.
 *
 * What is taken out moves what stands behind it, and names may point back to anything in front of them (RFC 1035, 4.1.4). So of an answer that
 * loses a record all names are written out, those in the data of the types that may be compressed included (RFC 3597, 4); a pointer
 * to the question stays, for that does not move.
 */

import type { AddressFilter } from '../net/address-set.js'
import { MAPPED } from '../wire/numbers.js'
import * as dns from './dns-message.js'

const TYPE_SVCB = 64
const TYPE_HTTPS = 65
/** Keys of SVCB's parameters. */
const IPV4_HINT = 4
const IPV6_HINT = 6
/** The longest message there is (bytes). */
const MAX_MESSAGE = 65_535
const POINTER = 0xc0
const MAX_LABEL = 63
/** RFC 1035, 2.3.4, less the final zero. */
const MAX_NAME = 254
/**
 * Labels and pointers followed for all names of a message that is written out: as many as it can have bytes. A hostile server can let thousands of
 * names share one chain of thousands of pointers, which takes seconds; an answer that needs more is none.
 */
const MAX_STEPS = MAX_MESSAGE
/** Type, class and TTL; and the length behind them. */
const FIXED = 8

const NAME = -1
/** What the data of a type is made of: names, and so many bytes in front of, between or behind them. */
const LAYOUTS: ReadonlyMap<number, readonly number[]> = new Map([
  ...[2, 3, 4, 5, 7, 8, 9, 12, 39].map((type): [number, number[]] => [type, [NAME]]),
  ...[14, 17].map((type): [number, number[]] => [type, [NAME, NAME]]),
  ...[15, 18, 21, 36].map((type): [number, number[]] => [type, [2, NAME]]),
  [dns.TYPE_SOA, [NAME, NAME, 20]],
  [26, [2, NAME, NAME]],
  [33, [6, NAME]],
])

/** A message that may be given to the guest: the same one, one with less in it, or where it cannot be read an error. */
export function withoutClosed(message: Buffer, closed: AddressFilter): Buffer {
  const question = dns.readQuestion(message)
  // Of a transfer all messages but the first may be without (RFC 5936, 2.2).
  const end = question?.end ?? (dns.hasQuestions(message) ? -1 : dns.HEADER_LENGTH)
  const records = end < 0 ? null : dns.readRecords(message, { end })
  if (records === null) return dns.empty(message, question, null, dns.SERVFAIL)
  const open = records.filter((record) => !isClosed(message, record, closed))
  if (open.length === records.length) return message
  return rebuilt(message, end, open) ?? dns.empty(message, question, null, dns.SERVFAIL)
}

const words = new Int32Array(4)

/** Whether one of the addresses in a row, of 4 or 16 bytes each, is closed. */
function hasClosed(message: Buffer, from: number, to: number, size: 4 | 16, closed: AddressFilter): boolean {
  for (let at = from; at + size <= to; at += size) {
    if (size === 4) words.set([0, 0, MAPPED, message.readInt32BE(at)])
    else for (let i = 0; i < 4; i++) words[i] = message.readInt32BE(at + 4 * i)
    if (closed.has(words, 0)) return true
  }
  return false
}

function isClosed(message: Buffer, record: dns.ResourceRecord, closed: AddressFilter): boolean {
  if (record.class !== dns.CLASS_IN) return false
  switch (record.type) {
    case dns.TYPE_A:
      return hasClosed(message, record.dataAt, record.end, 4, closed)
    case dns.TYPE_AAAA:
      return hasClosed(message, record.dataAt, record.end, 16, closed)
    case TYPE_SVCB:
    case TYPE_HTTPS:
      return hintsAtClosed(message, record, closed)
    default:
      return false
  }
}

/** RFC 9460, 2.2: a priority, a name, and parameters of a key and a length each. */
function hintsAtClosed(message: Buffer, record: dns.ResourceRecord, closed: AddressFilter): boolean {
  let at = dns.skipName(message, record.dataAt + 2)
  while (at >= 0 && at + 4 <= record.end) {
    const key = message.readUInt16BE(at)
    const from = at + 4
    at = from + message.readUInt16BE(at + 2)
    if (at > record.end) return false
    if (key === IPV4_HINT && hasClosed(message, from, at, 4, closed)) return true
    if (key === IPV6_HINT && hasClosed(message, from, at, 16, closed)) return true
  }
  return false
}

// Of the message that is being written out.
let stepsLeft = 0

/** The header, the question and these records; null for one that cannot be read, or a message that gets too long. */
function rebuilt(message: Buffer, end: number, records: readonly dns.ResourceRecord[]): Buffer | null {
  const parts: Buffer[] = [Buffer.from(message.subarray(0, end))]
  stepsLeft = MAX_STEPS
  const header = parts[0]!
  for (const [i, section] of (['answer', 'authority', 'additional'] as const).entries())
    header.writeUInt16BE(records.filter((record) => record.section === section).length, 6 + 2 * i)
  for (const record of records) {
    const name = expanded(message, record.at, message.length, end)
    const data = expandedData(message, record, end)
    if (name === null || data === null || data.length > MAX_MESSAGE) return null
    const length = Buffer.alloc(2)
    length.writeUInt16BE(data.length)
    parts.push(name.bytes, message.subarray(record.ttlAt - 4, record.ttlAt - 4 + FIXED), length, data)
  }
  const whole = Buffer.concat(parts)
  return whole.length > MAX_MESSAGE ? null : whole
}

function expandedData(message: Buffer, record: dns.ResourceRecord, questionEnd: number): Buffer | null {
  const layout = LAYOUTS.get(record.type)
  if (layout === undefined) return message.subarray(record.dataAt, record.end)
  const parts: Buffer[] = []
  let at = record.dataAt
  for (const part of layout) {
    if (part === NAME) {
      const name = expanded(message, at, record.end, questionEnd)
      if (name === null) return null
      parts.push(name.bytes)
      at = name.end
    } else {
      parts.push(message.subarray(at, at + part))
      at += part
    }
  }
  return at === record.end ? Buffer.concat(parts) : null
}

/**
 * The name at `at`, which has to end before `limit`, without pointers but one into the question; and where it ended. Null for what is none.
 * Each pointer leads further to the front than the one before, so there is an end to them.
 */
function expanded(message: Buffer, at: number, limit: number, questionEnd: number): { bytes: Buffer; end: number } | null {
  const parts: Buffer[] = []
  let end = -1
  let front = at
  let total = 0
  for (let next = at; next < (end < 0 ? limit : message.length); ) {
    const length = message[next]!
    if (stepsLeft-- <= 0) return null
    if (length === 0) {
      parts.push(message.subarray(next, next + 1))
      return { bytes: Buffer.concat(parts), end: end < 0 ? next + 1 : end }
    }
    if (length >= POINTER) {
      if (next + 2 > (end < 0 ? limit : message.length)) return null
      const target = message.readUInt16BE(next) & 0x3fff
      if (end < 0) end = next + 2
      if (target >= front || target < dns.HEADER_LENGTH) return null
      if (target < questionEnd) {
        parts.push(message.subarray(next, next + 2))
        return { bytes: Buffer.concat(parts), end }
      }
      front = next = target
      continue
    }
    total += 1 + length
    if (length > MAX_LABEL || total > MAX_NAME || next + 1 + length > message.length) return null
    parts.push(message.subarray(next, next + 1 + length))
    next += 1 + length
  }
  return null
}
