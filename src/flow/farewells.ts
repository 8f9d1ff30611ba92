// Connections that are over for us, and not yet for their kernels: the network closes, a publication is taken back, one end was reset, while bytes
// that a kernel has accepted are still on their way to the other. Reset at once, a socket would throw away what it has still to send.
//
//     flow ends --> add() --nothing under way--> reset, or the end in order: at once, which is nearly always
//                        \--bytes under way----> waits here --step()--> all has arrived: the same
//                                                                 \---> no progress for PATIENCE: given up
//
// Who is given up keeps what its kernel has: the socket ends in order, and the kernel goes on sending without us. Only bytes that have got no
// further than a pipe of ours, or than the socket in the guest's namespace, are lost then; that is told by a reset.
import { MOVE_EMPTY, MOVE_ENDED, MOVE_FROM_BROKEN, MOVE_TO_BROKEN, type NativeContext } from '../host/native.js'

/**
 * Connections that may wait here while the network goes on: each has up to four descriptors, and no row. The one that has waited longest makes room:
 * whoever reads a byte now and then has progress, and would keep others out.
 */
const MOST = 256
/** Time between two looks, ms; how long there may be no progress, ms: some round trips of a slow path, a few pauses of a slow reader. */
const INTERVAL = 100
const PATIENCE = 10_000
/** Bytes that are thrown away, of what nobody will read, so that a socket ends in order: more than a receive buffer holds. */
const UNREAD = 1 << 26

/** Words of a connection: its sockets of the host and of the guest's namespace, the ends of its pipe; -1 for what it does not have. */
export const CLIENT = 0
export const PARTNER = 1
export const PIPE_READ = 2
export const PIPE_WRITE = 3
/** Bytes in the pipe, and of those in the guest's namespace that are to follow. */
export const PIPED = 4
export const LEFT = 5
/** 1: the guest has ended its stream, which the client is told behind the bytes; and whether the client has ended its own. */
export const GUEST_ENDED = 6
export const CLIENT_ENDED = 7
/** Bytes that were not acknowledged at the last look, and when there was progress, int32 ms. */
const UNSENT = 8
const SINCE = 9
/** When it came, int32 ms. */
const CAME = 10
const WORDS = 11

export class Farewells {
  /** The connection that `add` takes over: all of its words but the last three are to be set. */
  readonly next: Int32Array
  readonly #native: NativeContext
  readonly #scratch: Int32Array
  // Those that wait, and behind them `next`'s place.
  readonly #waiting: Int32Array
  #count = 0
  #lookAt = 0
  /** The network closes: as many may wait as there were flows. */
  isLast = false

  /** `flows`: as many as the table has. */
  constructor(native: NativeContext, flows: number) {
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#waiting = new Int32Array((flows + MOST + 1) * WORDS)
    this.next = new Int32Array(WORDS)
  }

  /** Connections that wait for their bytes. */
  get count(): number {
    return this.#count
  }

  /** The same of a connection that has no more than a socket of the host. */
  addSocket(client: number, now: number): void {
    this.next.fill(-1, PARTNER, PIPED)
    this.next.fill(0, PIPED)
    this.next[CLIENT] = client
    this.add(now)
  }

