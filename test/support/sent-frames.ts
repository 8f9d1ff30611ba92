// What the stack may send to a guest, whatever that has sent: well-formed frames, for one host, from one that is not of the guest's link. The one
// exception is neighbor discovery, which tells all nodes.
import assert from 'node:assert/strict'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as icmp from '../../src/wire/icmpv4.js'
import * as icmp6 from '../../src/wire/icmpv6.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import * as extension from '../../src/wire/ipv6-extension.js'
import * as ndp from '../../src/wire/ndp.js'
import * as options from '../../src/wire/ndp-options.js'
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  PORT_DHCPV6_SERVER,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import * as virtio from '../../src/wire/virtio-net.js'
import { BROADCAST } from './bent-frames.js'
import { ETHERNET_AT, IP_AT, TRANSPORT_AT } from './frames.js'
import { DESTINATION6, SOURCE6, TRANSPORT6_AT, wordsAt } from './frames6.js'
import { DNS, DNS6, GATEWAY, GATEWAY6, NETWORK, NETWORK6, ROUTER6 } from './simulated-stack.js'

const GROUP_BIT = 0x0100

/** A frame of the stack. */
export function checkSent(frame: Uint8Array, mtu: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const type = ethernet.etherType(view, ETHERNET_AT)
  assert.equal(ethernet.srcHigh(view, ETHERNET_AT) & ~3, 0x5255 & ~3, 'from a station that is not ours')
  if (virtio.gsoType(view, 0) === virtio.GSO_NONE) assert.ok(frame.length - IP_AT <= mtu, 'longer than the link')
  if (type === ETHERTYPE_IPV6) {
    checkSent6(view, frame)
    return
  }
  assert.equal(ethernet.dstHigh(view, ETHERNET_AT) & GROUP_BIT, 0, 'sent to a group of stations')
  if (type === ETHERTYPE_ARP) return
  assert.equal(type, ETHERTYPE_IPV4)
  checkSent4(view, frame)
}

function checkSent4(view: DataView, frame: Uint8Array): void {
  assert.ok(ipv4.isValid(view, IP_AT, frame.length - IP_AT) && ipv4.checksumIsRight(view, IP_AT), 'a bad IPv4 header')
  assert.equal(ipv4.totalLength(view, IP_AT), frame.length - IP_AT)
  const target = ipv4.destination(view, IP_AT)
  const source = ipv4.source(view, IP_AT)
  for (const address of [source, target])
    assert.ok(address >>> 28 < 0xe && address !== BROADCAST && address !== NETWORK, 'sent to or as several hosts')
  assert.ok(target >>> 24 !== 127 && target >>> 24 !== 0 && target !== GATEWAY && target !== DNS, 'sent to what is no host of the guest')
  if (ipv4.isFragment(view, IP_AT)) return
  const length = frame.length - TRANSPORT_AT
  const protocol = ipv4.protocol(view, IP_AT)
  if (protocol !== PROTOCOL_ICMP) {
    checkTransport(view, TRANSPORT_AT, protocol, length, checksum.pseudoHeader4(source, target, protocol, length))
    return
  }
  assert.ok(icmp.checksumIsRight(view, TRANSPORT_AT, length))
  if (icmp.isError(view, TRANSPORT_AT)) assert.ok(length <= icmp.HEADER_LENGTH + icmp.QUOTE_LIMIT, 'quotes too much')
}

// A partial checksum is the receiver's to finish: it is the sum of the pseudo-header then.
function checkTransport(view: DataView, at: number, protocol: number, length: number, pseudo: number): void {
  const isPartial = (virtio.flags(view, 0) & virtio.FLAG_NEEDS_CSUM) !== 0
  if (isPartial) assert.equal(virtio.checksumStart(view, 0), at - virtio.HEADER_LENGTH)
  if (protocol === PROTOCOL_TCP) {
    assert.ok(tcp.isValid(view, at, length))
    assert.ok(isPartial ? tcp.checksum(view, at) === pseudo : tcp.checksumIsRight(view, at, length, pseudo), 'a bad TCP checksum')
  } else {
    assert.equal(protocol, PROTOCOL_UDP)
    assert.equal(udp.length(view, at), length)
    assert.ok(isPartial ? udp.checksum(view, at) === pseudo : udp.checksumIsRight(view, at, pseudo), 'a bad UDP checksum')
    assert.notEqual(udp.checksum(view, at), isPartial ? -1 : 0, 'no checksum')
  }
}

