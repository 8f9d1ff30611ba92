// How many flows an address has: a counter for each address that has any, found by open addressing with linear probing and a keyed
// hash, so that nobody can choose addresses that all collide.
//
//   addresses:  | - | 10.0.2.100 | - | 192.0.2.7 | ...      twice as many places as there are flows, so never more than half full
//   counts:     | 0 |         37 | 0 |         2 | ...      0: the place is free
//
// Deleting shifts the entries behind it back (Knuth 6.4, algorithm R), as in flow-table.ts.
import { hash1 } from '../util/hash.js'

export class AddressCounts {
  readonly #addresses: Int32Array
  readonly #counts: Int32Array
  readonly #mask: number
  readonly #key0: number
  readonly #key1: number

  /** For at most `flows` flows. `key0`, `key1`: two secret words for the hash. */
  constructor(flows: number, key0: number, key1: number) {
    let places = 16
    while (places < flows * 2) places *= 2
    this.#addresses = new Int32Array(places)
    this.#counts = new Int32Array(places)
    this.#mask = places - 1
    this.#key0 = key0
    this.#key1 = key1
  }

  /** How many flows an IPv4 address has. */
  of(address: number): number {
    return this.#counts[this.#find(address)]!
  }

  /** The address has one more. */
  add(address: number): void {
    const at = this.#find(address)
    this.#addresses[at] = address
    this.#counts[at]!++
  }

  /** The address, which has some, has one less. */
  subtract(address: number): void {
    const at = this.#find(address)
    if (--this.#counts[at]! === 0) this.#close(at)
  }

  /** The place of an address, or the free one where it would be. */
  #find(address: number): number {
    let at = this.#home(address)
    while (this.#counts[at] !== 0 && this.#addresses[at] !== address) at = (at + 1) & this.#mask
    return at
  }

  #home(address: number): number {
    return hash1(this.#key0, this.#key1, address) & this.#mask
  }

  #close(free: number): void {
    const mask = this.#mask
    let hole = free
    for (let i = (hole + 1) & mask; this.#counts[i] !== 0; i = (i + 1) & mask) {
      // May the entry at i move back to the hole? Only if its home is not between them.
      if (((i - this.#home(this.#addresses[i]!)) & mask) < ((i - hole) & mask)) continue
      this.#addresses[hole] = this.#addresses[i]!
      this.#counts[hole] = this.#counts[i]!
      this.#counts[i] = 0
      hole = i
    }
  }
}
