// How many flows an address (four words) has: a counter for each address that has any, found by open addressing with linear probing and a keyed
// hash, so that nobody can choose addresses that all collide.
//
//   addresses:  | - | 10.0.2.100 | - | 192.0.2.7 | ...      twice as many places as there are flows, so never more than half full
//   counts:     | 0 |         37 | 0 |         2 | ...      0: the place is free
//
// Deleting shifts the entries behind it back (Knuth 6.4, algorithm R), as in flow-table.ts.
import { hash4 } from '../util/hash.js'

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
    this.#addresses = new Int32Array(places * 4)
    this.#counts = new Int32Array(places)
    this.#mask = places - 1
    this.#key0 = key0
    this.#key1 = key1
  }

  /** How many flows the address at `at` of `words` has. */
  of(words: Int32Array, at: number): number {
    return this.#counts[this.#find(words, at)]!
  }

  /** The address has one more. */
  add(words: Int32Array, at: number): void {
    const place = this.#find(words, at)
    for (let i = 0; i < 4; i++) this.#addresses[place * 4 + i] = words[at + i]!
    this.#counts[place]!++
  }

  /** The address, which has some, has one less. */
  subtract(words: Int32Array, at: number): void {
    const place = this.#find(words, at)
    if (--this.#counts[place]! === 0) this.#close(place)
  }

  /** The place of an address, or the free one where it would be. */
  #find(words: Int32Array, at: number): number {
    let place = this.#home(words, at)
    while (this.#counts[place] !== 0 && !this.#isAt(place, words, at)) place = (place + 1) & this.#mask
    return place
  }

  #isAt(place: number, words: Int32Array, at: number): boolean {
    const addresses = this.#addresses
    for (let i = 3; i >= 0; i--) if (addresses[place * 4 + i] !== words[at + i]) return false
    return true
  }

  #home(words: Int32Array, at: number): number {
    return hash4(this.#key0, this.#key1, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!) & this.#mask
  }

  #close(free: number): void {
    const mask = this.#mask
    let hole = free
    for (let i = (hole + 1) & mask; this.#counts[i] !== 0; i = (i + 1) & mask) {
      // May the entry at i move back to the hole? Only if its home is not between them.
      if (((i - this.#home(this.#addresses, i * 4)) & mask) < ((i - hole) & mask)) continue
      this.#addresses.copyWithin(hole * 4, i * 4, i * 4 + 4)
      this.#counts[hole] = this.#counts[i]!
      this.#counts[i] = 0
      hole = i
    }
  }
}
