/*
 * DNS messages, read and patched in place: RFC 1035, 4.1 (the message), RFC 6891 (EDNS), RFC 2308 (negative answers).
 *
 *     0        2       4         6         8         10        12
 *     | id     | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | question | records ...
 *
 *     question   name, type 2, class 2
 *     record     name, type 2, class 2, ttl 4, length 2, data
 *
 * A forwarder changes the identifier, the case of the question, times to live, and nothing else: what is in a record, and of which
 * type it is, is not its business. So the functions here find where things are. Messages of our own making are dns-packet's work.
 *
 * Names are compared as bytes, those of ASCII letters in either case (RFC 4343): as text they are latin1, one character a byte, never
 * UTF-8, where different bytes can become the same character.
 *
 * Nothing here throws, whatever the bytes.
 */

/** Bytes in front of the question. */
export const HEADER_LENGTH = 12

/** In the flags. */
export const QR = 0x8000
export const OPCODE = 0x7800
export const AA = 0x0400
export const TC = 0x0200
const RD = 0x0100
const RA = 0x0080
const AD = 0x0020
const CD = 0x0010
const RCODE = 0x000f

export const NOERROR = 0
export const FORMERR = 1
export const SERVFAIL = 2
export const NXDOMAIN = 3
export const NOTIMP = 4
export const REFUSED = 5

export const TYPE_A = 1
export const TYPE_SOA = 6
export const TYPE_PTR = 12
export const TYPE_AAAA = 28
export const TYPE_OPT = 41
export const TYPE_IXFR = 251
const TYPE_AXFR = 252
export const TYPE_ANY = 255
export const CLASS_IN = 1

/** In the TTL field of an OPT record (RFC 6891, 6.1.3). */
const DNSSEC_OK = 0x8000
const EDNS_VERSION = 0x00ff0000

/** Options that leave the answer what it is (RFC 7873, RFC 7830). Any other one, client-subnet above all, may change it. */
const OPTION_COOKIE = 10
const OPTION_PADDING = 12

/** Bytes of an answer that every client can take (RFC 1035, 2.3.4). */
export const MIN_PAYLOAD = 512

/** RFC 1035, 2.3.4: octets of a name, and of one of its labels. */
const MAX_NAME = 255
const MAX_LABEL = 63

/** Type, class, TTL and length. */
const RECORD_FIXED = 10
/** A root name and the fixed part, no option. */
const BARE_OPT = 11
/** RFC 1035, 3.3.13: two names of one octet at least, and five numbers. */
const MIN_SOA = 22

export interface Question {
  /** Wire form in lower case, as latin1. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** Where it ends. */
  readonly end: number
}

type Section = 'answer' | 'authority' | 'additional'

/** Where a record is. */
export interface ResourceRecord {
  readonly section: Section
  readonly at: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly ttlAt: number
  readonly dataAt: number
  readonly end: number
}

/** What a query says about how it wants to be answered. */
export interface Query {
  readonly question: Question
  /** Its OPT record, if it has one. */
  readonly opt: ResourceRecord | null
  /** The longest answer its sender can take by UDP, in bytes. */
  readonly payload: number
  /** Name of the set of queries that one answer serves; '' when there is only this one. */
  readonly key: string
}

export const id = (message: Buffer): number => message.readUInt16BE(0)
export const flags = (message: Buffer): number => message.readUInt16BE(2)
export const rcode = (message: Buffer): number => flags(message) & RCODE
const questions = (message: Buffer): number => message.readUInt16BE(4)

export const hasQuestions = (message: Buffer): boolean => questions(message) > 0

export function setFlags(message: Buffer, value: number): void {
  message.writeUInt16BE(value, 2)
}

/** Where a name ends, compressed or not; -1 when it does not end in time. */
export function skipName(message: Buffer, at: number): number {
  for (let next = at; next < message.length && next - at < MAX_NAME; ) {
    const length = message[next]!
    if (length === 0) return next + 1
    if (length > MAX_LABEL) return length >= 0xc0 && next + 2 <= message.length ? next + 2 : -1
    next += 1 + length
  }
  return -1
}

