// Whose MAC address is whose (RFC 826), of those that a connection is to be opened to. A flow that the guest begins brings the MAC address of
// its first frame along, so nothing is looked up for it.
//
// A small table, searched from end to end: a network behind one TAP has a guest, or a bridge with a few. It is bounded, and the
// entry that was confirmed longest ago makes room, so that a guest that makes up addresses costs nothing but its own.

/** Addresses that are remembered. */
const ENTRIES = 64
/** An entry older than this is asked for again while it is used, ms. */
const STALE = 60_000

export class NeighborCache {
  readonly #addresses = new Int32Array(ENTRIES)
  readonly #high = new Int32Array(ENTRIES)
  readonly #low = new Int32Array(ENTRIES)
  readonly #confirmed = new Int32Array(ENTRIES)
  #count = 0

  /** Remembers an answer, or what a question said of who asks. */
  learn(address: number, high: number, low: number, now: number): void {
    let i = this.find(address)
    if (i < 0) i = this.#count < ENTRIES ? this.#count++ : this.#oldest(now)
    this.#addresses[i] = address
    this.#high[i] = high
    this.#low[i] = low
    this.#confirmed[i] = now
  }

  /** The entry of an address, -1 when it is not known. */
  find(address: number): number {
    for (let i = 0; i < this.#count; i++) if (this.#addresses[i] === address) return i
    return -1
  }

  high(entry: number): number {
    return this.#high[entry]!
  }

  low(entry: number): number {
    return this.#low[entry]!
  }

  isStale(entry: number, now: number): boolean {
    return ((now - this.#confirmed[entry]!) | 0) > STALE
  }

  #oldest(now: number): number {
    let oldest = 0
    for (let i = 1; i < ENTRIES; i++) if (((now - this.#confirmed[i]!) | 0) > ((now - this.#confirmed[oldest]!) | 0)) oldest = i
    return oldest
  }
}
