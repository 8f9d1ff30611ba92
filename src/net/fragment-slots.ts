// Where fragments wait for each other (reassembly.ts). Nothing is allocated: a datagram in pieces has one of a fixed number of slots in the
// arena, where each piece is copied to its place, and a bit for each 8 bytes that have come (RFC 791's own table; RFC 815's list of holes
// would be as long as a guest likes).
//
//   slot   |      | headers of the first fragment | payload, up to 65,535 bytes |
//          0      128 - headerLength              128
//   bits   |1110000111....|      received: how many of them are set       end: how many bytes there will be, from the last fragment
//
// What is in a slot is left alone until the slot is used again.
//
// Slots are in one list by age, since all of them have the same time: the oldest is the next to expire, and makes room when all are in use.
// A guest that has its share of them makes room of its own.
import type { Arena } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'

/** Datagrams in pieces at a time: 4 MiB, as much as Linux has for all of its own (net.ipv4.ipfrag_high_thresh). */
export const MOST_DATAGRAMS = 64
/** Of those, for one address of the sandbox: one that sends pieces without end leaves the others theirs. */
export const MOST_OF_ONE_GUEST = 32

/** Bytes of a slot in front of the payload: the longest header of IPv4, and of IPv6 as much more as any sender has use for. */
export const HEADROOM = 128
const SLOT_BYTES = HEADROOM + 65_536
/** Bytes of a bit, and words of all the bits of the longest payload. */
export const BLOCK_SHIFT = 3
const BIT_WORDS = 256

// Columns of a slot.
export const ENDS = 0 // source and destination, four words each
const IDENTITY = 8 // identification << 16 | protocol; of IPv6 the identification
export const DEADLINE = 9 // ms
export const MAC_HIGH = 10
export const MAC_LOW = 11
export const RECEIVED = 12 // blocks
export const END = 13 // bytes of payload, 0 until the last fragment has come
export const REACH = 14 // bytes up to which any fragment goes
export const HEADER_LENGTH = 15 // bytes, 0 until the first fragment has come
export const FIRST_LENGTH = 16 // payload of the first fragment, bytes
export const ECN_SEEN = 17 // a bit for each codepoint
export const IS_SPOILT = 18
export const FRAGMENT_AT = 19 // of IPv6: bytes before the fragment header,
export const NAMED_AT = 20 // which field names it, from the start of the packet,
export const NEXT_HEADER = 21 // and what that is to name
const NEWER = 22
const OLDER = 23
export const COLUMNS = 24

/** Of a fragment's place: nothing there yet, some of it, all of it. */
export const NONE = 0
const SOME = 1
export const ALL = 2

/** Bytes of arena that the slots take. */
export const REASSEMBLY_BYTES = MOST_DATAGRAMS * SLOT_BYTES

export class FragmentSlots {
  readonly columns = new Int32Array((MOST_DATAGRAMS + 1) * COLUMNS)
  readonly #bits = new Int32Array((MOST_DATAGRAMS + 1) * BIT_WORDS)
  readonly #pool = new HandlePool(MOST_DATAGRAMS)
  readonly #at: number
  #oldest = 0
  #newest = 0

  constructor(arena: Arena) {
    this.#at = arena.allot(REASSEMBLY_BYTES)
  }

  get inUse(): number {
    return this.#pool.inUse
  }

  /** The slot that is the next to expire, 0 for none. */
  get oldest(): number {
    return this.#oldest
  }

  /** Where a slot's payload is. */
  payloadAt(slot: number): number {
    return this.#at + (slot - 1) * SLOT_BYTES + HEADROOM
  }

  /** The slot of a datagram, 0 for none. `words`: both its ends. The newest first: fragments follow upon each other. */
  find(words: Int32Array, identity: number): number {
    const columns = this.columns
    for (let slot = this.#newest; slot !== 0; slot = columns[slot * COLUMNS + OLDER]!) {
      if (columns[slot * COLUMNS + IDENTITY] === identity && this.#isOf(slot, words, 8)) return slot
    }
    return 0
  }

  /** Whether a slot has the first `count` words of both ends. */
  #isOf(slot: number, words: Int32Array, count: number): boolean {
    const at = slot * COLUMNS + ENDS
    for (let i = 0; i < count; i++) if (this.columns[at + i] !== words[i]) return false
    return true
  }

  /** Sees to it that there is a slot for one more datagram of this guest; true when another datagram had to go. */
  makeRoom(words: Int32Array): boolean {
    const columns = this.columns
    let mine = 0
    let oldestOfMine = 0
    for (let slot = this.#newest; slot !== 0; slot = columns[slot * COLUMNS + OLDER]!) {
      if (!this.#isOf(slot, words, 4)) continue
      mine++
      oldestOfMine = slot
    }
    if (mine >= MOST_OF_ONE_GUEST) this.release(oldestOfMine)
    else if (this.#pool.inUse === MOST_DATAGRAMS) this.release(this.#oldest)
    else return false
    return true
  }

  /** A fresh slot, for which there is room. `deadline`: ms. */
  open(words: Int32Array, identity: number, deadline: number): number {
    const columns = this.columns
    const slot = this.#pool.acquire()
    const base = slot * COLUMNS
    columns.fill(0, base, base + COLUMNS)
    this.#bits.fill(0, slot * BIT_WORDS, (slot + 1) * BIT_WORDS)
    columns.set(words, base + ENDS)
    columns[base + IDENTITY] = identity
    columns[base + DEADLINE] = deadline
    columns[base + OLDER] = this.#newest
    if (this.#newest !== 0) columns[this.#newest * COLUMNS + NEWER] = slot
    else this.#oldest = slot
    this.#newest = slot
    return slot
  }

  /** Frees a slot. */
  release(slot: number): void {
    const columns = this.columns
    const older = columns[slot * COLUMNS + OLDER]!
    const newer = columns[slot * COLUMNS + NEWER]!
    if (older !== 0) columns[older * COLUMNS + NEWER] = newer
    else this.#oldest = newer
    if (newer !== 0) columns[newer * COLUMNS + OLDER] = older
    else this.#newest = older
    this.#pool.release(slot)
  }

  /** Whether blocks `from` to `to` have come. */
  look(slot: number, from: number, to: number): number {
    let isAny = false
    let isAll = true
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) {
      const mask = blockMask(word, from, to)
      const found = this.#bits[slot * BIT_WORDS + word]! & mask
      if (found !== 0) isAny = true
      if (found !== mask) isAll = false
    }
    if (!isAny) return NONE
    return isAll ? ALL : SOME
  }

  /** Blocks `from` to `to` have come. */
  mark(slot: number, from: number, to: number): void {
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) this.#bits[slot * BIT_WORDS + word]! |= blockMask(word, from, to)
    this.columns[slot * COLUMNS + RECEIVED]! += to - from
  }
}

/** The bits of a word that blocks `from` to `to` have. */
function blockMask(word: number, from: number, to: number): number {
  const low = Math.max(from - (word << 5), 0)
  const high = Math.min(to - (word << 5), 32)
  return (high === 32 ? -1 : (1 << high) - 1) & (-1 << low)
}
