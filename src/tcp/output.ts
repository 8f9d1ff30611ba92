// Putting segments together (RFC 9293, 3.10.7 and 3.8): every segment to the guest leaves through here. Small ones carry a
// full checksum, so that readers on raw sockets are not confused; text leaves with a partial one, and as a super-segment
// that the receiver cuts (or takes whole) when it is longer than an MSS.

import { IS_IPV6, PORTS, pseudoSum } from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import * as ipv4 from '../wire/ipv4.js'
import * as ipv6 from '../wire/ipv6.js'
import { PROTOCOL_TCP } from '../wire/numbers.js'
import * as wire from '../wire/tcp.js'
import * as options from '../wire/tcp-options.js'
import * as virtio from '../wire/virtio-net.js'
import { ACK_DELAYED, ACK_NOW, HAS_SACK, HAS_SND_URGENT, HAS_TIMESTAMPS } from './columns.js'
import type { Connection } from './connection.js'
import * as sack from './sack.js'
import type { Segment } from './segment.js'
import { type Tcp, TIMER_DELAYED_ACK } from './stack.js'
import * as urgent from './urgent.js'
import * as window from './window.js'

/** Text that fits one checksum of our own at less cost than the receiver's: bytes. */
const SMALL_TEXT = 256

/** Chooses the options of the segment that is put together next, and returns its header's length: the offset of its text behind TRANSPORT_AT. */
export const prepare = (tcp: Tcp, c: Connection): number =>
  wire.HEADER_LENGTH + (c.has(HAS_TIMESTAMPS) ? options.TIMESTAMP_LENGTH : 0) + sack.choose(tcp, c)

/** Most text of one segment with the options that were chosen, bytes (RFC 6691). */
export const segmentSize = (tcp: Tcp, c: Connection): number => (tcp.sackCount === 0 ? c.sndMss : c.sndMss - 4 - 8 * tcp.sackCount)

/** Our MSS: what one datagram of the link's MTU holds (RFC 9293, 3.7.1; RFC 8200, 8.3). */
export const ourMss = (tcp: Tcp, c: Connection): number => tcp.interface.mtu - ipHeaderLength(c) - wire.HEADER_LENGTH

/** Bytes of the IP header in front of a segment. */
export const ipHeaderLength = (c: Connection): number => (isIpv6(c) ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH)

const isIpv6 = (c: Connection): boolean => c.rows[c.base + IS_IPV6] === 1

// What any segment that acknowledges settles.
function acknowledged(tcp: Tcp, c: Connection): void {
  c.lastAckSent = c.rcvNxt
  c.rcvUnacked = 0
  c.dsackLeft = c.dsackRight
  if (c.has(ACK_DELAYED)) tcp.cancelTimer(c, TIMER_DELAYED_ACK)
  c.lower(ACK_NOW | ACK_DELAYED)
}

// In the slot, which is taken.
function writeHeader(tcp: Tcp, c: Connection, sequence: number, flags: number, header: number, windowField: number): void {
  const at = tcp.interface.transportAt
  const ports = c.rows[c.base + PORTS]!
  const view = tcp.interface.view
  wire.write(view, at, ports & 0xffff, ports >>> 16, sequence, c.rcvNxt, header, flags, windowField)
  if (!c.has(HAS_TIMESTAMPS)) sack.write(tcp, at + wire.HEADER_LENGTH)
  else {
    options.writeTimestamp(view, at + wire.HEADER_LENGTH, (tcp.now + c.tsOffset) | 0, c.tsRecent)
    sack.write(tcp, at + wire.HEADER_LENGTH + options.TIMESTAMP_LENGTH)
  }
}

// From the slot, checksum in full; `length` counts from the TCP header.
function transmitWhole(tcp: Tcp, c: Connection, length: number): boolean {
  const iface = tcp.interface
  wire.setChecksum(iface.view, iface.transportAt, length, pseudoSum(c.rows, c.base, length))
  iface.headRow(c.rows, c.base, PROTOCOL_TCP, length)
  return iface.transmit(length)
}

/** Our SYN (RFC 9293, 3.5): with the ACK of the guest's, when that has come, and then it offers what the guest's offered. */
export function sendSyn(tcp: Tcp, c: Connection): void {
  const at = tcp.interface.begin()
  const view = tcp.interface.view
  const scale = c.rcvScale > 0 ? c.rcvScale : -1
  const hasSack = c.has(HAS_SACK) ? 1 : 0
  const stamps = c.has(HAS_TIMESTAMPS) ? 1 : 0
  const stamp = (tcp.now + c.tsOffset) | 0
  const size = options.writeSyn(view, at + wire.HEADER_LENGTH, ourMss(tcp, c), scale, hasSack, stamps, stamp, c.tsRecent)
  const offered = (c.rcvEdge - c.rcvNxt) | 0
  const ports = c.rows[c.base + PORTS]!
  const header = wire.HEADER_LENGTH + size
  const flags = c.state === 'SYN-SENT' ? wire.SYN : wire.SYN | wire.ACK
  const ack = c.state === 'SYN-SENT' ? 0 : c.rcvNxt
  // RFC 7323, 2.2: the window of a SYN is never scaled.
  wire.write(view, at, ports & 0xffff, ports >>> 16, c.iss, ack, header, flags, Math.min(offered, 0xffff))
  c.lastAckSent = c.rcvNxt
  c.lastSent = tcp.now
  transmitWhole(tcp, c, header)
}

