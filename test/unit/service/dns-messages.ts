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

/** A name server's answer: identifier and question are the query's. */
export function answerTo(message: Buffer, answers: readonly Answer[], more: Packet = {}): Buffer {
  const asked = decode(message)
  return encode({ type: 'response', id: asked.id, flags: 0x0180, questions: asked.questions, answers: [...answers], ...more })
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
