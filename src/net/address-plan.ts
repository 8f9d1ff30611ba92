// Which addresses are whose on the guest's link: ours (gateway, name server, and the router's link-local one of IPv6), the guest's network,
// and those of several hosts. See slirp4netns' plan in app/options.ts.
//
// Addresses of either family are four words, at `at` of `words` (flow-row.ts).
import * as ipv6 from '../wire/ipv6.js'
import * as ndp from '../wire/ndp.js'
import { MAPPED } from '../wire/numbers.js'
import { isMapped } from './flow-row.js'

/** Addresses of a network of IPv6, four words each. */
export interface Ipv6Addresses {
  readonly network: readonly [number, number, number, number]
  /** Bits. */
  readonly prefix: number
  readonly gateway: readonly [number, number, number, number]
  readonly dns: readonly [number, number, number, number]
  /** The one that the guest is known by; it makes others itself. */
  readonly guest: readonly [number, number, number, number]
}

/** Addresses of a network, IPv4 as int32 words. */
export interface InterfaceAddresses {
  readonly network: number
  readonly prefix: number
  readonly gateway: number
  readonly dns: number
  readonly guest: number
  /** Left out where the link has no IPv6. */
  readonly ipv6?: Ipv6Addresses | undefined
}

/** Last word of our link-local address, fe80::2: the one that the guest's default route names. */
export const ROUTER_WORD = 2

const TOP_NIBBLE_MULTICAST = 0xe
const LOOPBACK_NET = 127

/** Which of our addresses one is. */
export const NOT_OURS = 0
export const GATEWAY = 1
export const DNS = 2
/** Link-local: it leads nowhere, and is only who routes. */
export const ROUTER = 3
/** The network's own, of all its routers (RFC 4291, 2.6.1). */
export const ANYCAST = 4

export class AddressPlan implements InterfaceAddresses {
  readonly network: number
  readonly prefix: number
  readonly gateway: number
  readonly dns: number
  readonly guest: number
  readonly ipv6: Ipv6Addresses | undefined
  readonly netmask: number
  readonly broadcast: number
  readonly #mask6 = new Int32Array(4)

  constructor(addresses: InterfaceAddresses) {
    this.network = addresses.network
    this.prefix = addresses.prefix
    this.gateway = addresses.gateway
    this.dns = addresses.dns
    this.guest = addresses.guest
    this.ipv6 = addresses.ipv6
    this.netmask = maskOf(addresses.prefix)
    this.broadcast = addresses.network | ~this.netmask
    const prefix6 = addresses.ipv6?.prefix ?? 0
    for (let i = 0; i < 4; i++) this.#mask6[i] = maskOf(Math.min(32, Math.max(0, prefix6 - 32 * i)))
  }

  /** Which of our own an address is: GATEWAY, DNS, ROUTER, ANYCAST or NOT_OURS. */
  role(words: Int32Array, at: number): number {
    if (isMapped(words, at)) {
      const word = words[at + 3]!
      if (word === this.gateway) return GATEWAY
      return word === this.dns ? DNS : NOT_OURS
    }
    const own = this.ipv6
    if (own === undefined) return NOT_OURS
    if (isSame(words, at, own.gateway)) return GATEWAY
    if (isSame(words, at, own.dns)) return DNS
    if (isSame(words, at, own.network)) return ANYCAST
    const isRouter = words[at] === ndp.LINK_LOCAL_0 && words[at + 1] === ndp.LINK_LOCAL_1
    return isRouter && words[at + 2] === 0 && words[at + 3] === ROUTER_WORD ? ROUTER : NOT_OURS
  }

  /** True for an IPv4 address that is ours: gateway or DNS. */
  isOurs(address: number): boolean {
    return address === this.gateway || address === this.dns
  }

  /** True for an IPv4 address in the guest's network. */
  isOnLink4(address: number): boolean {
    return (address & this.netmask) === this.network
  }

  /** True for an address in the guest's network; of IPv6 also a link-local one. */
  isOnLink(words: Int32Array, at: number): boolean {
    if (isMapped(words, at)) return this.isOnLink4(words[at + 3]!)
    if (ipv6.isLinkLocal(words[at]!)) return true
    const own = this.ipv6
    if (own === undefined) return false
    const mask = this.#mask6
    for (let i = 0; i < 4; i++) if ((words[at + i]! & mask[i]!) !== own.network[i]) return false
    return true
  }

  /** True for an IPv4 address of several hosts: multicast, what is above it, and the network's broadcast in its old form and its new. */
  isGroup4(address: number): boolean {
    return address >>> 28 >= TOP_NIBBLE_MULTICAST || address === this.broadcast || address === this.network
  }

  /** True for an address of several hosts. */
  isGroup(words: Int32Array, at: number): boolean {
    return isMapped(words, at) ? this.isGroup4(words[at + 3]!) : ipv6.isMulticast(words[at]!)
  }

  /** Writes the gateway's address of a family to the four words at `at`. */
  writeGateway(words: Int32Array, at: number, isIpv6: boolean): void {
    const own = this.ipv6
    if (isIpv6 && own !== undefined) {
      for (let i = 0; i < 4; i++) words[at + i] = own.gateway[i]!
      return
    }
    words[at] = words[at + 1] = 0
    words[at + 2] = MAPPED
    words[at + 3] = this.gateway
  }
}

const maskOf = (prefix: number): number => (prefix === 0 ? 0 : -1 << (32 - prefix))

const isSame = (words: Int32Array, at: number, address: readonly number[]): boolean =>
  words[at] === address[0] && words[at + 1] === address[1] && words[at + 2] === address[2] && words[at + 3] === address[3]

/** True for 127/8 and ::1 (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
export const isLoopback = (words: Int32Array, at: number): boolean =>
  isMapped(words, at) ? words[at + 3]! >>> 24 === LOOPBACK_NET : ipv6.isLoopback(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)

/** True for `::` (RFC 4291, 2.5.2). */
export const isUnspecified = (words: Int32Array, at: number): boolean =>
  ipv6.isUnspecified(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)
