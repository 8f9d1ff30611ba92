/*
 * One line of text for a frame, for --verbose and for the message of a failed test. Off the packet path: it allocates.
 *
 *     10.0.2.100:43210 > 10.0.2.2:80 tcp S seq 1 ack 0 win 64240 len 0 <mss 1460, sack, ts 7 0, ws 7>
 *
 * It never trusts a length: what is cut short is described as far as it goes.
 */

import * as address from './address.js'
import * as arp from './arp.js'
import { describeIcmp6 } from './describe-icmpv6.js'
import * as dhcpv4 from './dhcpv4.js'
import * as dhcpv4Options from './dhcpv4-options.js'
import * as dhcpv6 from './dhcpv6.js'
import * as ethernet from './ethernet.js'
import * as icmpv4 from './icmpv4.js'
import * as ipv4 from './ipv4.js'
import * as ipv6 from './ipv6.js'
import * as extension from './ipv6-extension.js'
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  PORT_DHCP_CLIENT,
  PORT_DHCP_SERVER,
  PORT_DHCPV6_CLIENT,
  PORT_DHCPV6_SERVER,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from './numbers.js'
import * as tcp from './tcp.js'
import * as options from './tcp-options.js'
import * as udp from './udp.js'
import * as virtio from './virtio-net.js'

/** The letters of tcpdump; ACK is shown by its number. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [tcp.SYN, 'S'],
  [tcp.FIN, 'F'],
  [tcp.RST, 'R'],
  [tcp.PSH, 'P'],
  [tcp.URG, 'U'],
  [tcp.ECE, 'E'],
  [tcp.CWR, 'W'],
  [tcp.ACK, '.'],
]

const ICMP_NAMES: Readonly<Record<number, string>> = {
  [icmpv4.ECHO_REPLY]: 'echo reply',
  [icmpv4.UNREACHABLE]: 'unreachable',
  [icmpv4.REDIRECT]: 'redirect',
  [icmpv4.ECHO]: 'echo',
  [icmpv4.TIME_EXCEEDED]: 'time exceeded',
  [icmpv4.PARAMETER_PROBLEM]: 'parameter problem',
}

const DHCPV4_NAMES = ['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform']
const DHCPV6_NAMES: Readonly<Record<number, string>> = { [dhcpv6.REPLY]: 'reply', [dhcpv6.INFORMATION_REQUEST]: 'information-request' }

/** A frame that begins with its Ethernet header. */
export function describe(view: DataView, at: number, length: number): string {
  if (!ethernet.isValid(view, at, length)) return `ethernet: truncated, ${length} bytes`
  const type = ethernet.etherType(view, at)
  const rest = length - ethernet.HEADER_LENGTH
  const body = at + ethernet.HEADER_LENGTH
  switch (type) {
    case ETHERTYPE_ARP:
      return describeArp(view, body, rest)
    case ETHERTYPE_IPV4:
      return describeIpv4(view, body, rest)
    case ETHERTYPE_IPV6:
      return describeIpv6(view, body, rest)
    default: {
      const name = `ethertype 0x${type.toString(16).padStart(4, '0')}`
      const source = address.formatMac(ethernet.srcHigh(view, at), ethernet.srcLow(view, at))
      const destination = address.formatMac(ethernet.dstHigh(view, at), ethernet.dstLow(view, at))
      return `${source} > ${destination} ${name} len ${rest}`
    }
  }
}

/** A frame behind its virtio_net_hdr, whose offloads are told in brackets at the end. */
export function describeVnet(view: DataView, at: number, length: number): string {
  if (!virtio.isValid(view, at, length)) return `virtio_net_hdr: truncated, ${length} bytes`
  const notes: string[] = []
  const flags = virtio.flags(view, at)
  if (flags & virtio.FLAG_NEEDS_CSUM) notes.push(`csum ${virtio.checksumStart(view, at)}+${virtio.checksumOffset(view, at)}`)
  if (flags & virtio.FLAG_DATA_VALID) notes.push('valid')
  if (virtio.gsoType(view, at) !== virtio.GSO_NONE) notes.push(`gso ${virtio.gsoType(view, at)} of ${virtio.gsoSize(view, at)}`)
  const line = describe(view, at + virtio.HEADER_LENGTH, length - virtio.HEADER_LENGTH)
  return notes.length === 0 ? line : `${line} [${notes.join(', ')}]`
}

