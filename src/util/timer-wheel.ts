/*
 * A hierarchical timing wheel (G. Varghese, A. Lauck: Hashed and Hierarchical Timing Wheels, scheme 7) of 1 ms ticks.
 *
 *     level 0   32 slots of      1 ms   |.|.|A|.|.|B|.| ...     what is due in the 32 ms block of `time`
 *     level 1   32 slots of     32 ms   |.|.|.|C|.|.|.| ...     ... in its block of 1,024 ms, but not in that of 32
 *     ...                                                       each level: 32 times the one above
 *     level 6    4 slots of 2^30 ms     |.|D|.|.|               the whole of int32, as a ring
 *
 *     occupied[level]   one bit a slot: not empty
 *     next, previous    one ring a slot through its sentinel:   [S] <-> C <-> E <-> [S]     S = capacity + slot
 *     DUE, FIRING       two more rings: reached already, and those the running `advance` hands out
 *
 * The level of a timer is that of the highest 5-bit digit in which its deadline differs from `time`, its slot is that digit. So
 * whatever is on a level is due before anything on a higher one, and every slot that is occupied lies ahead of `time`'s digit: the
 * earliest one is the lowest bit of the lowest level that has any. `advance` goes from occupied slot to occupied slot, sets `time`
 * to its start and links each timer of it again, which puts it on a lower level, or into DUE.
 *
 * A deadline that moves later is only stored (`deadlines` against `linked`): the timer is linked anew when its old slot comes up. A TCP
 * timer that every segment restarts costs one store.
 *
 * Time is int32 ms and wraps. A deadline may lie at most MAX_DELAY ahead of the time last given to `advance`.
 */

const DIGIT = 5
const LEVELS = 7
const TOP = LEVELS - 1
const SLOTS = LEVELS << DIGIT
const NONE = -1

/** ms, 24 days: what int32 comparison can tell from the past. */
export const MAX_DELAY = 0x7fffffff

export interface TimerHandler {
  /** The timer is no longer scheduled; it, and any other, may be scheduled or cancelled from here. */
  expire(id: number): void
}

/** Timers with the ids 0..capacity-1. */
export class TimerWheel {
  readonly capacity: number
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #deadlines: Int32Array
  /** The deadline at the time the timer was linked, never after `#deadlines`. */
  readonly #linked: Int32Array
  readonly #occupied = new Int32Array(LEVELS)
  readonly #due: number
  readonly #firing: number
  #time: number
  #scheduled = 0

