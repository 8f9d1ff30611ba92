// DNS messages as a guest and its name servers would write them, by dns-packet.
import { type Answer, type DecodedPacket, decode, encode, type OptAnswer, type Packet, type RecordType } from 'dns-packet'

export function query(name: string, type: RecordType = 'A', id = 7, more: Packet = {}): Buffer {
  return encode({ type: 'query', id, flags: 0x0100, questions: [{ name, type }], ...more })
}

/** The additional record of who speaks EDNS. */
export function edns(udpPayloadSize: number, isSigned = false): OptAnswer {
  const flags = isSigned ? 0x8000 : 0
  return { type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags, flag_do: isSigned, options: [] }
}

/** A message that ends with an OPT record, with an option in it (RFC 6891, 6.1.2). */
export function withOption(message: Buffer, code: number, value: Buffer): Buffer {
  const copy = Buffer.concat([message, Buffer.alloc(4), value])
  copy.writeUInt16BE(copy.readUInt16BE(message.length - 2) + 4 + value.length, message.length - 2)
  copy.writeUInt16BE(code, message.length)
  copy.writeUInt16BE(value.length, message.length + 2)
  return copy
}

const HEADER_LENGTH = 12
/** Type and class, behind a question's name. */
const QUESTION_FIXED = 4

/** A name server's answer: identifier and questions are the query's, byte for byte, whatever else stands in the query. */
export function answerTo(message: Buffer, answers: readonly Answer[], more: Packet = {}): Buffer {
  const answer = encode({ type: 'response', id: message.readUInt16BE(0), flags: 0x0180, answers: [...answers], ...more })
  if (more.questions !== undefined) return answer
  const count = message.readUInt16BE(4)
  let end = HEADER_LENGTH
  for (let i = 0; i < count; i++) {
    while (message[end]! > 0) end += 1 + message[end]!
    end += 1 + QUESTION_FIXED
  }
  answer.writeUInt16BE(count, 4)
  return Buffer.concat([answer.subarray(0, HEADER_LENGTH), message.subarray(HEADER_LENGTH, end), answer.subarray(HEADER_LENGTH)])
}

export const a = (name: string, data = '198.51.100.1', ttl = 60): Answer => ({ type: 'A', name, ttl, data })

export const soa = (name: string, ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: `ns.${name}`, rname: `hostmaster.${name}`, serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})

export const decoded = (message: Buffer): DecodedPacket & { rcode: string } => decode(message) as DecodedPacket & { rcode: string }

/** TTLs of records. */
export const ttls = (records: readonly Answer[] | undefined): (number | undefined)[] =>
  (records ?? []).map((record) => ('ttl' in record ? record.ttl : undefined))

/** Data of the answers. */
export const data = (packet: Packet): unknown[] => (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined))