function describeArp(view: DataView, at: number, available: number): string {
  if (!arp.isValid(view, at, available)) return `arp: malformed, ${available} bytes`
  const sender = address.format(arp.senderAddress(view, at))
  const target = address.format(arp.targetAddress(view, at))
  switch (arp.operation(view, at)) {
    case arp.OPERATION_REQUEST:
      return `arp who has ${target}, tell ${sender}`
    case arp.OPERATION_REPLY:
      return `arp ${sender} is at ${address.formatMac(arp.senderHigh(view, at), arp.senderLow(view, at))}`
    default:
      return `arp operation ${arp.operation(view, at)} ${sender} > ${target}`
  }
}

function describeIpv4(view: DataView, at: number, available: number): string {
  if (!ipv4.isValid(view, at, available)) return `ipv4: malformed, ${available} bytes`
  const source = address.format(ipv4.source(view, at))
  const destination = address.format(ipv4.destination(view, at))
  const body = at + ipv4.headerLength(view, at)
  const length = ipv4.totalLength(view, at) - ipv4.headerLength(view, at)
  const mark = ipv4.checksumIsRight(view, at) ? '' : ' (bad ip checksum)'
  const protocol = ipv4.protocol(view, at)
  if (ipv4.isFragment(view, at)) {
    const more = ipv4.moreFragments(view, at) ? '+' : ''
    const piece = `fragment ${ipv4.identification(view, at)} at ${ipv4.fragmentOffset(view, at)}${more}`
    return `${source} > ${destination} protocol ${protocol} ${piece} len ${length}${mark}`
  }
  switch (protocol) {
    case PROTOCOL_TCP:
      return describeTcp(view, body, length, source, destination) + mark
    case PROTOCOL_UDP:
      return describeUdp(view, body, length, source, destination) + mark
    case PROTOCOL_ICMP:
      return `${source} > ${destination} ${describeIcmp(view, body, length)}${mark}`
    default:
      return `${source} > ${destination} protocol ${protocol} len ${length}${mark}`
  }
}

function describeIpv6(view: DataView, at: number, available: number): string {
  if (!ipv6.isValid(view, at, available)) return `ipv6: malformed, ${available} bytes`
  const source = address.format6(ipv6.source(view, at, 0), ipv6.source(view, at, 1), ipv6.source(view, at, 2), ipv6.source(view, at, 3))
  const destination = address.format6(
    ipv6.destination(view, at, 0),
    ipv6.destination(view, at, 1),
    ipv6.destination(view, at, 2),
    ipv6.destination(view, at, 3),
  )
  const found = new Int32Array(extension.COLUMNS)
  const end = extension.walk(view, at, found)
  const protocol = found[extension.PROTOCOL]!
  const body = at + found[extension.OFFSET]!
  const length = ipv6.HEADER_LENGTH + ipv6.payloadLength(view, at) - found[extension.OFFSET]!
  switch (end) {
    case extension.PROBLEM:
      return `${source} > ${destination} ipv6 problem code ${found[extension.PROBLEM_CODE]} at ${found[extension.PROBLEM_POINTER]} len ${length}`
    case extension.DISCARD:
      return `${source} > ${destination} ipv6 to be discarded, next ${protocol} len ${length}`
    case extension.FRAGMENTED: {
      const header = at + found[extension.FRAGMENT]!
      const more = extension.moreFragments(view, header) ? '+' : ''
      const piece = `fragment ${extension.identification(view, header) >>> 0} at ${extension.fragmentOffset(view, header)}${more}`
      return `${source} > ${destination} protocol ${protocol} ${piece} len ${length}`
    }
  }
  switch (protocol) {
    case PROTOCOL_TCP:
      return describeTcp(view, body, length, `[${source}]`, `[${destination}]`)
    case PROTOCOL_UDP:
      return describeUdp(view, body, length, `[${source}]`, `[${destination}]`)
    case PROTOCOL_ICMPV6:
      return `${source} > ${destination} ${describeIcmp6(view, at, body, length)}`
    default:
      return `${source} > ${destination} protocol ${protocol} len ${length}`
  }
}