  constructor(capacity: number, now = 0) {
    this.capacity = capacity
    this.#next = new Int32Array(capacity + SLOTS + 2).fill(NONE)
    this.#previous = new Int32Array(capacity + SLOTS + 2).fill(NONE)
    this.#deadlines = new Int32Array(capacity)
    this.#linked = new Int32Array(capacity)
    this.#due = capacity + SLOTS
    this.#firing = this.#due + 1
    this.#time = now | 0
    for (let sentinel = capacity; sentinel <= this.#firing; sentinel++) this.#next[sentinel] = this.#previous[sentinel] = sentinel
  }

  /** How many timers are scheduled. */
  get scheduled(): number {
    return this.#scheduled
  }

  isScheduled(id: number): boolean {
    return this.#next[id] !== NONE
  }

  /** When a scheduled timer expires. */
  deadline(id: number): number {
    return this.#deadlines[id]!
  }

  /** Sets or moves a timer. A deadline that has been reached already expires in the next `advance`, not in the running one. */
  schedule(id: number, deadline: number): void {
    this.#deadlines[id] = deadline
    if (this.#next[id] !== NONE) {
      const linked = this.#linked[id]!
      // Later, or reached already: its slot, or the ring it is on, comes up in time.
      if (((deadline - linked) | 0) >= 0 || ((linked - this.#time) | 0) <= 0) return
      this.#unlink(id)
    } else {
      this.#scheduled++
    }
    this.#link(id, deadline)
  }

  cancel(id: number): void {
    if (this.#next[id] === NONE) return
    this.#unlink(id)
    this.#next[id] = NONE
    this.#scheduled--
  }

  /** Moves on to `now` and hands over every timer whose deadline is not after it, about in the order of deadlines. */
  advance(now: number, handler: TimerHandler): void {
    if (this.#scheduled === 0) {
      this.#time = now | 0
      return
    }
    for (let level = this.#lowest(); level < LEVELS; level = this.#lowest()) {
      const slot = this.#earliest(level)
      const start = this.#start(level, slot)
      if (((start - now) | 0) > 0) break
      this.#time = start
      this.#relink(this.capacity + (level << DIGIT) + slot)
    }
    if (((now - this.#time) | 0) > 0) this.#time = now | 0
    this.#splice()
    this.#fire(handler)
  }

  /** ms from `now` until `advance` has something to do, at the latest when the earliest deadline is reached; -1: no timer. */
  next(now: number): number {
    if (this.#scheduled === 0) return -1
    if (this.#next[this.#due] !== this.#due || this.#next[this.#firing] !== this.#firing) return 0
    const level = this.#lowest()
    const slot = this.#earliest(level)
    let at = this.#start(level, slot)
    const first = this.#next[this.capacity + (level << DIGIT) + slot]!
    if (level < TOP && this.#next[first]! >= this.capacity) {
      // Alone in its slot, and every other slot begins when this one ends or later: wake for the timer itself.
      const end = (at + (1 << (level * DIGIT))) | 0
      const deadline = this.#deadlines[first]!
      at = ((deadline - end) | 0) < 0 ? deadline : end
    }
    return Math.max(0, (at - now) | 0)
  }

  #link(id: number, deadline: number): void {
    this.#linked[id] = deadline
    if (((deadline - this.#time) | 0) <= 0) {
      this.#append(this.#due, id)
      return
    }
    const level = ((31 - Math.clz32(deadline ^ this.#time)) / DIGIT) | 0
    const slot = (deadline >>> (level * DIGIT)) & 31
    this.#occupied[level]! |= 1 << slot
    this.#append(this.capacity + (level << DIGIT) + slot, id)
  }

  #append(sentinel: number, id: number): void {
    const last = this.#previous[sentinel]!
    this.#next[last] = id
    this.#previous[id] = last
    this.#next[id] = sentinel
    this.#previous[sentinel] = id
  }

  #unlink(id: number): void {
    const next = this.#next[id]!
    const previous = this.#previous[id]!
    this.#next[previous] = next
    this.#previous[next] = previous
    // Only a sentinel is its own neighbour: the ring is empty now.
    if (next === previous && next >= this.capacity && next < this.#due) {
      const slot = next - this.capacity
      this.#occupied[slot >> DIGIT]! &= ~(1 << (slot & 31))
    }
  }

  /** Every timer of a slot whose start `time` has become: none stays in it, so its ring runs empty. */
  #relink(sentinel: number): void {
    for (let id = this.#next[sentinel]!; id !== sentinel; id = this.#next[sentinel]!) {
      this.#unlink(id)
      this.#link(id, this.#deadlines[id]!)
    }
  }

  /** DUE behind whatever a handler that threw has left in FIRING. */
  #splice(): void {
    const first = this.#next[this.#due]!
    if (first === this.#due) return
    const last = this.#previous[this.#due]!
    const tail = this.#previous[this.#firing]!
    this.#next[tail] = first
    this.#previous[first] = tail
    this.#next[last] = this.#firing
    this.#previous[this.#firing] = last
    this.#next[this.#due] = this.#previous[this.#due] = this.#due
  }

  #fire(handler: TimerHandler): void {
    const firing = this.#firing
    for (let id = this.#next[firing]!; id !== firing; id = this.#next[firing]!) {
      this.#unlink(id)
      const deadline = this.#deadlines[id]!
      if (((deadline - this.#time) | 0) > 0) {
        // Moved later, perhaps by the handler of another.
        this.#link(id, deadline)
      } else {
        this.#next[id] = NONE
        this.#scheduled--
        handler.expire(id)
      }
    }
  }

  /** The lowest level with an occupied slot, or LEVELS. */
  #lowest(): number {
    let level = 0
    while (level < LEVELS && this.#occupied[level] === 0) level++
    return level
  }

  #earliest(level: number): number {
    const bits = this.#occupied[level]!
    if (level < TOP) return 31 - Math.clz32(bits & -bits)
    // The top digit has two bits and is a ring: count from where `time` stands.
    const position = this.#time >>> (TOP * DIGIT)
    const turned = ((bits >>> position) | (bits << (4 - position))) & 15
    return (position + 31 - Math.clz32(turned & -turned)) & 3
  }

  #start(level: number, slot: number): number {
    const above = level === TOP ? 0 : this.#time & (-1 << ((level + 1) * DIGIT))
    return above | (slot << (level * DIGIT))
  }
}
