// The send ring: where the host's bytes wait for the guest's acknowledgment on kernels whose TCP has no SO_PEEK_OFF (before Linux
// 6.9). One slab for each connection that has text under way; it bounds what is in flight.
//
//       sndUna (offset 0)      sendNext          sendHeld           size
//         | in flight, or sent | read, unsent    |  room            |
//
// The byte with sequence number n lies at (n - iss) mod size.
import type { NativeContext } from '../host/native.js'
import { type SlabPool, slabSize } from '../packet/slab-pool.js'
import { HOST_READABLE } from '../tcp/columns.js'
import type { Connection } from '../tcp/connection.js'
import { END } from '../tcp/stack.js'
import { EAGAIN } from './host-errors.js'

/** The classes tried: 128 KiB, then the small one, of which there is one for every flow. */
const LARGEST_CLASS = 1

export class SendRing {
  readonly #native: NativeContext
  readonly #bytes: Uint8Array
  readonly #slabs: SlabPool

  constructor(native: NativeContext, bytes: Uint8Array, slabs: SlabPool) {
    this.#native = native
    this.#bytes = bytes
    this.#slabs = slabs
  }

  /** See Relay.receive. */
  receive(c: Connection, at: number, length: number): number {
    if (c.sendSlab === 0) this.#acquire(c)
    const size = slabSize(c.sendClass)
    const next = c.sendNext
    if (next === c.sendHeld) {
      const got = this.#fill(c, size)
      if (got <= 0) return got
    }
    const from = (c.sndUna - c.iss + next) & (size - 1)
    const held = c.sendHeld - next
    const whole = Math.min(length, held)
    const first = Math.min(whole, size - from)
    this.#bytes.copyWithin(at, c.sendSlab + from, c.sendSlab + from + first)
    if (first < whole) this.#bytes.copyWithin(at + first, c.sendSlab, c.sendSlab + whole - first)
    c.sendNext = next + whole
    return whole
  }

  // Reads behind what is held, up to the ring's end or its room.
  #fill(c: Connection, size: number): number {
    const to = (c.sndUna - c.iss + c.sendHeld) & (size - 1)
    const room = Math.min(size - c.sendHeld, size - to)
    if (room === 0) return 0
    const got = this.#native.tcpReceive(c.socket, c.sendSlab + to, room)
    if (got > 0) c.sendHeld += got
    return got === 0 ? END : got === -EAGAIN ? 0 : got
  }

  /** See Relay.rewind. */
  rewind(c: Connection, offset: number): void {
    c.sendNext = offset
  }

  /** See Relay.consume. */
  consume(c: Connection, length: number): void {
    c.sendHeld -= length
    c.sendNext = c.sendNext > length ? c.sendNext - length : 0
    // The ring may have been full, and the socket is edge-triggered: look again.
    c.raise(HOST_READABLE)
  }

  /** Gives the slab back. */
  release(c: Connection): void {
    if (c.sendSlab === 0) return
    this.#slabs.release(c.sendClass, c.sendSlab)
    c.sendSlab = 0
  }

  #acquire(c: Connection): void {
    let slabClass = LARGEST_CLASS
    let slab = this.#slabs.acquire(slabClass)
    while (slab < 0) slab = this.#slabs.acquire(--slabClass)
    c.sendSlab = slab
    c.sendClass = slabClass
    c.sendHeld = 0
    c.sendNext = 0
  }
}