  /** Takes over the connection in `next`, with all of its descriptors. */
  add(now: number): void {
    const w = this.#waiting
    const at = this.#count * WORDS
    w.set(this.next, at)
    w[at + UNSENT] = 0
    w[at + SINCE] = w[at + CAME] = now
    this.#move(at)
    if (this.#isDone(at)) {
      this.#close(at, false)
      return
    }
    if (this.#count === 0) this.#lookAt = (now + INTERVAL) | 0
    this.#native.epollDelete(w[at + CLIENT]!)
    if (w[at + PARTNER]! >= 0) this.#native.epollDelete(w[at + PARTNER]!)
    if (this.#count < MOST || this.isLast) this.#count++
    else this.#replaceLongest(at)
  }

  #replaceLongest(by: number): void {
    const w = this.#waiting
    let longest = 0
    for (let at = WORDS; at < by; at += WORDS) if (((w[at + CAME]! - w[longest + CAME]!) | 0) < 0) longest = at
    this.#close(longest, true)
    w.copyWithin(longest, by, by + WORDS)
  }

  /** Looks after all of them where it is time to; returns the ms until the next look, -1: nobody is left. */
  expire(now: number): number {
    if (this.#count === 0) return -1
    const wait = (this.#lookAt - now) | 0
    if (wait > 0) return wait
    this.step(now, PATIENCE)
    this.#lookAt = (now + INTERVAL) | 0
    return this.#count === 0 ? -1 : INTERVAL
  }

  /** Looks after all of them; those without progress for `patience` ms are given up. */
  step(now: number, patience: number): void {
    const w = this.#waiting
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = i * WORDS
      if (this.#move(at)) w[at + SINCE] = now
      const isDone = this.#isDone(at)
      if (!isDone && ((now - w[at + SINCE]!) | 0) < patience) continue
      this.#close(at, !isDone)
      w.copyWithin(at, --this.#count * WORDS, (this.#count + 1) * WORDS)
    }
  }

  /** Gives all of them up. */
  close(): void {
    while (this.#count > 0) this.#close(--this.#count * WORDS, true)
  }

  // Moves what can be moved now; true when there was progress.
  #move(at: number): boolean {
    const w = this.#waiting
    const native = this.#native
    const client = w[at + CLIENT]!
    let hasMoved = false
    if (this.#isUnderWay(at)) {
      const flags = native.spliceMove(w[at + PARTNER]!, client, w[at + PIPE_READ]!, w[at + PIPE_WRITE]!, w[at + PIPED]!, w[at + LEFT]!)
      const taken = this.#scratch[0]!
      const given = this.#scratch[1]!
      hasMoved = given > 0
      w[at + PIPED]! += taken - given
      w[at + LEFT] = Math.max(0, w[at + LEFT]! - taken)
      if ((flags & MOVE_ENDED) !== 0) w[at + GUEST_ENDED] = 1
      if ((flags & (MOVE_EMPTY | MOVE_ENDED | MOVE_FROM_BROKEN)) !== 0) w[at + LEFT] = 0
      if ((flags & MOVE_TO_BROKEN) !== 0) w[at + PIPED] = w[at + LEFT] = 0
    }
    const unsent = Math.max(0, native.tcpUnsent(client))
    if (unsent < w[at + UNSENT]!) hasMoved = true
    w[at + UNSENT] = unsent
    return hasMoved
  }

  #isUnderWay(at: number): boolean {
    return this.#waiting[at + PIPED]! > 0 || this.#waiting[at + LEFT]! > 0
  }

  #isDone(at: number): boolean {
    return !this.#isUnderWay(at) && (this.#waiting[at + GUEST_ENDED] === 1 || this.#waiting[at + UNSENT] === 0)
  }

  #close(at: number, isGivenUp: boolean): void {
    const w = this.#waiting
    const isInOrder = !this.#isUnderWay(at) && (isGivenUp || w[at + GUEST_ENDED] === 1)
    const partner = w[at + PARTNER]!
    this.#end(w[at + CLIENT]!, isInOrder)
    if (partner >= 0) this.#end(partner, w[at + CLIENT_ENDED] === 1)
    for (let end = at + PIPE_READ; end <= at + PIPE_WRITE; end++) if (w[end]! >= 0) this.#native.closeDescriptor(w[end]!)
  }

  // tcp(7): with bytes unread close(2) would be a reset, and what is queued lost.
  #end(socket: number, isInOrder: boolean): void {
    if (!isInOrder) {
      this.#native.tcpReset(socket)
      return
    }
    this.#native.tcpShutdown(socket)
    if (this.#native.tcpUnread(socket) > 0) this.#native.tcpDiscard(socket, UNREAD)
    this.#native.closeDescriptor(socket)
  }
}
