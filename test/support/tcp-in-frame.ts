// Where TCP is in a frame of either version of IP, and its checksum: for those who look on.
import * as checksum from '../../src/wire/checksum.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import { IP_AT } from './frames.js'

const isIpv6 = (view: DataView, at: number): boolean => ipv4.version(view, at + IP_AT) === 6

/** Offset of the TCP header, whose frame is at `at`. */
export const tcpAt = (view: DataView, at: number): number => at + IP_AT + (isIpv6(view, at) ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH)

/** Whether the IP header says that there is any. */
export function hasTcp(view: DataView, at: number): boolean {
  const ip = at + IP_AT
  return (isIpv6(view, at) ? ipv6.nextHeader(view, ip) : ipv4.protocol(view, ip)) === PROTOCOL_TCP
}

/** The partial sum of the pseudo-header of a frame of `length` bytes. */
export function pseudoSum(view: DataView, at: number, length: number): number {
  const ip = at + IP_AT
  const total = at + length - tcpAt(view, at)
  if (isIpv6(view, at)) return checksum.pseudoHeader6(view, ip, PROTOCOL_TCP, total)
  return checksum.pseudoHeader4(ipv4.source(view, ip), ipv4.destination(view, ip), PROTOCOL_TCP, total)
}

/** Whether nothing on the way has changed what a receiver looks at. */
export function isWhole(view: DataView, at: number, length: number): boolean {
  const ip = at + IP_AT
  const tcp = tcpAt(view, at)
  const isHeaderRight = isIpv6(view, at)
    ? ipv6.payloadLength(view, ip) === length - IP_AT - ipv6.HEADER_LENGTH
    : ipv4.checksumIsRight(view, ip)
  return isHeaderRight && wire.checksumIsRight(view, tcp, at + length - tcp, pseudoSum(view, at, length))
}
