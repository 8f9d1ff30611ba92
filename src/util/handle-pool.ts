/*
 * Handles 1..capacity; 0 is none.
 *
 *     head --> 7 --> 3 --> 0        handles that came back, the last one first: its memory is still in the cache
 *     fresh = 9                     9..capacity were never out: their words of `#next` are untouched pages
 *     #next[h] = OUT                h is in use
 */

/** In `#next`: the handle is in use. */
const OUT = -1

/** A free list of int32 handles. */
export class HandlePool {
  readonly capacity: number
  readonly #next: Int32Array
  #head = 0
  #fresh = 1
  #inUse = 0

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0) throw new RangeError(`handle pool: capacity ${capacity} is not a whole number`)
    this.capacity = capacity
    this.#next = new Int32Array(capacity + 1)
  }

  get inUse(): number {
    return this.#inUse
  }

  /** A handle, or 0 when all are in use. */
  acquire(): number {
    let handle = this.#head
    if (handle !== 0) {
      this.#head = this.#next[handle]!
    } else {
      if (this.#fresh > this.capacity) return 0
      handle = this.#fresh++
    }
    this.#next[handle] = OUT
    this.#inUse++
    return handle
  }

  /** Throws when the handle is not in use: whoever gives back twice has two owners. */
  release(handle: number): void {
    if (this.#next[handle] !== OUT) throw new Error(`handle pool: ${handle} is not in use`)
    this.#next[handle] = this.#head
    this.#head = handle
    this.#inUse--
  }

  isInUse(handle: number): boolean {
    return this.#next[handle] === OUT
  }
}