function describeUdp(view: DataView, at: number, available: number, source: string, destination: string): string {
  if (!udp.isValid(view, at, available)) return `${source} > ${destination} udp: malformed, ${available} bytes`
  const from = udp.srcPort(view, at)
  const to = udp.dstPort(view, at)
  const length = udp.length(view, at) - udp.HEADER_LENGTH
  return `${source}:${from} > ${destination}:${to} udp len ${length}${describeDhcp(view, at + udp.HEADER_LENGTH, length, from, to)}`
}

function describeDhcp(view: DataView, at: number, length: number, from: number, to: number): string {
  if ((from === PORT_DHCP_CLIENT && to === PORT_DHCP_SERVER) || (from === PORT_DHCP_SERVER && to === PORT_DHCP_CLIENT)) {
    const found = new Int32Array(dhcpv4Options.COLUMNS)
    if (!dhcpv4.isValid(view, at, length) || !dhcpv4Options.parse(view, at, length, found)) return ' dhcp malformed'
    const type = found[dhcpv4Options.MESSAGE_TYPE]!
    const given = dhcpv4.yiaddr(view, at)
    return ` dhcp ${DHCPV4_NAMES[type] || `type ${type}`}${given === 0 ? '' : ` ${address.format(given)}`}`
  }
  if ((from === PORT_DHCPV6_CLIENT && to === PORT_DHCPV6_SERVER) || (from === PORT_DHCPV6_SERVER && to === PORT_DHCPV6_CLIENT)) {
    if (!dhcpv6.isValid(view, at, length)) return ' dhcp6 malformed'
    const type = dhcpv6.type(view, at)
    return ` dhcp6 ${DHCPV6_NAMES[type] ?? `type ${type}`}`
  }
  return ''
}

function describeIcmp(view: DataView, at: number, length: number): string {
  if (!icmpv4.isValid(view, at, length)) return `icmp: truncated, ${length} bytes`
  const type = icmpv4.type(view, at)
  const name = ICMP_NAMES[type] ?? `type ${type}`
  if (type !== icmpv4.ECHO && type !== icmpv4.ECHO_REPLY) return `icmp ${name} code ${icmpv4.code(view, at)} len ${length}`
  return `icmp ${name} id ${icmpv4.identifier(view, at)} seq ${icmpv4.sequence(view, at)} len ${length - icmpv4.HEADER_LENGTH}`
}

function describeTcp(view: DataView, at: number, length: number, source: string, destination: string): string {
  if (!tcp.isValid(view, at, length)) return `${source} > ${destination} tcp: malformed, ${length} bytes`
  const header = tcp.headerLength(view, at)
  const set = tcp.flags(view, at)
  const letters = FLAG_LETTERS.map(([flag, letter]) => (set & flag ? letter : '')).join('')
  const numbers = `seq ${tcp.sequence(view, at) >>> 0} ack ${tcp.acknowledgment(view, at) >>> 0} win ${tcp.window(view, at)}`
  const line = `${source}:${tcp.srcPort(view, at)} > ${destination}:${tcp.dstPort(view, at)} tcp ${letters || 'none'} ${numbers} len ${length - header}`
  return header === tcp.HEADER_LENGTH ? line : `${line} <${describeOptions(view, at + tcp.HEADER_LENGTH, header - tcp.HEADER_LENGTH)}>`
}

function describeOptions(view: DataView, at: number, length: number): string {
  const found = new Int32Array(options.LENGTH)
  const whole = options.parse(view, at, length, found)
  const parts: string[] = []
  if (found[options.MSS] !== 0) parts.push(`mss ${found[options.MSS]}`)
  if (found[options.SACK_PERMITTED] === 1) parts.push('sack')
  if (found[options.HAS_TIMESTAMP] === 1) parts.push(`ts ${found[options.TS_VALUE]! >>> 0} ${found[options.TS_ECHO]! >>> 0}`)
  if (found[options.WINDOW_SCALE] !== -1) parts.push(`ws ${found[options.WINDOW_SCALE]}`)
  for (let i = 0; i < found[options.SACK_COUNT]!; i++) {
    parts.push(`sack ${found[options.SACK_LEFT + 2 * i]! >>> 0}..${found[options.SACK_LEFT + 2 * i + 1]! >>> 0}`)
  }
  if (!whole) parts.push('malformed')
  return parts.join(', ')
}