/** A segment without text: an acknowledgment, a FIN, a probe. SACK blocks tell what is held (RFC 2018, 4). */
export function sendControl(tcp: Tcp, c: Connection, sequence: number, flags: number): void {
  window.advance(tcp, c)
  const header = prepare(tcp, c)
  tcp.interface.begin()
  writeHeader(tcp, c, sequence, flags | wire.ACK, header, window.offer(c))
  acknowledged(tcp, c)
  if ((flags & wire.FIN) !== 0) c.lastSent = tcp.now
  transmitWhole(tcp, c, header)
}

/**
 * Sequence number of a segment without text. The highest one sent, for sndNxt goes back after a timeout, and what lies before the
 * guest's RCV.NXT is not acceptable to it; but as in Linux (tcp_acceptable_seq) no further than the window: a probe may be beyond.
 */
function sequence(c: Connection): number {
  const flight = (c.sndMax - c.sndUna) | 0
  return flight <= c.sndWnd ? c.sndMax : (c.sndUna + c.sndWnd) | 0
}

/** An acknowledgment and nothing else. */
export function sendAck(tcp: Tcp, c: Connection): void {
  sendControl(tcp, c, sequence(c), 0)
}

/** A segment that asks for an acknowledgment, and nothing else: its number lies before the guest's window (RFC 9293, 3.8.4). */
export function sendKeepAlive(tcp: Tcp, c: Connection): void {
  sendControl(tcp, c, (c.sndUna - 1) | 0, 0)
}

/** `length` bytes of text, which lie in the slot behind the `header` of `prepare`. False when the device could not take it: it is lost. */
export function sendText(tcp: Tcp, c: Connection, sequence: number, header: number, length: number, flags: number): boolean {
  window.advance(tcp, c)
  const iface = tcp.interface
  const size = segmentSize(tcp, c)
  writeHeader(tcp, c, sequence, flags | wire.ACK, header, window.offer(c))
  if (c.has(HAS_SND_URGENT)) urgent.mark(tcp, c, sequence, length)
  acknowledged(tcp, c)
  c.lastSent = tcp.now
  const total = header + length
  if (length <= Math.min(SMALL_TEXT, size) || !iface.hasOffload) return transmitWhole(tcp, c, total)
  wire.setPartial(iface.view, iface.transportAt, pseudoSum(c.rows, c.base, total))
  iface.headRow(c.rows, c.base, PROTOCOL_TCP, total)
  const isSuper = length > size
  if (!isSuper) return iface.transmitPartial(total, virtio.GSO_NONE, header, 0, wire.CHECKSUM_OFFSET)
  return iface.transmitPartial(total, isIpv6(c) ? virtio.GSO_TCPV6 : virtio.GSO_TCPV4, header, size, wire.CHECKSUM_OFFSET)
}

/** Resets the connection as the guest sees it (RFC 9293, 3.5.2). */
export function sendReset(tcp: Tcp, c: Connection): void {
  tcp.sackCount = 0
  const header = wire.HEADER_LENGTH + (c.has(HAS_TIMESTAMPS) ? options.TIMESTAMP_LENGTH : 0)
  tcp.interface.begin()
  writeHeader(tcp, c, sequence(c), wire.RST | wire.ACK, header, 0)
  transmitWhole(tcp, c, header)
}

/** Resets the connection that the segment belongs to, which is not this one (RFC 9293, 3.10.7.4: sequence SEG.ACK). */
export function sendResetOf(tcp: Tcp, c: Connection, s: Segment): void {
  const at = tcp.interface.begin()
  const ports = c.rows[c.base + PORTS]!
  wire.write(tcp.interface.view, at, ports & 0xffff, ports >>> 16, s.ack, 0, wire.HEADER_LENGTH, wire.RST, 0)
  transmitWhole(tcp, c, wire.HEADER_LENGTH)
}

/** Answers a SYN that cannot be served: the connection is refused (RFC 9293, 3.5.2: sequence 0, the SYN acknowledged, and what it brought: listen.ts). */
export function sendRefusal(tcp: Tcp, c: Connection): void {
  const at = tcp.interface.begin()
  const ports = c.rows[c.base + PORTS]!
  wire.write(tcp.interface.view, at, ports & 0xffff, ports >>> 16, 0, c.rcvEdge, wire.HEADER_LENGTH, wire.RST | wire.ACK, 0)
  transmitWhole(tcp, c, wire.HEADER_LENGTH)
}

/** Answers a segment that belongs to no connection (RFC 9293, 3.10.7.1), from where it was sent to. */
export function sendStrayReset(tcp: Tcp, s: Segment, inbound: Inbound): void {
  const iface = tcp.interface
  const at = iface.begin()
  const isAck = s.has(wire.ACK)
  const flags = isAck ? wire.RST : wire.RST | wire.ACK
  const guestPort = wire.srcPort(iface.view, inbound.payloadAt)
  const remotePort = wire.dstPort(iface.view, inbound.payloadAt)
  wire.write(iface.view, at, remotePort, guestPort, isAck ? s.ack : 0, isAck ? 0 : (s.seq + s.length) | 0, wire.HEADER_LENGTH, flags, 0)
  wire.setChecksum(iface.view, at, wire.HEADER_LENGTH, inbound.pseudoSum(PROTOCOL_TCP, wire.HEADER_LENGTH))
  iface.out.answer(inbound)
  iface.head(PROTOCOL_TCP, wire.HEADER_LENGTH)
  iface.transmit(wire.HEADER_LENGTH)
}
