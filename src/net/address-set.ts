// A set of blocks of addresses (prefixes), asked about each datagram. There may be thousands of them (a host with a service mesh), and lookups are
// by what a guest sends, so they are hashed: one probe for each length of prefix that occurs, which are few.
//
//     entries   word 0..3 of the network, length of the prefix in bits | ...        open addressing, linear probing, at most half full
//
// IPv4 is IPv4-mapped, a /24 of it a /120.

/** A block of addresses: four words, and how many bits of them count. */
export interface Prefix {
  readonly words: readonly [number, number, number, number]
  readonly length: number
}

/** Answers whether an address is one of those meant. */
export interface AddressFilter {
  /** Of the address whose four words are at `at` of `words`. */
  has(words: Int32Array, at: number): boolean
}

const ENTRY = 5
/** Of an entry that is free. */
const FREE = -1

/** The mask of word `i` of a prefix. */
function mask(length: number, i: number): number {
  const bits = length - 32 * i
  if (bits <= 0) return 0
  return bits >= 32 ? -1 : -1 << (32 - bits)
}

/** Spreads the bits; the entries are the host's, so nobody can choose what collides. */
function mix(a: number, b: number, c: number, d: number, length: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d ^ length, 0x27d4eb2f)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

export class AddressSet implements AddressFilter {
  readonly #entries: Int32Array
  /** Of the number of entries, a power of two, less one. */
  readonly #mask: number
  /** The lengths that occur, and the masks of each, four words. */
  readonly #lengths: Int32Array
  readonly #masks: Int32Array
  /** Prefixes, each once. */
  readonly size: number

  constructor(prefixes: readonly Prefix[]) {
    let capacity = 2
    while (capacity < 2 * prefixes.length) capacity *= 2
    this.#mask = capacity - 1
    this.#entries = new Int32Array(capacity * ENTRY).fill(FREE)
    this.#lengths = Int32Array.from([...new Set(prefixes.map(({ length }) => length))])
    this.#masks = new Int32Array(this.#lengths.length * 4)
    for (let i = 0; i < this.#masks.length; i++) this.#masks[i] = mask(this.#lengths[i >> 2]!, i & 3)
    let size = 0
    for (const { words, length } of prefixes) {
      const [a, b, c, d] = [words[0] & mask(length, 0), words[1] & mask(length, 1), words[2] & mask(length, 2), words[3] & mask(length, 3)]
      const slot = this.#slot(a, b, c, d, length)
      if (this.#entries[slot + ENTRY - 1] !== FREE) continue
      this.#entries.set([a, b, c, d, length], slot)
      size++
    }
    this.size = size
  }

  has(words: Int32Array, at: number): boolean {
    const lengths = this.#lengths
    const masks = this.#masks
    for (let i = 0; i < lengths.length; i++) {
      const m = i << 2
      const a = words[at]! & masks[m]!
      const b = words[at + 1]! & masks[m + 1]!
      const c = words[at + 2]! & masks[m + 2]!
      const d = words[at + 3]! & masks[m + 3]!
      if (this.#entries[this.#slot(a, b, c, d, lengths[i]!) + ENTRY - 1] !== FREE) return true
    }
    return false
  }

  /** Where a prefix is, or a free place for it. */
  #slot(a: number, b: number, c: number, d: number, length: number): number {
    const entries = this.#entries
    for (let i = mix(a, b, c, d, length) & this.#mask; ; i = (i + 1) & this.#mask) {
      const at = i * ENTRY
      if (entries[at + 4] === FREE) return at
      if (entries[at] === a && entries[at + 1] === b && entries[at + 2] === c && entries[at + 3] === d && entries[at + 4] === length)
        return at
    }
  }
}