/** The one question of a message, null when it has none, or several (RFC 9619), or one that is cut short or compressed. */
export function readQuestion(message: Buffer): Question | null {
  if (message.length < HEADER_LENGTH || questions(message) !== 1) return null
  const end = skipName(message, HEADER_LENGTH)
  // Its name stands first: there is nothing that it could point back to.
  if (end < 0 || message[end - 1] !== 0 || end + 4 > message.length) return null
  const name = message.toString('latin1', HEADER_LENGTH, end).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  return { name, type: message.readUInt16BE(end), class: message.readUInt16BE(end + 2), end: end + 4 }
}

/** True for a message that says no more than that there is no answer, without the question: servers that do not like it do so. */
export const isBare = (message: Buffer): boolean => message.length === HEADER_LENGTH && questions(message) === 0

export const isSameQuestion = (a: Question, b: Question): boolean => a.type === b.type && a.class === b.class && a.name === b.name

/** True when the answer may be many messages: by TCP, that is (RFC 5936, 4.2; RFC 1995, 2). */
export const isTransfer = (question: Question): boolean => question.type === TYPE_AXFR || question.type === TYPE_IXFR

/** Every record after the question; null when they do not end with the message. */
export function readRecords(message: Buffer, question: Pick<Question, 'end'>): ResourceRecord[] | null {
  const records: ResourceRecord[] = []
  const sections: readonly Section[] = ['answer', 'authority', 'additional']
  let at = question.end
  for (const [i, section] of sections.entries()) {
    for (let count = message.readUInt16BE(6 + 2 * i); count > 0; count--) {
      const record = readRecord(message, at, section)
      if (record === null) return null
      records.push(record)
      at = record.end
    }
  }
  return at === message.length ? records : null
}

function readRecord(message: Buffer, at: number, section: Section): ResourceRecord | null {
  const fixed = skipName(message, at)
  if (fixed < 0 || fixed + RECORD_FIXED > message.length) return null
  const dataAt = fixed + RECORD_FIXED
  const end = dataAt + message.readUInt16BE(fixed + 8)
  if (end > message.length) return null
  const type = message.readUInt16BE(fixed)
  return { section, at, type, class: message.readUInt16BE(fixed + 2), ttl: message.readUInt32BE(fixed + 4), ttlAt: fixed + 4, dataAt, end }
}

/** Reads a query that has a question; null when the rest of it is malformed. */
export function readQuery(message: Buffer, question: Question): Query | null {
  const records = readRecords(message, question)
  if (records === null) return null
  const opts = records.filter((record) => record.type === TYPE_OPT)
  const opt = opts[0] ?? null
  // RFC 6891, 6.1.1: at most one, among the additional records, and its name is the root.
  if (opts.length > 1 || (opt !== null && (opt.section !== 'additional' || message[opt.at] !== 0))) return null
  // RFC 6891, 6.2.3: less than 512 means 512.
  const payload = opt === null ? MIN_PAYLOAD : Math.max(MIN_PAYLOAD, opt.class)
  return { question, opt, payload, key: records.length === opts.length && isPlain(message, opt) ? keyOf(message, question, opt) : '' }
}

/** True when only the header's bits and the question decide what the answer is. */
function isPlain(message: Buffer, opt: ResourceRecord | null): boolean {
  if (opt === null) return true
  if ((opt.ttl & EDNS_VERSION) !== 0) return false
  let at = opt.dataAt
  while (at + 4 <= opt.end) {
    const option = message.readUInt16BE(at)
    if (option !== OPTION_COOKIE && option !== OPTION_PADDING) return false
    at += 4 + message.readUInt16BE(at + 2)
  }
  return at === opt.end
}

// Besides name, type, class, DO and CD: a query without recursion, or one that did not ask for AD, is answered differently, and an
// answer with an OPT record is not for who sent none (RFC 6891, 7).
function keyOf(message: Buffer, question: Question, opt: ResourceRecord | null): string {
  const edns = opt === null ? '' : (opt.ttl & DNSSEC_OK) === 0 ? 'e' : 'd'
  return `${flags(message) & (RD | AD | CD)}${edns} ${question.type} ${question.class} ${question.name}`
}

