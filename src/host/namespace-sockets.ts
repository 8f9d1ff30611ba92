// Sockets of the guest's network namespace, held by this process, which is in another: what native/src/direct.c makes of the two that
// the launcher has left. A few are kept ready, so that a connection does not wait for one; and as one costs a connection of its own within
// the namespace, those that come back unconnected are used again.
import type { NamespaceSeeds } from './launcher.js'
import type { NativeContext } from './native.js'

/** Sockets that are made at a time, and as few as may be left before that: what comes in one turn of the event loop. */
const BATCH = 16
const LEAST = 8
/** Sockets that are kept at most. */
const MOST = 64
/** After a failure nothing is made for so long, ms: the guest may have closed its loopback. */
const PAUSE = 1000
/** Where a socket is not there yet it is tried again after so long, and so often, ms: the machine is busy, or the guest sees to it. */
const RETRY = 5
const PATIENCE = 100
const EAGAIN = 11

export class NamespaceSockets {
  readonly #native: NativeContext
  readonly #seeds: NamespaceSeeds
  readonly #scratch: Int32Array
  readonly #stock = new Int32Array(MOST)
  #count = 0
  #isUsed = false
  #isPaused = false
  #pausedUntil = 0
  // Tries have come too early since then.
  #isLate = false
  #lateSince = 0

  constructor(native: NativeContext, seeds: NamespaceSeeds) {
    this.#native = native
    this.#seeds = seeds
    this.#scratch = new Int32Array(native.scratch)
  }

  /** The sock_diag socket of the namespace, -1 when there is none. */
  get diag(): number {
    return this.#seeds.diag[0] ?? -1
  }

  /** The ms until it is worth while to ask again for a socket, where there is none and one may come soon; else 0. */
  delay(now: number): number {
    if (this.#count === 0) this.#make(1, now)
    return this.#count === 0 && this.#isLate ? RETRY : 0
  }

  /** An unconnected TCP socket of IPv4, the caller's from now on; -1 when none can be had. */
  take(now: number): number {
    this.#isUsed = true
    if (this.#count === 0) this.#make(1, now)
    return this.#count === 0 ? -1 : this.#stock[--this.#count]!
  }

  /** Takes back one that no epoll instance watches any more: for the next connection, if its own has ended in order, else to close it. */
  give(socket: number): void {
    if (this.#count < MOST && this.#native.socketRecycle(socket) >= 0) this.#stock[this.#count++] = socket
    else this.#native.closeDescriptor(socket)
  }

  /** Makes more where few are left, and some have been taken: at the end of a turn, when nobody waits. */
  refill(now: number): void {
    if (this.#isUsed && this.#count < LEAST) this.#make(BATCH, now)
  }

  #make(count: number, now: number): void {
    const [one, other] = this.#seeds.tcp
    if (one === undefined || other === undefined) return
    if (this.#isPaused && ((now - this.#pausedUntil) | 0) < 0) return
    const made = this.#native.socketMint(one, other, count)
    this.#plan(made, count, now)
    for (let i = 0; i < made; i++) this.#stock[this.#count++] = this.#scratch[i]!
  }

  // When the next try may be.
  #plan(made: number, count: number, now: number): void {
    const isEarly = made === -EAGAIN
    if (isEarly && !this.#isLate) this.#lateSince = now
    this.#isLate = isEarly && ((now - this.#lateSince) | 0) < PATIENCE
    this.#isPaused = made < count
    this.#pausedUntil = (now + (made > 0 || this.#isLate ? RETRY : PAUSE)) | 0
  }

  close(): void {
    for (const seed of [...this.#seeds.tcp, ...this.#seeds.diag]) this.#native.closeDescriptor(seed)
    while (this.#count > 0) this.#native.closeDescriptor(this.#stock[--this.#count]!)
  }
}
