// What ICMP of both versions has in common: whom it serves, and how many errors of our own the guest is told.
import { TokenBucket } from '../util/token-bucket.js'
import type { DropCounters } from './drops.js'
import type { Inbound } from './inbound.js'

/** Bytes behind its IP header that an error quotes of the packet at fault at least, and that a flow is known by: ports, and the word behind (RFC 792). */
export const QUOTED_PAYLOAD = 8
/**
 * Errors of our own (RFC 1812, 4.3.2.8: a limit by number, not by bandwidth; RFC 4443, 2.4 (f)): so many a second, and so many at once. A
 * program that gives up at the first one, and begins a hundred connections, should not wait for any of them.
 */
export const ERRORS_PER_SECOND = 1000
export const ERRORS_AT_ONCE = 256

/** Takes echo requests for addresses beyond ours. */
export interface EchoRelay {
  request(inbound: Inbound): void
}

/** Takes errors about packets that we have sent. */
export interface ErrorReceiver {
  /**
   * Of a packet to the guest from a remote end: four words each in `words`. `ports`: guest << 16 | remote; `second`: the word behind
   * them; `code`: that of ICMPv4's destination unreachable, `mtu`: of the next hop, with FRAGMENTATION_NEEDED.
   */
  unreachable(words: Int32Array, ports: number, second: number, code: number, mtu: number, now: number): void
}

export class IcmpCommon {
  readonly drops: DropCounters
  /** Who relays echo requests. */
  relay: EchoRelay | null = null
  /** Who is told of TCP segments that did not arrive. */
  tcp: ErrorReceiver | null = null
  readonly #limit = new TokenBucket(ERRORS_PER_SECOND, ERRORS_AT_ONCE)

  constructor(drops: DropCounters) {
    this.drops = drops
  }

  /** True when the guest may be told of one more error; counted when not. */
  takeError(now: number): boolean {
    const isWithin = this.#limit.take(now)
    if (!isWithin) this.drops.errorLimit++
    return isWithin
  }
}