/** A copy whose OPT record has no option: those are meant for one client (RFC 6891, 6.1.1). Null when OPT is not the last record. */
export function withoutOptions(message: Buffer, records: readonly ResourceRecord[]): Buffer | null {
  const opt = records.find((record) => record.type === TYPE_OPT)
  if (opt === undefined) return Buffer.from(message)
  if (opt !== records.at(-1) || message[opt.at] !== 0) return null
  const copy = Buffer.from(message.subarray(0, opt.dataAt))
  copy.writeUInt16BE(0, opt.dataAt - 2)
  return copy
}

/** An answer that says: ask again by TCP. Of the records only OPT is left (RFC 6891, 7), without its options. */
export function truncated(message: Buffer): Buffer {
  const question = readQuestion(message)
  if (question === null) return empty(message, null, null, SERVFAIL)
  const opt = readRecords(message, question)?.find((record) => record.type === TYPE_OPT)
  const copy = withOpt(message, question, opt === undefined ? null : message.subarray(opt.dataAt - RECORD_FIXED, opt.dataAt))
  setFlags(copy, flags(message) | TC)
  return copy
}

/** The header and question of a message and, when a fixed part is given, an OPT record without options. */
function withOpt(message: Buffer, question: Question, fixed: Buffer | null): Buffer {
  const copy = Buffer.alloc(question.end + (fixed === null ? 0 : BARE_OPT))
  message.copy(copy, 0, 0, question.end)
  copy.fill(0, 6, HEADER_LENGTH)
  if (fixed === null) return copy
  fixed.copy(copy, question.end + 1, 0, RECORD_FIXED - 2)
  copy.writeUInt16BE(1, 10)
  return copy
}

/** Our own answer without records: an error, or no data. `query` is null when what came was not understood beyond its question. */
export function empty(message: Buffer, question: Question | null, query: Query | null, code: number): Buffer {
  const opt = query?.opt ?? null
  const copy = question === null ? Buffer.alloc(HEADER_LENGTH) : withOpt(message, question, opt === null ? null : ownOpt(message, opt))
  if (question === null) message.copy(copy, 0, 0, 2)
  setFlags(copy, ownFlags(message) | code)
  return copy
}

/** The flags of an answer of ours: what the query said is given back, and recursion is available. */
export const ownFlags = (query: Buffer): number => QR | RA | (flags(query) & (OPCODE | RD | CD))

// What the client said of itself, given back: the payload, no version, no extended code, its DO bit (RFC 3225, 3).
function ownOpt(message: Buffer, opt: ResourceRecord): Buffer {
  const fixed = Buffer.from(message.subarray(opt.dataAt - RECORD_FIXED, opt.dataAt))
  fixed.writeUInt32BE(opt.ttl & DNSSEC_OK, 4)
  return fixed
}

/** True when the name asked for does not exist, or has no record of the type (RFC 2308, 2.1 and 2.2): at the end of a CNAME chain, too. */
export function isNegative(message: Buffer, question: Question, records: readonly ResourceRecord[]): boolean {
  const isAnswer = (record: ResourceRecord) => record.section === 'answer' && (record.type === question.type || question.type === TYPE_ANY)
  return rcode(message) === NXDOMAIN || !records.some(isAnswer)
}

/** Seconds for which an answer may be kept; 0: not at all. */
export function lifetime(message: Buffer, question: Question, records: readonly ResourceRecord[]): number {
  const code = rcode(message)
  if ((flags(message) & TC) !== 0 || (code !== NOERROR && code !== NXDOMAIN)) return 0
  let least = isNegative(message, question, records) ? negativeLifetime(message, records) : Number.POSITIVE_INFINITY
  for (const record of records) {
    if (record.type !== TYPE_OPT) least = Math.min(least, ttlOf(record))
    else if (record.ttl >>> 24 !== 0) return 0 // The upper bits of an error code that has more than four.
  }
  return least
}

/** RFC 2181, 8: with the top bit set it is zero. */
export const ttlOf = (record: ResourceRecord): number => (record.ttl > 0x7fffffff ? 0 : record.ttl)

// RFC 2308, 5: the SOA record's TTL or its minimum, whichever is less; without an SOA a negative answer is not kept.
function negativeLifetime(message: Buffer, records: readonly ResourceRecord[]): number {
  const soa = records.find((record) => record.section === 'authority' && record.type === TYPE_SOA)
  if (soa === undefined || soa.end - soa.dataAt < MIN_SOA) return 0
  return Math.min(ttlOf(soa), message.readUInt32BE(soa.end - 4))
}
