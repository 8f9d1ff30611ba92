// MTUs of paths in the guest (RFC 8201): what a router there, in front of a link of IPv6 that takes less than ours, has told about
// datagrams of ours. No router cuts those, so we do, from then on. TCP keeps what it was told in its connection (tcp/icmp-error.ts).
//
// A small table, searched from end to end, and only where there is anything in it: most guests have no router.
import { MINIMUM_MTU } from '../wire/ipv6.js'

/** Paths that are remembered: as many routers as a sandbox can be thought to have, twice. */
export const PATHS = 16
/** How long, ms (RFC 8201, 5.3): links change. */
const LIFETIME = 600_000

export class PathMtus {
  readonly #words = new Int32Array(PATHS * 4)
  /** Bytes, 0: free. */
  readonly #mtus = new Int32Array(PATHS)
  /** ms, when they are forgotten. */
  readonly #deadlines = new Int32Array(PATHS)
  #count = 0

  /** The MTU of the path to the address at `at`, of a link whose own is `mtu`. */
  of(words: Int32Array, at: number, mtu: number): number {
    if (this.#count === 0) return mtu
    const i = this.#find(words, at)
    return i < 0 ? mtu : Math.min(mtu, this.#mtus[i]!)
  }

  /** A packet to the address at `at` was too big for the next link, of `mtu` bytes; no path has less than 1280 (RFC 8201, 4). */
  lower(words: Int32Array, at: number, mtu: number, now: number): void {
    let i = this.#find(words, at)
    const known = i < 0 ? Number.POSITIVE_INFINITY : this.#mtus[i]!
    const least = Math.max(mtu, MINIMUM_MTU)
    if (least >= known) return
    if (i < 0) i = this.#open(words, at)
    this.#mtus[i] = least
    this.#deadlines[i] = (now + LIFETIME) | 0
  }

  /** Forgets what is old; the ms until there is more of that, -1 for never. */
  expire(now: number): number {
    if (this.#count === 0) return -1
    let wait = -1
    for (let i = 0; i < PATHS; i++) {
      if (this.#mtus[i] === 0) continue
      const left = (this.#deadlines[i]! - now) | 0
      if (left <= 0) {
        this.#mtus[i] = 0
        this.#count--
      } else if (wait < 0 || left < wait) wait = left
    }
    return wait
  }

  #find(words: Int32Array, at: number): number {
    const own = this.#words
    for (let i = 0; i < PATHS; i++) {
      if (this.#mtus[i] === 0 || own[i * 4 + 3] !== words[at + 3] || own[i * 4 + 2] !== words[at + 2]) continue
      if (own[i * 4 + 1] === words[at + 1] && own[i * 4] === words[at]) return i
    }
    return -1
  }

  /** A free place, or that of the path that would be forgotten first. */
  #open(words: Int32Array, at: number): number {
    let oldest = 0
    for (let i = 0; i < PATHS; i++) {
      if (this.#mtus[i] === 0) {
        oldest = i
        this.#count++
        break
      }
      if (((this.#deadlines[i]! - this.#deadlines[oldest]!) | 0) < 0) oldest = i
    }
    for (let i = 0; i < 4; i++) this.#words[oldest * 4 + i] = words[at + i]!
    return oldest
  }
}
