// IPv4 input (RFC 791, 1122 3.2.1): proves a datagram well-formed and addressed as one may be, then hands it to its
// protocol. Fragments wait in reassembly.ts until they are whole: nothing above ever sees a piece of a datagram.
//
// What is not for us goes on to the host's network, so we are a router to it (RFC 1812, 5.3.1): the last hop of a packet that has none left.
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { PORT_DHCP_CLIENT, PORT_DHCP_SERVER, PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../wire/numbers.js'
import * as udp from '../wire/udp.js'
import type { DropCounters } from './drops.js'
import type { Icmpv4 } from './icmpv4.js'
import type { Inbound, Protocols } from './inbound.js'
import type { Interface } from './interface.js'
import * as openChecksum from './open-checksum.js'
import type { Reassembly } from './reassembly.js'

const LOOPBACK_NET = 127

export class Ipv4Input {
  readonly #interface: Interface
  readonly #inbound: Inbound
  readonly #drops: DropCounters
  readonly #protocols: Protocols
  #icmp: Icmpv4 | null = null
  #reassembly: Reassembly | null = null

  constructor(iface: Interface, inbound: Inbound, drops: DropCounters, protocols: Protocols) {
    this.#interface = iface
    this.#inbound = inbound
    this.#drops = drops
    this.#protocols = protocols
  }

  /** Names who puts fragments together, and who tells the guest of datagrams that go nowhere. */
  connect(reassembly: Reassembly, icmpv4: Icmpv4): void {
    this.#reassembly = reassembly
    this.#icmp = icmpv4
  }

  /** Takes a datagram at `at`; `isToMany`: the frame was addressed to a group. */
  receive(at: number, available: number, isToMany: boolean): void {
    const view = this.#interface.view
    const inbound = this.#inbound
    const drops = this.#drops
    if (!ipv4.isValid(view, at, available)) {
      drops.ipv4Invalid++
      return
    }
    if (!ipv4.checksumIsRight(view, at)) {
      drops.ipv4Checksum++
      return
    }
    const source = ipv4.source(view, at)
    if (!this.#isSource(source) && (source !== 0 || !this.#isDhcpRequest(at))) {
      drops.source++
      return
    }
    // RFC 1122, 3.3.6: what came as a broadcast of the link and is meant for one host is nobody's, and asks for no answer.
    const destination = ipv4.destination(view, at)
    if (isToMany && !this.#interface.addresses.isGroup4(destination)) {
      drops.destination++
      return
    }
    const headerLength = ipv4.headerLength(view, at)
    inbound.ipAt = at
    inbound.payloadAt = at + headerLength
    inbound.payloadLength = ipv4.totalLength(view, at) - headerLength
    inbound.setIpv4(source, destination)
    inbound.protocol = ipv4.protocol(view, at)
    inbound.timeToLive = ipv4.timeToLive(view, at)
    inbound.typeOfService = ipv4.typeOfService(view, at)
    inbound.dontFragment = ipv4.dontFragment(view, at) ? 1 : 0
    const isPiece = ipv4.isFragment(view, at)
    if ((isPiece || !openChecksum.isSettled(inbound)) && !openChecksum.complete(view, inbound, inbound.payloadAt)) {
      drops.offload++
      return
    }
    if (inbound.timeToLive <= 1 && this.#isBeyond(destination)) this.#expire(inbound)
    else if (!isPiece || this.#reassembly?.add(inbound) === true) this.#deliver(inbound)
  }

  #deliver(inbound: Inbound): void {
    const receiver = this.#protocols[inbound.protocol] ?? null
    // The other version of ICMP has a number of its own.
    if (receiver !== null && inbound.protocol !== PROTOCOL_ICMPV6) {
      receiver.receive(inbound)
      return
    }
    this.#drops.protocol++
    // RFC 1122, 3.2.2.1.
    this.#icmp?.sendError(inbound, icmp.UNREACHABLE, icmp.PROTOCOL_UNREACHABLE, 0)
  }

  // RFC 1812, 5.3.1. RFC 1122, 3.2.2: of a datagram in fragments the first one is answered.
  #expire(inbound: Inbound): void {
    this.#drops.hopLimit++
    if (ipv4.fragmentOffset(this.#interface.view, inbound.ipAt) !== 0) return
    this.#icmp?.sendError(inbound, icmp.TIME_EXCEEDED, icmp.TTL_EXCEEDED, 0)
  }

  /** True for an address behind us: not in the guest's network, and of one host. */
  #isBeyond(destination: number): boolean {
    return !this.#interface.addresses.isOnLink4(destination) && !this.#interface.addresses.isGroup4(destination)
  }

  // RFC 1122, 3.2.1.3 (a) has one exception: a host that is only finding out its address has 0.0.0.0 until then (RFC 2131, 4.1).
  #isDhcpRequest(at: number): boolean {
    const view = this.#interface.view
    // Nobody behind us: whatever became of it there could not be told.
    if (this.#isBeyond(ipv4.destination(view, at))) return false
    const udpAt = at + ipv4.headerLength(view, at)
    if (ipv4.protocol(view, at) !== PROTOCOL_UDP || ipv4.isFragment(view, at)) return false
    if (ipv4.totalLength(view, at) < udpAt - at + udp.HEADER_LENGTH) return false
    return udp.srcPort(view, udpAt) === PORT_DHCP_CLIENT && udp.dstPort(view, udpAt) === PORT_DHCP_SERVER
  }

  // RFC 1122, 3.2.1.3: never a source address: 0/8, 127/8, multicast and above, a broadcast address. And never ours.
  #isSource(source: number): boolean {
    const top = source >>> 24
    return top !== 0 && top !== LOOPBACK_NET && !this.#interface.addresses.isGroup4(source) && !this.#interface.addresses.isOurs(source)
  }
}
