// IPv6 input (RFC 8200): proves a packet well-formed and addressed as one may be, goes along its extension headers, and hands it to its
// protocol. Fragments wait in reassembly.ts until they are whole.
//
// What is not for us goes on to the host's network, so we are a router to it (RFC 8200, 3: the last hop of a packet that has none left).
import * as icmp from '../wire/icmpv6.js'
import * as ipv6 from '../wire/ipv6.js'
import * as extension from '../wire/ipv6-extension.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../wire/numbers.js'
import { isLoopback, isUnspecified, NOT_OURS } from './address-plan.js'
import type { DropCounters } from './drops.js'
import { isMapped } from './flow-row.js'
import type { Icmpv6 } from './icmpv6.js'
import type { Inbound, Protocols } from './inbound.js'
import type { Interface } from './interface.js'
import * as openChecksum from './open-checksum.js'
import type { Reassembly } from './reassembly.js'

/** Multicast addresses of scope 0 or 1, by the first word. */
const GROUP_OFF_LINK = 0xff000000 | 0
const GROUP_OFF_LINK_MASK = 0xff0e0000 | 0

export class Ipv6Input {
  readonly #interface: Interface
  readonly #inbound: Inbound
  readonly #drops: DropCounters
  readonly #protocols: Protocols
  /** What the walk along the extension headers has found. */
  readonly #found = new Int32Array(extension.COLUMNS)
  #icmp: Icmpv6 | null = null
  #reassembly: Reassembly | null = null

  constructor(iface: Interface, inbound: Inbound, drops: DropCounters, protocols: Protocols) {
    this.#interface = iface
    this.#inbound = inbound
    this.#drops = drops
    this.#protocols = protocols
  }

  /** Names who puts fragments together, and who tells the guest of packets that go nowhere. */
  connect(reassembly: Reassembly, icmpv6: Icmpv6): void {
    this.#reassembly = reassembly
    this.#icmp = icmpv6
  }

