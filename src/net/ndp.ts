// Neighbor discovery (RFC 4861): answers for our addresses, asks for a guest's when a connection is to be opened to it, and tells whoever
// advertises the router that somebody asks for one. Each of our addresses has a MAC address of its own, 52:56 and its lower half.
//
// A guest that finds out whether one of our addresses is free (duplicate address detection, RFC 4862, 5.4) is told that it is not. We do not
// find that out for ours: they are there before any guest is, and nothing that comes from one of them is taken (ipv6.ts).
import * as ethernet from '../wire/ethernet.js'
import * as icmpv6 from '../wire/icmpv6.js'
import * as ndp from '../wire/ndp.js'
import * as options from '../wire/ndp-options.js'
import { MULTICAST6_HIGH, PROTOCOL_ICMPV6 } from '../wire/numbers.js'
import { ANYCAST, isUnspecified, NOT_OURS, ROUTER_WORD } from './address-plan.js'
import type { DropCounters } from './drops.js'
import type { Inbound } from './inbound.js'
import { type Interface, MAC_OF_IPV6 } from './interface.js'
import { NeighborCache, type Solicitor } from './neighbor-cache.js'

/** ff02::1, all nodes of the link (RFC 4291, 2.7.1). */
const ALL_NODES = [0xff020000 | 0, 0, 0, 1] as const

/** Advertises the router. */
export interface RouterSolicited {
  /** Somebody asks; an advertisement to whom `out` says is to be sent. `isToAll`: that is everybody. */
  solicited(isToAll: boolean, now: number): void
}

export class Ndp implements Solicitor {
  readonly neighbors = new NeighborCache(this)
  /** Our link-local address. */
  readonly linkLocal = new Int32Array([ndp.LINK_LOCAL_0, ndp.LINK_LOCAL_1, 0, ROUTER_WORD])
  readonly #interface: Interface
  readonly #drops: DropCounters
  readonly #found = new Int32Array(options.COLUMNS)
  readonly #target = new Int32Array(4)
  #advertiser: RouterSolicited | null = null

  constructor(iface: Interface, drops: DropCounters) {
    this.#interface = iface
    this.#drops = drops
  }

  /** Names who advertises the router. */
  serve(advertiser: RouterSolicited): void {
    this.#advertiser = advertiser
  }

