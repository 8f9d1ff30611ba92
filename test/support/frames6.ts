// Frames of a guest's IPv6 that are well-formed, extension headers included, for tests that then bend them: as frames.ts has those of IPv4.
import type { Words } from '../../src/wire/address.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as icmp from '../../src/wire/icmpv6.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import * as extension from '../../src/wire/ipv6-extension.js'
import * as ndp from '../../src/wire/ndp.js'
import * as options from '../../src/wire/ndp-options.js'
import { ETHERTYPE_IPV6, MULTICAST6_HIGH, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import { ETHERNET_AT, GUEST_MAC, IP_AT, type Mac } from './frames.js'

/** Where the transport header is behind no extension header. */
export const TRANSPORT6_AT = IP_AT + ipv6.HEADER_LENGTH
export const ROUTER_MAC: Mac = [0x5256, 2]

export const REMOTE6: Words = [0x20010db8, 0, 0, 0x7]
export const LINK_LOCAL: Words = [0xfe800000 | 0, 0, 0x48adbeff | 0, 0xfeef1064 | 0]
export const UNSPECIFIED: Words = [0, 0, 0, 0]
export const ALL_NODES: Words = [0xff020000 | 0, 0, 0, 1]
export const ALL_ROUTERS: Words = [0xff020000 | 0, 0, 0, 2]

/** An extension header in front of the transport: its number and its bytes, the first of which names the next header. */
export interface Extension {
  readonly number: number
  readonly bytes: readonly number[]
}

export interface Route6 {
  readonly source: Words
  readonly destination: Words
  readonly from?: Mac
  /** Default: of the group, or of our router. */
  readonly to?: Mac
  readonly hops?: number
  readonly extensions?: readonly Extension[]
}

/** Padding of 6 bytes. */
const PAD = [1, 4, 0, 0, 0, 0]
export const hopByHop = (body: readonly number[] = PAD): Extension => ({ number: extension.HOP_BY_HOP_OPTIONS, bytes: [0, 0, ...body] })
export const destinationOptions = (body: readonly number[] = PAD): Extension => ({
  number: extension.DESTINATION_OPTIONS,
  bytes: [0, 0, ...body],
})
export const routing = (segmentsLeft: number): Extension => ({ number: extension.ROUTING, bytes: [0, 0, 0, segmentsLeft, 0, 0, 0, 0] })
/** `offset`: bytes. */
export const fragment = (offset: number, more: 0 | 1, id = 1): Extension => ({
  number: extension.FRAGMENT_HEADER,
  bytes: [0, 0, offset >> 8, (offset & 0xf8) | more, id >>> 24, (id >> 16) & 255, (id >> 8) & 255, id & 255],
})

/** The station that a packet for an address goes to (RFC 2464, 7). */
const stationOf = (destination: Words): Mac => (ipv6.isMulticast(destination[0]) ? [MULTICAST6_HIGH, destination[3]] : ROUTER_MAC)

/** A packet of any protocol. */
export function packetFrame(r: Route6, protocol: number, payload: Uint8Array): Uint8Array {
  const extensions = r.extensions ?? []
  const headers = extensions.reduce((sum, one) => sum + one.bytes.length, 0)
  const frame = new Uint8Array(TRANSPORT6_AT + headers + payload.length)
  const view = new DataView(frame.buffer)
  const [toHigh, toLow] = r.to ?? stationOf(r.destination)
  const [fromHigh, fromLow] = r.from ?? GUEST_MAC
  ethernet.write(view, ETHERNET_AT, toHigh, toLow, fromHigh, fromLow, ETHERTYPE_IPV6)
  const names = [...extensions.map((one) => one.number), protocol]
  ipv6.write(view, IP_AT, headers + payload.length, names[0]!, r.hops ?? 64, 0, 0, ...r.source, ...r.destination)
  let at = TRANSPORT6_AT
  extensions.forEach((one, i) => {
    frame.set(one.bytes, at)
    frame[at] = names[i + 1]!
    at += one.bytes.length
  })
  frame.set(payload, at)
  return frame
}

const pseudoSum = (r: Route6, protocol: number, length: number): number =>
  checksum.pseudoHeader6Of(...r.source, ...r.destination, protocol, length)

export function udp6Frame(r: Route6, sourcePort: number, port: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(udp.HEADER_LENGTH + payload.length)
  const view = new DataView(bytes.buffer)
  udp.write(view, 0, sourcePort, port, bytes.length)
  bytes.set(payload, udp.HEADER_LENGTH)
  udp.setChecksum(view, 0, pseudoSum(r, PROTOCOL_UDP, bytes.length))
  return packetFrame(r, PROTOCOL_UDP, bytes)
}

/** `body`: what follows the first 8 bytes. */
export function icmp6Frame(r: Route6, type: number, code: number, word: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(icmp.HEADER_LENGTH + body.length)
  const view = new DataView(bytes.buffer)
  icmp.write(view, 0, type, code, word)
  bytes.set(body, icmp.HEADER_LENGTH)
  icmp.setChecksum(view, 0, bytes.length, pseudoSum(r, PROTOCOL_ICMPV6, bytes.length))
  return packetFrame(r, PROTOCOL_ICMPV6, bytes)
}

export function tcp6Frame(
  r: Route6,
  ports: readonly [number, number],
  seq: number,
  ack: number,
  flags: number,
  text: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(tcp.HEADER_LENGTH + text.length)
  const view = new DataView(bytes.buffer)
  tcp.write(view, 0, ports[0], ports[1], seq, ack, tcp.HEADER_LENGTH, flags, 65_535)
  bytes.set(text, tcp.HEADER_LENGTH)
  tcp.setChecksum(view, 0, bytes.length, pseudoSum(r, PROTOCOL_TCP, bytes.length))
  return packetFrame(r, PROTOCOL_TCP, bytes)
}

const bytesOf = (words: Words): number[] => words.flatMap((word) => [word >>> 24, (word >> 16) & 255, (word >> 8) & 255, word & 255])
const linkOption = (type: number, [high, low]: Mac): number[] => [
  type,
  1,
  high >> 8,
  high & 255,
  low >>> 24,
  (low >> 16) & 255,
  (low >> 8) & 255,
  low & 255,
]
export const sourceLink = (mac: Mac): number[] => linkOption(1, mac)
export const targetLink = (mac: Mac): number[] => linkOption(2, mac)

/** A message of neighbor discovery: as it has to be, unless `r` says otherwise. */
function ndpFrame(r: Route6, type: number, word: number, body: readonly number[]): Uint8Array {
  return icmp6Frame({ hops: ndp.NEIGHBOR_HOP_LIMIT, ...r }, type, 0, word, Uint8Array.from(body))
}

/** Who asks for an address: `source` all zeros finds out whether it is free. */
export function solicitationFrame(target: Words, r: Partial<Route6> = {}, option: readonly number[] = sourceLink(GUEST_MAC)): Uint8Array {
  const group: Words = [ndp.SOLICITED_NODE_0, ndp.SOLICITED_NODE_1, ndp.SOLICITED_NODE_2, ndp.solicitedNode(target[3])]
  return ndpFrame({ source: LINK_LOCAL, destination: group, ...r }, ndp.NEIGHBOR_SOLICITATION, 0, [...bytesOf(target), ...option])
}

/** Who answers for an address; `flags` of ndp.ts. */
export function advertisementFrame(
  target: Words,
  flags: number,
  r: Partial<Route6> = {},
  option: readonly number[] = targetLink(GUEST_MAC),
): Uint8Array {
  const to: Words = [ndp.LINK_LOCAL_0, 0, 0, 2]
  return ndpFrame({ source: target, destination: to, ...r }, ndp.NEIGHBOR_ADVERTISEMENT, flags, [...bytesOf(target), ...option])
}

export function routerSolicitationFrame(r: Partial<Route6> = {}, option: readonly number[] = sourceLink(GUEST_MAC)): Uint8Array {
  return ndpFrame({ source: LINK_LOCAL, destination: ALL_ROUTERS, ...r }, ndp.ROUTER_SOLICITATION, 0, option)
}

/** The four words of an address of a frame: `SOURCE6`, `DESTINATION6`. */
export const SOURCE6 = IP_AT + ipv6.SOURCE_OFFSET
export const DESTINATION6 = SOURCE6 + 16
export const wordsAt = (frame: Uint8Array, at: number): Words => {
  const view = new DataView(frame.buffer, frame.byteOffset)
  return [view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12)]
}

