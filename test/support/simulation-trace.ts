// What happened in a simulation, a line each, for people: segments in the order in which they came to the link, with numbers counted from
// the initial ones and what became of them there, and in between what the hosts did and were told.
//
//      2010  B -> A  .P     101..1549      ack 1       win 65535   lost
//      2010  A       sees the end
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import type { Side } from './simulation-side.js'
import { Seen } from './simulation-watch.js'

const FLAGS = [
  ['S', wire.SYN],
  ['F', wire.FIN],
  ['R', wire.RST],
  ['P', wire.PSH],
  ['.', wire.ACK],
] as const

/** What a way of the link has done to frames so far. */
interface Fates {
  readonly lost: number
  readonly overflowed: number
  readonly duplicated: number
  readonly corrupted: number
  readonly heldBack: number
}
const FATES = ['lost', 'overflowed', 'duplicated', 'corrupted', 'heldBack'] as const

export class Trace {
  readonly lines: string[] = []
  readonly #most: number
  readonly #seen = new Seen()

  /** Keeps the last `most` lines. */
  constructor(most: number) {
    this.#most = most
  }

  add(t: number, what: string): void {
    this.lines.push(`${String(t).padStart(9)}  ${what}`)
    if (this.lines.length > 2 * this.#most) this.lines.splice(0, this.#most)
  }

  event(t: number, who: Side, what: string): void {
    this.add(t, `${who.plan.name.padEnd(6)}  ${what}`)
  }

  /** A frame from one side to the other, which `passes` through the link. */
  segment(t: number, from: Side, to: Side, at: number, length: number, fates: Fates | null, passes: () => void): void {
    const before = FATES.map((fate) => fates?.[fate] ?? 0)
    const isSegment = this.#seen.read(from.interface.view, at, length)
    const text = isSegment ? this.#describe(from, to) : `${length} bytes that are no segment`
    passes()
    const became = FATES.filter((fate, i) => (fates?.[fate] ?? 0) > before[i]!).map((fate) => (fate === 'heldBack' ? 'held back' : fate))
    this.add(t, `${from.plan.name} -> ${to.plan.name}  ${text.padEnd(60)} ${became.join(', ')}`.trimEnd())
  }

  #describe(from: Side, to: Side): string {
    const s = this.#seen
    const flags = FLAGS.filter(([, bit]) => s.has(bit))
      .map(([letter]) => letter)
      .join('')
    const seq = (s.seq - from.watch.isn) | 0
    const ack = s.has(wire.ACK) ? `ack ${(s.ack - to.watch.isn) | 0}` : ''
    const o = s.options
    const extras: string[] = []
    for (let i = 0; i < o[options.SACK_COUNT]!; i++) {
      const [left, right] = [o[options.SACK_LEFT + 2 * i]!, o[options.SACK_LEFT + 2 * i + 1]!]
      extras.push(`sack ${(left - to.watch.isn) | 0}..${(right - to.watch.isn) | 0}`)
    }
    if (s.has(wire.SYN)) extras.push(`mss ${o[options.MSS]} scale ${o[options.WINDOW_SCALE]}`)
    if (s.gsoSize > 0) extras.push(`gso ${s.gsoSize}`)
    const range = s.textLength > 0 ? `${seq}..${seq + s.textLength}` : `${seq}`
    return `${flags.padEnd(3)} ${range.padEnd(17)} ${ack.padEnd(12)} win ${String(s.window).padEnd(6)} ${extras.join(' ')}`
  }

  toString(): string {
    return this.lines.slice(-this.#most).join('\n')
  }
}
