// The guest of a random conversation: segments of every kind, near what the connection is at more often than not, so that most of them
// mean something to it.
import { slabSize } from '../../src/packet/slab-pool.js'
import { HAS_SACK, HAS_TIMESTAMPS } from '../../src/tcp/columns.js'
import type { Connection } from '../../src/tcp/connection.js'
import * as held from '../../src/tcp/held.js'
import { HonestReceiver } from './conversation-receiver.js'
import { guestText } from './conversation-text.js'
import type { Random } from './random.js'
import type { Blocks, SegmentText } from './script-segment.js'
import type { TcpScript } from './tcp-script.js'

/** Longest text of a segment. */
const MOST = 3000
/** Text that fits a datagram with all options, bytes. */
const MOST_TEXT = 65_000
/** More than a row has ranges. */
const CRUMBS = 20
/** SACK blocks beside timestamps, and without them. */
const BLOCKS_BESIDE_TIMESTAMPS = 3
const BLOCKS = 4
/** Longest option block, bytes. */
const OPTIONS = 40

type Block = readonly [left: number, right: number]

/** Control bits that make sense in a state, and some that do not. */
const BITS = {
  closed: ['S', 'S', 'S', '.', 'P.', 'F.', 'R', 'R.', '', 'F', 'S.', 'SF', 'SFRP.U'],
  opening: ['S.', 'S.', 'S', '.', 'F.', '', 'P.', 'SF.'],
  open: ['.', '.', '.', '.', '.', 'P.', 'F.', 'F.U', '.U', 'S', 'S.', '', 'F', 'SFP.U', 'EWP.'],
} as const

export class RandomGuest {
  readonly random: Random
  t: TcpScript
  /** What has arrived, when it means to tell the truth; how often it does, of a hundred times. */
  readonly receiver: HonestReceiver
  honesty = 0
  /** What it says to have out of order, relative to our initial sequence number. */
  #told: Block[] = []

  constructor(random: Random, t: TcpScript) {
    this.random = random
    this.t = t
    this.receiver = new HonestReceiver(random)
  }

  /** A new connection: of what kind the guest is this time. */
  begin(): void {
    const { random } = this
    this.honesty = random.pick([0, 30, 80])
    this.receiver.loss = random.pick([0, 5, 30])
    this.#told = []
  }