/** What an ICMPv6 message that the stack has sent says, its checksum checked. */
export function readIcmp6(frame: Uint8Array): {
  source: Words
  destination: Words
  hops: number
  type: number
  code: number
  word: number
  body: Uint8Array
} {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const length = frame.length - TRANSPORT6_AT
  if (!ipv6.isValid(view, IP_AT, frame.length - IP_AT) || ipv6.nextHeader(view, IP_AT) !== PROTOCOL_ICMPV6) throw new Error('no ICMPv6')
  if (!icmp.checksumIsRight(view, TRANSPORT6_AT, length, checksum.pseudoHeader6(view, IP_AT, PROTOCOL_ICMPV6, length)))
    throw new Error('a wrong checksum')
  return {
    source: wordsAt(frame, SOURCE6),
    destination: wordsAt(frame, DESTINATION6),
    hops: ipv6.hopLimit(view, IP_AT),
    type: icmp.type(view, TRANSPORT6_AT),
    code: icmp.code(view, TRANSPORT6_AT),
    word: view.getInt32(TRANSPORT6_AT + 4),
    body: frame.slice(TRANSPORT6_AT + icmp.HEADER_LENGTH),
  }
}

/** The options of a message of neighbor discovery that the stack has sent: columns of ndp-options.ts. */
export function readOptions(frame: Uint8Array): Int32Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const found = new Int32Array(options.COLUMNS)
  if (!ndp.isValid(view, IP_AT, TRANSPORT6_AT, frame.length - TRANSPORT6_AT, found)) throw new Error('not valid')
  return found
}
