// Text in flight, for scripts about loss: segments of 1,000 bytes, counted from 1, of which the guest tells what it has.
//
//     flight(5).acks(2, block(4)).expects(...)       five segments; 1 and 4 have arrived
import assert from 'node:assert/strict'
import type { Conversation } from './script.js'
import type { SegmentText } from './script-segment.js'
import { synReceived } from './script-states.js'

/** Bytes of a segment. */
const SIZE = 1000
/** The guest's window, 256,000 bytes: nothing is held back by it. */
const WINDOW = 2000
/** Bytes that timestamps take. */
const TIMESTAMP = 12

/** Sequence number of a segment's first byte. */
export const at = (segment: number): number => 1 + (segment - 1) * SIZE

/** The SACK block of segments `from` to `to`. */
export const block = (from: number, to = from): readonly [number, number] => [at(from), at(to + 1)]

class Flight {
  readonly t: Conversation
  readonly #hasTimestamps: boolean
  /** Our timestamp that the guest echoes. */
  #echo = 0
  #next = 1

  constructor(syn: SegmentText, roundTrip: number) {
    this.#hasTimestamps = syn.timestamp !== undefined
    this.t = synReceived({ offload: false }, { mss: this.#hasTimestamps ? SIZE + TIMESTAMP : SIZE, ...syn }).wait(roundTrip)
    this.#guest({ seq: 1, ack: 1 })
  }

  #guest(segment: SegmentText): void {
    this.t.guest({ window: WINDOW, ...(this.#hasTimestamps ? { timestamp: [1, this.#echo] } : {}), ...segment })
  }

  /** The host's user sends so much that `count` more segments leave; with less permitted, those are expected later. */
  sends(count: number): this {
    for (let i = 0; i < count; i++) this.t.hostSends('x'.repeat(SIZE))
    return this
  }

  /** The guest has everything before segment `next`, and the blocks. */
  acks(next: number, ...sack: readonly (readonly [number, number])[]): this {
    this.#guest({ seq: 1, ack: at(next), sack })
    return this
  }

  /** From now on the guest echoes this. */
  echoes(timestamp: number): this {
    this.#echo = timestamp
    return this
  }

  /** Exactly these segments leave, in this order. */
  expects(...segments: number[]): this {
    const left = segments.map(() => this.t.sent.shift())
    const text = left.map((s) =>
      s === undefined ? 'nothing' : s.text.length === SIZE ? (s.seq - 1) / SIZE + 1 : `${s.seq}+${s.text.length}`,
    )
    assert.deepEqual(text, segments)
    const stamp = left.at(-1)?.timestamp
    if (stamp && this.#echo === 0) this.#echo = stamp[0]
    this.t.silence()
    return this
  }

  /** `count` more segments that have left. */
  flies(count: number): this {
    const segments = Array.from({ length: count }, (_, i) => this.#next + i)
    this.#next += count
    return this.sends(count).expects(...segments)
  }

  wait(ms: number): this {
    this.t.wait(ms)
    return this
  }

  silence(): this {
    this.t.silence()
    return this
  }

  ignore(): this {
    this.t.ignore()
    return this
  }
}

/** A connection with `count` segments in flight, whose handshake took `roundTrip` ms. */
export const flight = (count: number, syn: SegmentText = {}, roundTrip = 0): Flight => new Flight(syn, roundTrip).flies(count)