const OWN = [GATEWAY6, DNS6, ROUTER6, NETWORK6].map(String)
const found = new Int32Array(options.COLUMNS)

function checkSent6(view: DataView, frame: Uint8Array): void {
  assert.ok(ipv6.isValid(view, IP_AT, frame.length - IP_AT), 'a bad IPv6 header')
  assert.equal(ipv6.payloadLength(view, IP_AT), frame.length - TRANSPORT6_AT)
  const source = wordsAt(frame, SOURCE6)
  const target = wordsAt(frame, DESTINATION6)
  assert.ok(!ipv6.isMulticast(source[0]) && !ipv6.isUnspecified(...source) && !ipv6.isLoopback(...source), `sent as ${source}`)
  assert.ok(!ipv6.isUnspecified(...target) && !ipv6.isLoopback(...target) && !OWN.includes(String(target)), `sent to ${target}`)
  const isToGroup = ipv6.isMulticast(target[0])
  assert.equal((ethernet.dstHigh(view, ETHERNET_AT) & GROUP_BIT) !== 0, isToGroup, 'the station and the address disagree')
  const protocol = ipv6.nextHeader(view, IP_AT)
  const length = frame.length - TRANSPORT6_AT
  if (protocol === extension.FRAGMENT_HEADER) {
    assert.ok(!isToGroup && length > extension.FRAGMENT_HEADER_LENGTH)
    return
  }
  const pseudo = checksum.pseudoHeader6(view, IP_AT, protocol, length)
  if (protocol !== PROTOCOL_ICMPV6) {
    assert.ok(!isToGroup, 'sent to several hosts')
    checkTransport(view, TRANSPORT6_AT, protocol, length, pseudo)
    return
  }
  // Who answers a datagram to many may have a link-local address on the host's network.
  if (ipv6.isLinkLocal(source[0])) assert.equal(String(source), String(ROUTER6), 'as another of the link')
  assert.ok(icmp6.checksumIsRight(view, TRANSPORT6_AT, length, pseudo), 'a bad ICMPv6 checksum')
  const type = icmp6.type(view, TRANSPORT6_AT)
  if (type >= ndp.ROUTER_SOLICITATION && type <= ndp.REDIRECT)
    assert.ok(ndp.isValid(view, IP_AT, TRANSPORT6_AT, length, found), 'no valid neighbor discovery')
  else assert.ok(!isToGroup, 'sent to several hosts')
  if (icmp6.isErrorType(type)) assert.ok(frame.length - IP_AT <= ipv6.MINIMUM_MTU, 'quotes too much')
}

/** A packet of IP that is not meant for one host, or did not come so. */
export function isForSeveral(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame.length < TRANSPORT_AT) return false
  const isToMany = (ethernet.dstHigh(view, ETHERNET_AT) & GROUP_BIT) !== 0
  const type = ethernet.etherType(view, ETHERNET_AT)
  if (type === ETHERTYPE_IPV6) return isToMany || (frame.length >= TRANSPORT6_AT && ipv6.isMulticast(view.getInt32(DESTINATION6)))
  if (type !== ETHERTYPE_IPV4) return false
  const target = ipv4.destination(view, IP_AT)
  return isToMany || target >>> 28 >= 0xe || target === BROADCAST || target === NETWORK
}

/** What may answer a packet to several hosts: neighbor discovery, echo replies, DHCPv6, and an error that an option has asked for. */
export function isForAll(answer: Uint8Array): boolean {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length)
  if (ethernet.etherType(view, ETHERNET_AT) !== ETHERTYPE_IPV6) return false
  const protocol = ipv6.nextHeader(view, IP_AT)
  if (protocol === extension.FRAGMENT_HEADER) return extension.fragmentNextHeader(view, TRANSPORT6_AT) === PROTOCOL_ICMPV6
  if (protocol === PROTOCOL_UDP) return udp.srcPort(view, TRANSPORT6_AT) === PORT_DHCPV6_SERVER
  if (protocol !== PROTOCOL_ICMPV6) return false
  const type = icmp6.type(view, TRANSPORT6_AT)
  if (type === icmp6.PARAMETER_PROBLEM) return icmp6.code(view, TRANSPORT6_AT) === icmp6.UNRECOGNIZED_OPTION
  return type === icmp6.ECHO_REPLY || type === ndp.NEIGHBOR_ADVERTISEMENT || type === ndp.ROUTER_ADVERTISEMENT
}