  get #c(): Connection {
    return this.t.connection
  }
  /** Of a number of ours. */
  #relative(number: number): number {
    return (number - this.#c.iss) | 0
  }

  /** Segments that arrive together. */
  batch(): SegmentText[] {
    const { random } = this
    if (!this.t.host.isUsed) return this.#anything()
    if (random.chance(this.honesty)) return [this.#honest()]
    if (random.chance(10)) return this.#stream()
    if (random.chance(5)) return this.#crumbs()
    return this.#anything()
  }

  // What it has it acknowledges, and nothing else.
  #honest(): SegmentText {
    const { random, receiver } = this
    const c = this.#c
    receiver.claims(this.#relative(c.sndUna))
    const segment = this.plain((c.iss + receiver.ack) | 0, { window: random.pick([500, 5000, 65_535]) })
    const blocks = c.has(HAS_SACK) ? receiver.blocks(c.has(HAS_TIMESTAMPS) ? BLOCKS_BESIDE_TIMESTAMPS : BLOCKS) : []
    return {
      ...segment,
      ...(blocks.length > 0 ? { sack: blocks } : {}),
      ...(c.has(HAS_TIMESTAMPS) ? { timestamp: [c.tsRecent, receiver.stamp] as const } : {}),
    }
  }

  // Text in order, as much as a super-segment holds; one of them may be missing.
  #stream(): SegmentText[] {
    const { random } = this
    const c = this.#c
    const size = random.pick([536, 1460, 14_600, MOST_TEXT])
    const segments: SegmentText[] = []
    let at = random.chance(80) ? c.rcvNxt : held.end(c)
    for (let left = random.between(1, 6); left > 0; left--, at = (at + size) | 0) {
      if (!random.chance(10)) segments.push({ ...this.plain(c.sndMax), seq: at, text: guestText(at, size) })
    }
    return segments
  }

  // As many pieces as it takes for a range too many, in any order.
  #crumbs(): SegmentText[] {
    const { random } = this
    const c = this.#c
    const segments: SegmentText[] = []
    for (let i = 1; i <= CRUMBS; i++) {
      const at = (c.rcvNxt + 40 * i + random.below(20)) | 0
      segments.splice(random.below(i), 0, { ...this.plain(c.sndUna), seq: at, text: guestText(at, 1 + random.below(20)) })
    }
    return segments
  }

  #anything(): SegmentText[] {
    const segments: SegmentText[] = []
    if (this.t.host.isUsed && this.random.chance(10)) segments.push(...this.#duplicates())
    for (let i = this.random.between(1, 4); i > 0; i--) segments.push(this.segment())
    return segments
  }

  /** What its SYN offers. */
  syn(): SegmentText {
    const { random } = this
    const stamp: SegmentText = random.chance(50) ? { timestamp: [random.int32(), this.#echo()] } : {}
    return { ...stamp, ...this.#offer(), seq: random.int32(), window: random.pick([500, 5000, 65_535]) }
  }

  #offer(): SegmentText {
    const { random } = this
    return {
      mss: random.pick([0, 1, 88, 536, 1460, 1460, 65_495]),
      scale: random.pick([-1, 0, 2, 7, 14]),
      sackPermitted: random.chance(70),
    }
  }

  /** A segment that is just right: it acknowledges up to `ack`, and says nothing besides. */
  plain(ack: number, more: SegmentText = {}): SegmentText {
    const c = this.#c
    const segment: SegmentText = { seq: c.rcvNxt, ack: this.#relative(ack), window: this.random.pick([1, 500, 65_535]), ...more }
    if (c.has(HAS_TIMESTAMPS)) segment.timestamp = [c.tsRecent, this.#echo()]
    return segment
  }

  // Three duplicate acknowledgments, and a partial one of another window.
  #duplicates(): SegmentText[] {
    const c = this.#c
    const flight = Math.max(1, (c.sndMax - c.sndUna) | 0)
    const duplicate = this.plain(c.sndUna, { window: c.sndWnd >> c.sndScale })
    const partial = this.plain((c.sndUna + this.random.below(flight)) | 0, { window: this.random.below(20) })
    return [duplicate, duplicate, duplicate, partial]
  }

  segment(): SegmentText {
    const { random } = this
    const c = this.#c
    const [seq, ack, flags] = [this.#seq(), this.#ack(), this.#flags()]
    const isSyn = flags.includes('S')
    const length = random.pick([0, 0, 0, 1, random.below(40), 1460, random.below(MOST)])
    const hasStamp = random.chance(c.has(HAS_TIMESTAMPS) && !isSyn ? 90 : 30)
    const hasSack = !isSyn && c.has(HAS_SACK) && random.chance(50)
    return {
      seq,
      ack,
      flags,
      window: random.pick([0, 1, 10, 500, 500, random.below(65_536), 65_535]),
      urgentPointer: random.pick([0, 1, random.below(MOST), 65_535]),
      // What follows a SYN begins with the number behind it.
      text: guestText(isSyn ? (seq + 1) | 0 : seq, length),
      ...(isSyn ? this.#offer() : {}),
      ...(hasStamp ? { timestamp: [this.#stamp(), this.#echo()] } : {}),
      ...(hasSack ? { sack: this.#sack(ack, hasStamp ? BLOCKS_BESIDE_TIMESTAMPS : BLOCKS) } : {}),
      ...(random.chance(3) ? { raw: this.#raw() } : {}),
    }
  }

  #raw(): number[] {
    const { random } = this
    return Array.from({ length: random.below(OPTIONS + 1) }, () => random.pick([0, 1, 2, 3, 4, 5, 8, 10, random.below(256)]))
  }

  // Resets are believed only at the exact number, and would end most conversations.
  #flags(): string {
    const { random, t } = this
    if (!t.host.isUsed) return random.pick(BITS.closed)
    if (random.chance(4)) return random.pick(['R', 'R.'])
    const { state } = this.#c
    if (state === 'LISTEN') return random.pick(BITS.closed)
    return random.pick(state === 'SYN-SENT' || state === 'SYN-RECEIVED' ? BITS.opening : BITS.open)
  }

  #seq(): number {
    const { random } = this
    const c = this.#c
    if (random.chance(2)) return random.int32()
    const near = random.pick([0, 0, 1, -1, random.below(10), -random.below(3000), random.below(3000)])
    const edge = (c.rcvNxt + slabSize(c.slabClass)) | 0
    const at = random.pick([c.rcvNxt, c.rcvNxt, c.rcvNxt, c.rcvNxt, c.rcvEdge, edge, c.rcvFin, c.irs])
    return (at + near) | 0
  }

  #ack(): number {
    const { random } = this
    const una = this.#relative(this.#c.sndUna)
    const max = this.#relative(this.#c.sndMax)
    if (random.chance(2)) return max + random.int32()
    return random.chance(60)
      ? max + random.pick([0, 0, 0, 0, 0, -1, 1, -random.below(3000)])
      : una + random.pick([0, 0, 0, 1, random.below(70_000), random.below(Math.max(1, max - una))])
  }

  #stamp(): number {
    const { random } = this
    const recent = this.#c.tsRecent
    if (random.chance(2)) return random.int32()
    return (recent + random.pick([0, 0, 0, 0, 1, 1, 5, 1000, -1, -1000])) | 0
  }

  // What was sent a while ago; or never.
  #echo(): number {
    const { random, t } = this
    if (random.chance(10)) return random.pick([0, random.int32()])
    return (t.now + this.#c.tsOffset - random.pick([0, 0, 1, 3, 40, 300, 2000])) | 0
  }

  // RFC 2018: the newest first, then what was told before. Or what RFC 2883 has for text that came twice. Or anything.
  #sack(ack: number, most: number): Blocks {
    const { random } = this
    const max = this.#relative(this.#c.sndMax)
    // Taken back: the memory was needed for something else.
    if (random.chance(10)) this.#told = []
    this.#told = this.#told.filter(([left, right]) => left > ack && right <= max)
    const blocks: Block[] = []
    if (random.chance(15)) blocks.push(...this.#twice(ack))
    if (max > ack) blocks.push(this.#newBlock(ack, max))
    blocks.push(...this.#told)
    if (random.chance(10)) blocks.splice(random.below(4), 0, this.#nonsense(ack, max))
    return blocks.slice(0, most)
  }

  #newBlock(ack: number, max: number): Block {
    const { random } = this
    const last = this.#told[random.below(Math.max(1, this.#told.length))]
    const from = last === undefined || random.chance(60) ? ack + random.below(max - ack) : last[random.below(2)]! - random.below(1500)
    const left = Math.max(ack + (random.chance(95) ? 1 : 0), from)
    const right = Math.min(max, left + random.pick([1, 100, 536, 1460, random.below(6000)]))
    const block: Block = [left, Math.max(left, right)]
    const isApart = this.#told.every(([a, b]) => b < block[0] || block[1] < a)
    if (isApart && block[0] < block[1]) this.#told.unshift(block)
    return block
  }

  #twice(ack: number): Block[] {
    const { random } = this
    const length = 1 + random.below(2000)
    const around = this.#told[0]
    if (around === undefined || random.chance(60)) {
      const right = ack - random.pick([0, 0, 1, random.below(3000), random.below(100_000)])
      return [[right - length, right]]
    }
    const left = around[0] + random.below(around[1] - around[0])
    return [[left, Math.min(around[1], left + length)], around]
  }

  #nonsense(ack: number, max: number): Block {
    const { random } = this
    return random.pick<Block>([
      [max, ack],
      [ack, ack],
      [ack - 1, max + 1],
      [max, max + 1000],
      [ack - random.below(1000), ack + random.below(1000)],
      [random.int32(), random.int32()],
    ])
  }
}
