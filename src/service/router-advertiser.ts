// The router of the guest's IPv6 network (RFC 4861, 6.2): advertises itself, the prefix that hosts make their addresses of (RFC 4862), the
// MTU, and where names are resolved (RFC 8106). At once when somebody asks, unasked when the link comes up, a few times soon after that, and
// then every few minutes. RFC 4861, 6.2.4 and 6.2.6 have routers wait for a while by chance, so that several do not speak at once: here is one.
import { ROUTER_WORD } from '../net/address-plan.js'
import { type Interface, MAC_OF_IPV6 } from '../net/interface.js'
import type { Ndp, RouterSolicited } from '../net/ndp.js'
import { DEFAULT_TTL } from '../net/outbound.js'
import { encode } from '../wire/domain-names.js'
import * as ndp from '../wire/ndp.js'
import * as options from '../wire/ndp-options.js'

/** RFC 4861, 6.2.1: how long the router is one, and the prefix valid and preferred, s. */
const ROUTER_LIFETIME = 1800
const VALID_LIFETIME = 2_592_000
const PREFERRED_LIFETIME = 604_800
/** RFC 8106, 5.1: three times the longest interval, s. */
const DNS_LIFETIME = 1800
/** Between advertisements that nobody has asked for, ms: below a third of the lifetimes. */
const INTERVAL = 400_000
/** RFC 4861, 10: MAX_INITIAL_RTR_ADVERT_INTERVAL, ms, MAX_INITIAL_RTR_ADVERTISEMENTS. */
const INITIAL_INTERVAL = 16_000
const INITIAL_COUNT = 3
/** RFC 4861, 10: MIN_DELAY_BETWEEN_RAS, ms: all nodes are told no more often. */
const LEAST_INTERVAL = 3_000
/** Bytes of names: all of it has to fit into a packet that every link takes (1,280). */
const NAMES_LIMIT = 768

/** Where names are resolved. */
export interface NameService {
  /** Domains that are tried for names without a dot. */
  readonly search: readonly string[]
}

export class RouterAdvertiser implements RouterSolicited {
  readonly #interface: Interface
  readonly #ndp: Ndp
  readonly #names: NameService | null
  readonly #servers: Int32Array
  readonly #hasDhcp: boolean
  #due = 0
  /** When all nodes were told last. */
  #told = 0
  #sent = 0
  #isUp = false

  /** `names`: of our name server; null where there is none. `hasDhcp`: they are told by DHCPv6, too. */
  constructor(iface: Interface, neighbors: Ndp, names: NameService | null, hasDhcp: boolean) {
    this.#interface = iface
    this.#ndp = neighbors
    this.#names = names
    this.#hasDhcp = hasDhcp
    this.#servers = new Int32Array(iface.addresses.ipv6?.dns ?? [])
    neighbors.serve(this)
  }

  /** The link is up. */
  start(now: number): void {
    this.#isUp = true
    this.#sent = 0
    this.#due = now
    this.expire(now)
  }

  /** The link goes away: nobody is to keep a route to us (RFC 4861, 6.2.5). */
  stop(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#ndp.toAllNodes()
    this.#advertise(0)
  }

  solicited(isToAll: boolean, now: number): void {
    if (!this.#isUp) return
    if (!isToAll) this.#advertise(ROUTER_LIFETIME)
    else if (((now - this.#told) | 0) >= LEAST_INTERVAL) this.#tellAll(now)
    else if (((this.#due - this.#told) | 0) > LEAST_INTERVAL) this.#due = (this.#told + LEAST_INTERVAL) | 0
  }

  /** Advertises when it is time; the ms until then, -1 for never. */
  expire(now: number): number {
    if (!this.#isUp) return -1
    if (((this.#due - now) | 0) <= 0) this.#tellAll(now)
    return (this.#due - now) | 0
  }

  #tellAll(now: number): void {
    this.#ndp.toAllNodes()
    this.#advertise(ROUTER_LIFETIME)
    this.#told = now
    this.#sent++
    this.#due = (now + (this.#sent < INITIAL_COUNT ? INITIAL_INTERVAL : INTERVAL)) | 0
  }

  // To whom `out` says.
  #advertise(lifetime: number): void {
    // Off the packet path: a guest asks when it comes up.
    const { view, mtu, addresses } = this.#interface
    const own = addresses.ipv6
    if (own === undefined) return
    const start = this.#interface.begin()
    const flags = this.#names === null || !this.#hasDhcp ? 0 : ndp.OTHER_CONFIGURATION
    ndp.writeRouterAdvertisement(view, start, DEFAULT_TTL, flags, lifetime, 0, 0)
    let at = start + ndp.ROUTER_ADVERTISEMENT_LENGTH
    at += options.writeSourceLinkAddress(view, at, MAC_OF_IPV6, ROUTER_WORD)
    at += options.writeMtu(view, at, mtu)
    const [n0, n1, n2, n3] = own.network
    at += options.writePrefix(
      view,
      at,
      own.prefix,
      options.ON_LINK | options.AUTONOMOUS,
      VALID_LIFETIME,
      PREFERRED_LIFETIME,
      n0,
      n1,
      n2,
      n3,
    )
    if (this.#names !== null) {
      at += options.writeRdnss(view, at, DNS_LIFETIME, this.#servers, 1)
      // RFC 8106, 5.2: one name at least.
      const search = encode(this.#names.search, NAMES_LIMIT)
      if (search.length > 0) at += options.writeDnssl(view, at, DNS_LIFETIME, search)
    }
    this.#ndp.transmit(at - start)
  }
}
