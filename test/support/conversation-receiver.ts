// What the guest of a random conversation has of our text, and how it acknowledges that when it means well (RFC 9293, 2018, 2883): from a link
// that loses some of it. Numbers are relative to our initial sequence number.
import type { Random } from './random.js'
import type { Blocks, SentSegment } from './script-segment.js'

/** Ranges out of order that it has memory for; what would be one more is lost. */
const MOST_RANGES = 30

export class HonestReceiver {
  readonly random: Random
  /** Segments that do not arrive, of a hundred. */
  loss = 0
  /** Timestamp that is to be echoed. */
  stamp = 0
  /** What it has: [left, right), in order and apart. */
  #ranges: [number, number][] = []
  /** In the range that has changed last. */
  #latest = 0
  #twice: readonly [number, number] | null = null

  constructor(random: Random) {
    this.random = random
  }

  /** Everything before this, which is more than it has, it will not ask for again: it has said so. */
  claims(ack: number): void {
    if (ack > this.ack) this.#add(0, ack)
  }

  /** A segment of ours, or each of its pieces. */
  hears(s: SentSegment): void {
    if (s.flags.includes('R')) return
    if (s.flags.includes('S')) {
      this.#ranges = [[0, 1]]
      this.#twice = null
      this.stamp = s.timestamp?.[0] ?? 0
      return
    }
    const end = s.seq + s.text.length
    const size = s.gsoSize === 0 ? s.text.length : s.gsoSize
    for (let from = s.seq; from < end; from += size) this.#arrives(s, from, Math.min(from + size, end))
    if (s.flags.includes('F')) this.#arrives(s, end, end + 1)
  }

  #arrives(s: SentSegment, from: number, to: number): void {
    if (this.random.chance(this.loss)) return
    if (from <= this.ack && s.timestamp !== null) this.stamp = s.timestamp[0]
    this.#latest = from
    const last = this.#ranges.at(-1)
    const isNew = last === undefined || last[1] <= from
    if (!isNew && this.#ranges.some(([left, right]) => left <= from && to <= right)) this.#twice = [from, to]
    else this.#add(from, to)
  }

  #add(from: number, to: number): void {
    const last = this.#ranges.at(-1)
    if (last !== undefined && last[1] === from) {
      last[1] = to
      return
    }
    const touched = this.#ranges.filter(([left, right]) => left <= to && from <= right)
    const apart = this.#ranges.filter(([left, right]) => right < from || to < left)
    if (touched.length === 0 && apart.length === MOST_RANGES) return
    const joined: [number, number] = [Math.min(from, ...touched.map(([left]) => left)), Math.max(to, ...touched.map(([, right]) => right))]
    this.#ranges = [...apart, joined].sort(([a], [b]) => a - b)
  }

  /** The next number it expects. */
  get ack(): number {
    const first = this.#ranges[0]
    return first?.[0] === 0 ? first[1] : 0
  }

  /** What it has out of order, the newest first; before that what came twice, once. */
  blocks(most: number): Blocks {
    const beyond = this.#ranges.filter(([left]) => left > this.ack)
    const newest = beyond.findIndex(([left, right]) => left <= this.#latest && this.#latest < right)
    if (newest > 0) beyond.unshift(...beyond.splice(newest, 1))
    const twice = this.#twice
    this.#twice = null
    if (twice === null) return beyond.slice(0, most)
    const around = beyond.find(([left, right]) => left <= twice[0] && twice[1] <= right)
    if (around === undefined) return [twice, ...beyond].slice(0, most)
    return [twice, around, ...beyond.filter((range) => range !== around)].slice(0, most)
  }
}
