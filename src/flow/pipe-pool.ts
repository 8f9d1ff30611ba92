// Pipes for splice(2). A flow has one only while bytes are on their way in it, which is for the length of a call unless the receiver is
// slow; so a few serve many flows, and an idle flow has none. Pipes have no more than half of the descriptors (native/src/process.c): what finds
// none is copied.
import type { NativeContext } from '../host/native.js'
import { HandlePool } from '../util/handle-pool.js'

/**
 * Bytes of a pipe. The kernel counts slots of a page, and one takes a whole fragment of a packet (32 KiB): these 64 take all that is asked
 * of one splice. Not more, since a user has 64 MiB of slots for all pipes, and beyond that gets short ones (pipe(7), pipe-user-pages-soft).
 */
const PIPE_BYTES = 1 << 18
/** Pipes that are kept for the next flow. */
const KEPT = 16

export class PipePool {
  readonly #native: NativeContext
  readonly #scratch: Int32Array
  readonly #pool: HandlePool
  readonly #readEnds: Int32Array
  readonly #writeEnds: Int32Array
  readonly #kept = new Int32Array(KEPT)
  #keptCount = 0

  /** At most so many at a time. */
  constructor(native: NativeContext, capacity: number) {
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#pool = new HandlePool(capacity)
    this.#readEnds = new Int32Array(capacity + 1)
    this.#writeEnds = new Int32Array(capacity + 1)
    this.#readEnds[0] = this.#writeEnds[0] = -1
  }

  /** Descriptors; those of 0 are -1, which is no pipe. */
  readEnd(pipe: number): number {
    return this.#readEnds[pipe]!
  }
  writeEnd(pipe: number): number {
    return this.#writeEnds[pipe]!
  }

  /** An empty pipe, or 0 when no more can be had. */
  acquire(): number {
    if (this.#keptCount > 0) return this.#kept[--this.#keptCount]!
    if (this.#native.pipeOpen(PIPE_BYTES) < 0) return 0
    const pipe = this.#pool.acquire()
    this.#readEnds[pipe] = this.#scratch[0]!
    this.#writeEnds[pipe] = this.#scratch[1]!
    return pipe
  }

  /** Takes a pipe back; one that is not empty goes, and what is in it. */
  release(pipe: number, isEmpty: boolean): void {
    if (isEmpty && this.#keptCount < KEPT) {
      this.#kept[this.#keptCount++] = pipe
      return
    }
    this.#native.closeDescriptor(this.#readEnds[pipe]!)
    this.#native.closeDescriptor(this.#writeEnds[pipe]!)
    this.#pool.release(pipe)
  }

  /** Forgets a pipe: its descriptors are the caller's from now on. */
  forget(pipe: number): void {
    this.#pool.release(pipe)
  }

  close(): void {
    while (this.#keptCount > 0) {
      const pipe = this.#kept[--this.#keptCount]!
      this.#native.closeDescriptor(this.#readEnds[pipe]!)
      this.#native.closeDescriptor(this.#writeEnds[pipe]!)
      this.#pool.release(pipe)
    }
  }
}
