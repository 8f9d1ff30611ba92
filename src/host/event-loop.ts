// The event loop: one epoll descriptor of our own inside Node's, so that a wake-up hands over every ready descriptor
// in one call. A turn:
//
//   ready events  ->  handler.ready(index, events)      per event, by the token's class
//   work left over -> handler.resume()                  flows whose budget ran out
//   end of turn   ->  handler.settle()                  acknowledgments and replies that were gathered
//   timers        ->  one timerfd, armed for the earliest deadline any handler names
//
// Whatever a turn leaves undone (`hasWork`), be it for a budget or for what a timer began, the next turn follows at once: nothing
// waits for an event that may not come.
//
// A token is  class << 28 | generation << 20 | index.  The generation is the row's, so that an event for a descriptor that
// was closed earlier in the same turn does not reach the row's next owner. Nothing polls: without traffic or
// deadlines the process sleeps.
import { guard } from '../util/guard.js'
import { sooner } from '../util/wait.js'
import type { NativeContext } from './native.js'

/** Classes of descriptors; the token's top bits. */
export const TOKEN_TAP = 1
export const TOKEN_TCP = 2
export const TOKEN_DATAGRAM = 3
export const TOKEN_SERVICE = 4
export const TOKEN_LAUNCHER = 5
export const TOKEN_SIGNAL = 6
export const TOKEN_PROCESS = 7
export const TOKEN_LISTENER = 8
export const TOKEN_DIRECT = 9
const TOKEN_CLASSES = 10

/** Events of epoll(7). */
export const EPOLLIN = 0x001
export const EPOLLPRI = 0x002
export const EPOLLOUT = 0x004
export const EPOLLERR = 0x008
export const EPOLLHUP = 0x010
export const EPOLLRDHUP = 0x2000
export const EPOLLET = 1 << 31

/** Events taken per call; the rest comes with the next one. */
const EVENTS_PER_CALL = 256
/** Calls per wake-up before Node's own work gets its turn: some ms of bulk at most. */
const CALLS_PER_WAKEUP = 32

/** After a turn in which something has thrown, work that is left waits so long, ms: it may throw again. */
const ERROR_PAUSE = 10

/** A level-triggered descriptor that cannot be read for want of memory tells nothing for so long, ms. */
const REST = 20

const TIMER_TOKEN = -1
/** No token: class 0 has none. */
const NO_TOKEN = 0

/** Serves one class of descriptors. */
export interface ReadyHandler {
  /** A descriptor registered under this class is ready. `index` and `generation` are the token's. */
  ready(index: number, generation: number, events: number): void
}

/** Takes part in every turn. */
export interface TurnHandler {
  /** A turn begins: before any event is served. */
  begin(now: number): void
  /** Goes on with work that a budget cut short. */
  resume(now: number): void
  /** End of a turn: send what was gathered. */
  settle(now: number): void
  /** Expires what is due, and returns the ms until the next deadline, -1 for none. */
  expire(now: number): number
  /** True while something is left that needs no event to go on. */
  readonly hasWork: boolean
}

/** A token from its parts. */
export const token = (tokenClass: number, generation: number, index: number): number =>
  (tokenClass << 28) | ((generation & 0xff) << 20) | index

export class EventLoop {
  /** Milliseconds of CLOCK_MONOTONIC, int32, read once per turn. */
  now: number
  #native: NativeContext
  #events: Int32Array
  #batch = new Int32Array(EVENTS_PER_CALL * 2)
  #handlers: (ReadyHandler | null)[] = new Array<ReadyHandler | null>(TOKEN_CLASSES).fill(null)
  #turn: TurnHandler | null = null
  #armed = -1 // ms of the armed deadline, valid when #isArmed
  #isArmed = false
  // One event, of another descriptor than the one before: a request, and its response. A stream, of which more comes the longer one sleeps,
  // tells of the same descriptor again and again, or of several at once.
  #alternates = false
  #last = NO_TOKEN
  #isRunning = false
  /** Descriptors that tell nothing for now, each with its token and events, and until when, int32 ms. */
  readonly #resting: number[] = []
  #restsUntil = 0

  constructor(native: NativeContext) {
    this.#native = native
    this.#events = new Int32Array(native.scratch)
    this.now = native.now()
  }

  /** Names the handler of a class of tokens. */
  serve(tokenClass: number, handler: ReadyHandler): void {
    this.#handlers[tokenClass] = handler
  }