  /** Takes a packet at `at`; `isToMany`: the frame was addressed to a group. */
  receive(at: number, available: number, isToMany: boolean): void {
    const view = this.#interface.view
    const inbound = this.#inbound
    const drops = this.#drops
    if (!this.#interface.hasIpv6) {
      drops.etherType++
      return
    }
    if (!ipv6.isValid(view, at, available)) {
      drops.ipv6Invalid++
      return
    }
    inbound.setIpv6(view, at + ipv6.SOURCE_OFFSET)
    const { words } = inbound
    if (!this.#isSource(words)) {
      drops.source++
      return
    }
    if (!this.#isDestination(words) || (isToMany && !ipv6.isMulticast(words[4]!))) {
      drops.destination++
      return
    }
    inbound.ipAt = at
    inbound.timeToLive = ipv6.hopLimit(view, at)
    inbound.typeOfService = ipv6.trafficClass(view, at)
    inbound.dontFragment = 1
    this.#enter(inbound, at)
    if (!this.#isBeyond(words)) this.#walk(inbound, at)
    else if (ipv6.isLinkLocal(words[0]!)) this.#tell(inbound, icmp.UNREACHABLE, icmp.BEYOND_SCOPE)
    else if (inbound.timeToLive <= 1) this.#tell(inbound, icmp.TIME_EXCEEDED, icmp.HOP_LIMIT_EXCEEDED)
    else this.#walk(inbound, at)
  }

  // What follows the header, extension headers included, for an error about the packet as a whole.
  #enter(inbound: Inbound, at: number): void {
    inbound.protocol = ipv6.nextHeader(this.#interface.view, at)
    inbound.payloadAt = at + ipv6.HEADER_LENGTH
    inbound.payloadLength = ipv6.payloadLength(this.#interface.view, at)
  }

  #walk(inbound: Inbound, at: number): void {
    const found = this.#found
    switch (extension.walk(this.#interface.view, at, found)) {
      case extension.UPPER:
        this.#deliver(inbound, at)
        return
      case extension.FRAGMENTED:
        if (!openChecksum.complete(this.#interface.view, inbound, at + found[extension.OFFSET]!)) this.#drops.offload++
        else if (this.#reassembly?.add6(inbound, found) === true) this.#again(inbound)
        return
      case extension.PROBLEM:
        this.#drops.ipv6Extension++
        this.#icmp?.sendError(inbound, icmp.PARAMETER_PROBLEM, found[extension.PROBLEM_CODE]!, found[extension.PROBLEM_POINTER]!)
        return
      default:
        this.#drops.ipv6Extension++
    }
  }

  // The whole packet, from its start. In fragments once more it is nothing a sender can have meant (RFC 8200, 4.1).
  #again(inbound: Inbound): void {
    const at = inbound.ipAt
    this.#enter(inbound, at)
    const end = extension.walk(this.#interface.view, at, this.#found)
    if (end === extension.UPPER) this.#deliver(inbound, at)
    else this.#drops.ipv6Extension++
  }

  #deliver(inbound: Inbound, at: number): void {
    const found = this.#found
    const end = at + ipv6.HEADER_LENGTH + ipv6.payloadLength(this.#interface.view, at)
    inbound.protocol = found[extension.PROTOCOL]!
    // RFC 6946, 4: a fragment all the same.
    if (found[extension.FRAGMENT] !== 0) inbound.dontFragment = 0
    if (inbound.protocol !== PROTOCOL_ICMPV6 && isUnspecified(inbound.words, 0)) {
      this.#drops.source++
      return
    }
    inbound.payloadAt = at + found[extension.OFFSET]!
    inbound.payloadLength = end - inbound.payloadAt
    if (!openChecksum.isSettled(inbound) && !openChecksum.complete(this.#interface.view, inbound, inbound.payloadAt)) {
      this.#drops.offload++
      return
    }
    const receiver = this.#protocols[inbound.protocol] ?? null
    // The other version of ICMP has a number of its own.
    if (receiver !== null && inbound.protocol !== PROTOCOL_ICMP) {
      receiver.receive(inbound)
      return
    }
    this.#drops.protocol++
    // RFC 8200, 4; RFC 4443, 3.4.
    this.#icmp?.sendError(inbound, icmp.PARAMETER_PROBLEM, icmp.UNRECOGNIZED_NEXT_HEADER, found[extension.NAMED_AT]!)
  }

  // It goes no further: what is of the link stays there (RFC 4007, 9; RFC 4443, 3.1), and so does what has no hop left (3.3). Of a packet in
  // fragments the first one is answered, which says what it is.
  #tell(inbound: Inbound, type: number, code: number): void {
    const view = this.#interface.view
    const found = this.#found
    if (type === icmp.TIME_EXCEEDED) this.#drops.hopLimit++
    else this.#drops.destination++
    const end = extension.walk(view, inbound.ipAt, found)
    const isFirst = end === extension.FRAGMENTED && extension.fragmentOffset(view, inbound.ipAt + found[extension.FRAGMENT]!) === 0
    if (end === extension.UPPER || isFirst) this.#icmp?.sendError(inbound, type, code, 0)
  }

  /** True for an address behind us: not on the guest's link, and of one host. */
  #isBeyond(words: Int32Array): boolean {
    return !this.#interface.addresses.isOnLink(words, 4) && !ipv6.isMulticast(words[4]!)
  }

  // RFC 4291, 2.5.3 and 2.7: never from loopback, nor from many; never an IPv4 address in disguise (RFC 4291, 2.5.5.2), nor ours. The
  // unspecified address has who has none yet, and speaks to its link alone (2.5.2): its discovery of neighbors, and of groups.
  #isSource(words: Int32Array): boolean {
    if (ipv6.isMulticast(words[0]!) || isLoopback(words, 0) || isMapped(words, 0)) return false
    if (isUnspecified(words, 0)) return ipv6.isMulticast(words[4]!)
    return this.#interface.addresses.role(words, 0) === NOT_OURS
  }

  // RFC 4291, 2.7: a group of no link, of scope 0 or 1, is discarded.
  #isDestination(words: Int32Array): boolean {
    if (isUnspecified(words, 4)) return false
    return !isLoopback(words, 4) && !isMapped(words, 4) && (words[4]! & GROUP_OFF_LINK_MASK) !== GROUP_OFF_LINK
  }
}