  /** A message of ICMPv6 whose checksum is right. */
  receive(inbound: Inbound): void {
    const view = this.#interface.view
    const at = inbound.payloadAt
    const type = icmpv6.type(view, at)
    if (type < ndp.ROUTER_SOLICITATION || type > ndp.REDIRECT) return
    // RFC 6980, 5: never in fragments.
    if (inbound.dontFragment === 0 || !ndp.isValid(view, inbound.ipAt, at, inbound.payloadLength, this.#found)) {
      this.#drops.neighborDiscovery++
      return
    }
    if (type === ndp.NEIGHBOR_SOLICITATION) this.#solicited(inbound)
    else if (type === ndp.NEIGHBOR_ADVERTISEMENT) this.#advertised(inbound)
    else if (type === ndp.ROUTER_SOLICITATION) this.#routerSolicited(inbound)
    // Advertisements of routers, and redirects, are for hosts.
  }

  #solicited(inbound: Inbound): void {
    const view = this.#interface.view
    for (let i = 0; i < 4; i++) this.#target[i] = ndp.target(view, inbound.payloadAt, i)
    const role = this.#interface.addresses.role(this.#target, 0)
    // RFC 4861, 7.2.3: a question about somebody else is dropped, and says nothing.
    if (role === NOT_OURS) return
    this.#hear(inbound)
    const isDetection = this.#toWhoAsks(inbound)
    this.#interface.out.setSource(this.#target, 0)
    const at = this.#interface.begin()
    // RFC 4861, 7.2.7: an address that several might have overrides nobody's.
    const flags = ndp.ROUTER | (role === ANYCAST ? 0 : ndp.OVERRIDE) | (isDetection ? 0 : ndp.SOLICITED)
    ndp.writeNeighborAdvertisement(view, at, flags, this.#target[0]!, this.#target[1]!, this.#target[2]!, this.#target[3]!)
    options.writeTargetLinkAddress(view, at + ndp.NEIGHBOR_LENGTH, MAC_OF_IPV6, this.#target[3]!)
    // From the station that it is about, so that a bridge knows where that is.
    this.transmit(ndp.NEIGHBOR_LENGTH + options.LINK_ADDRESS_LENGTH, this.#target[3]!)
  }

  // Has what comes next go to who asks; true when that is everybody, for who has no address yet cannot be told alone (RFC 4861, 7.2.4, 6.2.6).
  #toWhoAsks(inbound: Inbound): boolean {
    if (isUnspecified(inbound.words, 0)) {
      this.toAllNodes()
      return true
    }
    const { out } = this.#interface
    const found = this.#found
    out.answer(inbound)
    if (found[options.HAS_SOURCE_LINK] === 1 && !ethernet.isGroup(found[options.SOURCE_HIGH]!)) {
      out.macHigh = found[options.SOURCE_HIGH]!
      out.macLow = found[options.SOURCE_LOW]!
    }
    return false
  }

  #advertised(inbound: Inbound): void {
    const view = this.#interface.view
    const found = this.#found
    for (let i = 0; i < 4; i++) this.#target[i] = ndp.target(view, inbound.payloadAt, i)
    const flags = ndp.neighborFlags(view, inbound.payloadAt)
    const isSolicited = (flags & ndp.SOLICITED) !== 0
    const high = found[options.TARGET_HIGH]!
    if (!this.#isNeighbor(this.#target, high)) return
    if (found[options.HAS_TARGET_LINK] === 1) {
      const isOverride = (flags & ndp.OVERRIDE) !== 0
      this.neighbors.answered(this.#target, 0, high, found[options.TARGET_LOW]!, isSolicited, isOverride, inbound.now)
    } else if (isSolicited) this.neighbors.confirmed(this.#target, 0, inbound.now)
  }

  #routerSolicited(inbound: Inbound): void {
    this.#hear(inbound)
    const isToAll = this.#toWhoAsks(inbound)
    this.#interface.out.setSource(this.linkLocal, 0)
    this.#advertiser?.solicited(isToAll, inbound.now)
  }

  // Where whoever asks is (RFC 4861, 7.2.3).
  #hear(inbound: Inbound): void {
    const found = this.#found
    if (found[options.HAS_SOURCE_LINK] !== 1 || !this.#isNeighbor(inbound.words, found[options.SOURCE_HIGH]!)) return
    this.neighbors.heard(inbound.words, 0, found[options.SOURCE_HIGH]!, found[options.SOURCE_LOW]!, inbound.now)
  }

  // An address of the guest's link, and the MAC address of one station.
  #isNeighbor(words: Int32Array, high: number): boolean {
    const { addresses } = this.#interface
    return !ethernet.isGroup(high) && !isUnspecified(words, 0) && addresses.isOnLink(words, 0) && addresses.role(words, 0) === NOT_OURS
  }

  /** Has what comes next go to all nodes of the link, from our link-local address. */
  toAllNodes(): void {
    this.#interface.out.set(MULTICAST6_HIGH, ALL_NODES[3], true, this.linkLocal, 0, ALL_NODES, 0)
  }

  solicit(words: Int32Array, at: number): void {
    const node = ndp.solicitedNode(words[at + 3]!)
    const { out } = this.#interface
    this.#target[0] = ndp.SOLICITED_NODE_0
    this.#target[1] = ndp.SOLICITED_NODE_1
    this.#target[2] = ndp.SOLICITED_NODE_2
    this.#target[3] = node
    out.set(MULTICAST6_HIGH, node, true, this.linkLocal, 0, this.#target, 0)
    this.#ask(words, at)
  }

  probe(words: Int32Array, at: number, high: number, low: number): void {
    this.#interface.out.set(high, low, true, this.linkLocal, 0, words, at)
    this.#ask(words, at)
  }

  #ask(words: Int32Array, at: number): void {
    const { view } = this.#interface
    const message = this.#interface.begin()
    ndp.writeNeighborSolicitation(view, message, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)
    options.writeSourceLinkAddress(view, message + ndp.NEIGHBOR_LENGTH, MAC_OF_IPV6, ROUTER_WORD)
    this.transmit(ndp.NEIGHBOR_LENGTH + options.LINK_ADDRESS_LENGTH)
  }

  /** Sends the message of `length` bytes in the slot where `out` goes, from the station that an address of ours with this last word has. */
  transmit(length: number, from = ROUTER_WORD): void {
    const { view, transportAt, out } = this.#interface
    out.timeToLive = ndp.NEIGHBOR_HOP_LIMIT
    icmpv6.setChecksum(view, transportAt, length, out.pseudoSum(PROTOCOL_ICMPV6, length))
    this.#interface.head(PROTOCOL_ICMPV6, length)
    this.#interface.setStation(MAC_OF_IPV6, from)
    this.#interface.transmit(length)
  }
}
