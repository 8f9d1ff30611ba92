// How many flows each client of published ports has: of IPv4 by its address, of IPv6 by the network of its address, of which any host has
// 2^64 addresses (RFC 4291, 2.5.4).
//
// A connection counts from its beginning: nobody has a client's address who does not hear what is sent there. A datagram may come from any
// address that its sender has written into it, so a UDP client counts once there has been traffic both ways; before, it is a stranger.
import { HAS_SHARE, HOST_ADDRESS, isMapped, KIND, KIND_UDP_FORWARD, PACKETS_IN, PACKETS_OUT } from '../net/flow-row.js'
import { AddressCounts } from './address-counts.js'

export class ClientShares {
  // Null without such a limit: then nothing is counted.
  readonly #counts: AddressCounts | null
  readonly #most: number
  readonly #name = new Int32Array(4)

  /** `most`: flows of one client, of `flows` in all, which is no limit. `key0`, `key1`: two secret words for the hash. */
  constructor(flows: number, most: number, key0: number, key1: number) {
    this.#counts = most < flows ? new AddressCounts(flows, key0, key1) : null
    this.#most = most
  }

  /** Whether the client whose address is at `at` of `words` may have one more. */
  admits(words: Int32Array, at: number): boolean {
    return this.#counts === null || this.#counts.of(this.#named(words, at), 0) < this.#most
  }

  /** A client's flow begins, or is used: it has a share from when it counts on, unless its client has as many as it may. */
  take(rows: Int32Array, base: number): void {
    if (rows[base + HAS_SHARE] === 1) return
    if (rows[base + KIND] === KIND_UDP_FORWARD && !(isTwoWay(rows, base) && this.admits(rows, base + HOST_ADDRESS))) return
    rows[base + HAS_SHARE] = 1
    this.#counts?.add(this.#named(rows, base + HOST_ADDRESS), 0)
  }

  /** A client's flow is over. */
  give(rows: Int32Array, base: number): void {
    if (rows[base + HAS_SHARE] === 0) return
    rows[base + HAS_SHARE] = 0
    this.#counts?.subtract(this.#named(rows, base + HOST_ADDRESS), 0)
  }

  #named(words: Int32Array, at: number): Int32Array {
    const name = this.#name
    const isIpv4 = isMapped(words, at)
    name[0] = words[at]!
    name[1] = words[at + 1]!
    name[2] = isIpv4 ? words[at + 2]! : 0
    name[3] = isIpv4 ? words[at + 3]! : 0
    return name
  }
}

/** Whether a datagram flow has had traffic both ways (RFC 4787). */
export const isTwoWay = (rows: Int32Array, base: number): boolean => rows[base + PACKETS_IN] !== 0 && rows[base + PACKETS_OUT] !== 0
