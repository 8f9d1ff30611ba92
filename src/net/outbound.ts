// Where the datagram goes that is put together next, and from whom: filled by whoever sends it, read by the interface, and valid
// until the next is filled. The counterpart of Inbound; TCP's segments need none, for all of it is in their row (interface.ts, headRow).
import * as checksum from '../wire/checksum.js'
import { MAPPED } from '../wire/numbers.js'
import { GUEST_ADDRESS, IS_IPV6, MAC_HIGH, MAC_LOW, REMOTE_ADDRESS } from './flow-row.js'
import type { Inbound } from './inbound.js'

/** Hop limit of what we send (RFC 1700). */
export const DEFAULT_TTL = 64

export class Outbound {
  macHigh = 0
  macLow = 0
  isIpv6 = false
  /** Source and destination, four words each. */
  readonly words = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
  /** Hop limit, of IPv6. */
  timeToLive = DEFAULT_TTL
  /** Traffic class, of IPv6. */
  typeOfService = 0

  /** Back to who has sent a packet, from the address that it was sent to. */
  answer(inbound: Inbound): void {
    this.#begin(inbound.macHigh, inbound.macLow, inbound.isIpv6)
    for (let i = 0; i < 4; i++) {
      this.words[i] = inbound.words[4 + i]!
      this.words[4 + i] = inbound.words[i]!
    }
  }

  /** To a flow's guest, from its remote end: that of a datagram flow, which has many, is for the caller to fill in. */
  toGuest(rows: Int32Array, base: number): void {
    this.#begin(rows[base + MAC_HIGH]!, rows[base + MAC_LOW]!, rows[base + IS_IPV6] === 1)
    for (let i = 0; i < 4; i++) {
      this.words[i] = rows[base + REMOTE_ADDRESS + i]!
      this.words[4 + i] = rows[base + GUEST_ADDRESS + i]!
    }
  }

  /** From one IPv4 address to another. */
  setIpv4(macHigh: number, macLow: number, source: number, destination: number): void {
    const words = this.words
    this.#begin(macHigh, macLow, false)
    words[0] = words[1] = words[4] = words[5] = 0
    words[2] = words[6] = MAPPED
    words[3] = source
    words[7] = destination
  }

  /** From the four words at `from` of one array to those at `to` of another. */
  set(
    macHigh: number,
    macLow: number,
    isIpv6: boolean,
    source: ArrayLike<number>,
    from: number,
    target: ArrayLike<number>,
    to: number,
  ): void {
    this.#begin(macHigh, macLow, isIpv6)
    for (let i = 0; i < 4; i++) {
      this.words[i] = source[from + i]!
      this.words[4 + i] = target[to + i]!
    }
  }

  /** From the four words at `at`. */
  setSource(words: ArrayLike<number>, at: number): void {
    for (let i = 0; i < 4; i++) this.words[i] = words[at + i]!
  }

  /** The partial sum of the pseudo-header in front of `length` bytes of a protocol. */
  pseudoSum(protocol: number, length: number): number {
    return checksum.pseudoHeaderOf(this.words, this.isIpv6, protocol, length)
  }

  #begin(macHigh: number, macLow: number, isIpv6: boolean): void {
    this.macHigh = macHigh
    this.macLow = macLow
    this.isIpv6 = isIpv6
    this.timeToLive = DEFAULT_TTL
    this.typeOfService = 0
  }
}
