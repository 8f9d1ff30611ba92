/*
 * What is under way, by handle: questions, connections. Each entry has a timer, and descriptors in the event loop, told apart by a number.
 *
 *     index of the part   handle | number; the generation is the handle's, so that a late event does not reach the next owner
 */

import { HandlePool } from '../util/handle-pool.js'
import { TimerWheel } from '../util/timer-wheel.js'
import type { ServiceEvents } from './service-events.js'

/** An entry; the table gives it its handle, 0 while it is in none. */
export interface Entry {
  handle: number
}

export class DnsTable<E extends Entry> {
  readonly #events: ServiceEvents
  readonly #part: number
  readonly #numberBits: number
  readonly #handles: HandlePool
  readonly #generations: Uint8Array
  readonly #entries: (E | undefined)[] = []
  readonly #timers: TimerWheel
  readonly #expiry: { expire(handle: number): void }

  /** `timeIsUp` is told of timers; `numberBits`: those of a descriptor's number. */
  constructor(events: ServiceEvents, part: number, capacity: number, numberBits: number, timeIsUp: (entry: E) => void) {
    this.#events = events
    this.#part = part
    this.#numberBits = numberBits
    this.#handles = new HandlePool(capacity)
    this.#generations = new Uint8Array(capacity + 1)
    this.#timers = new TimerWheel(capacity + 1, events.now)
    this.#expiry = {
      expire: (handle: number): void => {
        const entry = this.#entries[handle]
        if (entry !== undefined) timeIsUp(entry)
      },
    }
  }

  get size(): number {
    return this.#handles.inUse
  }

  /** Every entry, as it is now: each may be removed meanwhile. */
  all(): E[] {
    return this.#entries.filter((entry) => entry !== undefined)
  }

  /** False when the table is full. */
  add(entry: E): boolean {
    entry.handle = this.#handles.acquire()
    if (entry.handle === 0) return false
    this.#entries[entry.handle] = entry
    return true
  }

  /** False when it is not here. */
  remove(entry: E): boolean {
    const { handle } = entry
    if (handle === 0) return false
    this.#timers.cancel(handle)
    this.#entries[handle] = undefined
    this.#generations[handle]!++
    this.#handles.release(handle)
    entry.handle = 0
    return true
  }

  /** Has the event loop tell this part of a descriptor's events; -errno when it cannot. */
  watch(
    native: { epollAdd(descriptor: number, token: number, events: number): number },
    entry: E,
    descriptor: number,
    events: number,
    number = 0,
  ) {
    const index = (entry.handle << this.#numberBits) | number
    return native.epollAdd(descriptor, this.#events.token(this.#part, this.#generations[entry.handle]!, index), events)
  }

  /** Whose event it is; undefined when it is over. */
  find(index: number, generation: number): E | undefined {
    const handle = index >>> this.#numberBits
    return this.#generations[handle] === generation ? this.#entries[handle] : undefined
  }

  /** Which of its descriptors. */
  number(index: number): number {
    return index & ((1 << this.#numberBits) - 1)
  }

  /** `deadline`: int32 ms. */
  schedule(entry: E, deadline: number): void {
    this.#timers.schedule(entry.handle, deadline)
  }

  unschedule(entry: E): void {
    this.#timers.cancel(entry.handle)
  }

  /** Hands over whose time is up; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    this.#timers.advance(now, this.#expiry)
    return this.#timers.next(now)
  }
}
