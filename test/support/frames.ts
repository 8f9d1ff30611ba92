// Frames of a guest that are well-formed, for tests that then bend them: virtio-net header, Ethernet, and what is asked for, with every
// checksum in place.
import * as arp from '../../src/wire/arp.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as icmp from '../../src/wire/icmpv4.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import * as virtio from '../../src/wire/virtio-net.js'

export const ETHERNET_AT = virtio.HEADER_LENGTH
export const IP_AT = ETHERNET_AT + ethernet.HEADER_LENGTH
export const TRANSPORT_AT = IP_AT + ipv4.HEADER_LENGTH

/** A MAC address: its upper 16 bits and its lower 32. */
export type Mac = readonly [high: number, low: number]
export const GUEST_MAC: Mac = [0x0200, 0x00001234]
export const GATEWAY_MAC: Mac = [0x5255, 0x0a000202]
export const BROADCAST_MAC: Mac = [0xffff, -1]

export interface Route {
  readonly source: number
  readonly destination: number
  readonly from?: Mac
  readonly to?: Mac
}

function frameOf(length: number, r: Pick<Route, 'from' | 'to'>, type: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(IP_AT + length)
  const view = new DataView(bytes.buffer)
  const [toHigh, toLow] = r.to ?? GATEWAY_MAC
  const [fromHigh, fromLow] = r.from ?? GUEST_MAC
  ethernet.write(view, ETHERNET_AT, toHigh, toLow, fromHigh, fromLow, type)
  return { bytes, view }
}

function datagramOf(protocol: number, length: number, r: Route): { bytes: Uint8Array; view: DataView } {
  const frame = frameOf(ipv4.HEADER_LENGTH + length, r, ETHERTYPE_IPV4)
  ipv4.write(frame.view, IP_AT, ipv4.HEADER_LENGTH + length, protocol, r.source, r.destination, 1, 64, 0, 0)
  return frame
}

export function udpFrame(r: Route, sourcePort: number, port: number, payload: Uint8Array): Uint8Array {
  const length = udp.HEADER_LENGTH + payload.length
  const { bytes, view } = datagramOf(PROTOCOL_UDP, length, r)
  udp.write(view, TRANSPORT_AT, sourcePort, port, length)
  bytes.set(payload, TRANSPORT_AT + udp.HEADER_LENGTH)
  udp.setChecksum4(view, TRANSPORT_AT, r.source, r.destination)
  return bytes
}

export function icmpFrame(r: Route, type: number, code: number, word: number, payload: Uint8Array): Uint8Array {
  const length = icmp.HEADER_LENGTH + payload.length
  const { bytes, view } = datagramOf(PROTOCOL_ICMP, length, r)
  icmp.write(view, TRANSPORT_AT, type, code, word)
  bytes.set(payload, TRANSPORT_AT + icmp.HEADER_LENGTH)
  icmp.setChecksum(view, TRANSPORT_AT, length)
  return bytes
}

export function tcpFrame(
  r: Route,
  ports: readonly [number, number],
  seq: number,
  ack: number,
  flags: number,
  text: Uint8Array,
): Uint8Array {
  const length = tcp.HEADER_LENGTH + text.length
  const { bytes, view } = datagramOf(PROTOCOL_TCP, length, r)
  tcp.write(view, TRANSPORT_AT, ports[0], ports[1], seq, ack, tcp.HEADER_LENGTH, flags, 65_535)
  bytes.set(text, TRANSPORT_AT + tcp.HEADER_LENGTH)
  tcp.setChecksum(view, TRANSPORT_AT, length, checksum.pseudoHeader4(r.source, r.destination, PROTOCOL_TCP, length))
  return bytes
}

export function arpFrame(sender: Mac, source: number, target: number, operation = arp.OPERATION_REQUEST): Uint8Array {
  const { bytes, view } = frameOf(arp.LENGTH, { to: BROADCAST_MAC }, ETHERTYPE_ARP)
  arp.write(view, IP_AT, operation, sender[0], sender[1], source, 0, 0, target)
  return bytes
}