  /** Starts turning; `turn` takes part in each turn. */
  start(turn: TurnHandler): void {
    this.#turn = turn
    this.#isRunning = true
    this.#native.start(() => this.poll())
    this.schedule()
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /**
   * A registered descriptor that is ready, level-triggered, and of no use for now: it tells nothing for REST ms. `forget` is to be called before it is
   * closed.
   */
  rest(descriptor: number, token: number, events: number): void {
    if (this.#native.epollModify(descriptor, token, 0) < 0) return
    if (this.#resting.length === 0) this.#restsUntil = (this.now + REST) | 0
    this.forget(descriptor)
    this.#resting.push(descriptor, token, events)
  }

  /** A descriptor is about to be closed. */
  forget(descriptor: number): void {
    for (let i = 0; i < this.#resting.length; i += 3) {
      if (this.#resting[i] !== descriptor) continue
      this.#resting.splice(i, 3)
      return
    }
  }

  // The ms until those that rest are asked again; -1: there is none. One that the kernel will not register stays.
  #endRest(): number {
    const resting = this.#resting
    if (resting.length === 0) return -1
    const wait = (this.#restsUntil - this.now) | 0
    if (wait > 0) return wait
    for (let i = resting.length - 3; i >= 0; i -= 3)
      if (this.#native.epollModify(resting[i]!, resting[i + 1]!, resting[i + 2]!) >= 0) resting.splice(i, 3)
    this.#restsUntil = (this.now + REST) | 0
    return resting.length === 0 ? -1 : REST
  }

  /** Stops turning; descriptors stay open. */
  stop(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    this.#native.timerArm(-1)
    this.#native.stop()
  }

  /** A turn without events: for work that was begun outside of one. */
  schedule(): void {
    const turn = this.#turn
    if (!this.#isRunning || turn === null) return
    this.#arm(this.#serve(turn, 0))
  }

  /** Serves what is ready now. */
  poll(): void {
    const turn = this.#turn
    if (turn === null) return
    let wait = -1
    for (let call = 0; call < CALLS_PER_WAKEUP; call++) {
      // What has just been served may be answered in no time.
      const count = this.#native.epollWait(EVENTS_PER_CALL, call > 0 && this.#alternates && !turn.hasWork ? 1 : 0)
      if (count <= 0 && !turn.hasWork) break
      wait = this.#serve(turn, count)
      if (!this.#isRunning) return
      if (wait > 0 && turn.hasWork) break
    }
    this.#arm(wait)
  }

  /** One turn with `count` events; the ms until the next one, -1 for whenever there is an event. */
  #serve(turn: TurnHandler, count: number): number {
    const before = guard.count
    this.now = this.#native.now()
    let wait = -1
    // Each part by itself: what one has thrown keeps the others from nothing.
    try {
      turn.begin(this.now)
    } catch (error) {
      guard.caught('the beginning of a turn', error)
    }
    if (count > 0) this.#dispatch(count)
    try {
      turn.resume(this.now)
    } catch (error) {
      guard.caught('work left over', error)
    }
    try {
      turn.settle(this.now)
    } catch (error) {
      guard.caught('the end of a turn', error)
    }
    try {
      wait = turn.expire(this.now)
    } catch (error) {
      guard.caught('a timer', error)
    }
    const rest = this.#endRest()
    if (guard.count !== before) return ERROR_PAUSE
    return turn.hasWork ? 0 : sooner(wait, rest)
  }

  #dispatch(count: number): void {
    // The handlers' own native calls overwrite the scratch words.
    const batch = this.#batch
    for (let i = 0; i < count * 2; i++) batch[i] = this.#events[i] as number
    const only = count === 1 ? (batch[0] as number) : NO_TOKEN
    this.#alternates = count === 1 && only !== this.#last
    this.#last = only
    for (let i = 0; i < count; i++) {
      const word = batch[2 * i] as number
      if (word === TIMER_TOKEN) {
        this.#native.timerRead()
        this.#isArmed = false
        continue
      }
      const handler = this.#handlers[word >>> 28] as ReadyHandler | null
      if (handler === null) continue
      // An edge comes once: those of the other descriptors must not go with it.
      try {
        handler.ready(word & 0xfffff, (word >>> 20) & 0xff, batch[2 * i + 1] as number)
      } catch (error) {
        guard.caught('an event', error)
      }
    }
  }

  // A timer that fires too early only costs a turn; arming is a system call, so it moves only to an earlier time.
  #arm(wait: number): void {
    if (wait < 0) return
    const deadline = (this.now + wait) | 0
    if (this.#isArmed && ((this.#armed - deadline) | 0) <= 0) return
    this.#native.timerArm(wait)
    this.#armed = deadline
    this.#isArmed = true
  }
}
