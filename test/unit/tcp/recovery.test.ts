// What SACK blocks tell, and what is lost by it, against sets of byte numbers: whatever blocks a guest sends, only those that can be
// count (RFC 2018), and a hole is lost when RFC 6675, 4 (IsLost) says so of its bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLAGS, HAS_SACK } from '../../../src/tcp/columns.js'
import * as recovery from '../../../src/tcp/recovery.js'
import * as scoreboard from '../../../src/tcp/scoreboard.js'
import { SACK_COUNT, SACK_LEFT } from '../../../src/wire/tcp-options.js'
import { TcpScript } from '../../support/tcp-script.js'

const { tcp, connection: c } = new TcpScript()

const FLIGHT = 400
const MSS = 10
/** Largest window the guest ever offered: how far back a report of what came twice is believed (RFC 5961, 5.2). */
const MAX_WINDOW = 1000

type Block = readonly [left: number, right: number]

/** Numbers count from the first byte in flight, and do not wrap. */
class NaiveReceiver {
  readonly has = new Set<number>()
  una = 0

  /** How many bytes of the blocks are news. */
  read(ack: number, blocks: readonly Block[]): number {
    const before = this.has.size
    for (const [i, [left, right]] of blocks.entries()) {
      if (i === 0 && this.#isTwice(ack, left, right, blocks[1])) continue
      if (right <= left || right <= this.una || right > FLIGHT) continue
      for (let n = Math.max(left, this.una); n < right; n++) this.has.add(n)
    }
    return this.has.size - before
  }

  // RFC 2883, 4: before the acknowledgment, or within the second block.
  #isTwice(ack: number, left: number, right: number, second: Block | undefined): boolean {
    if (right <= left) return false
    if (right <= ack) return right > this.una - MAX_WINDOW
    return second !== undefined && second[0] <= left && right <= second[1]
  }

  /** Runs of what it has: [left, right). */
  get ranges(): [number, number][] {
    const runs: [number, number][] = []
    for (let n = this.una; n < FLIGHT; n++) {
      if (!this.has.has(n)) continue
      const last = runs.at(-1)
      if (last?.[1] === n) last[1]++
      else runs.push([n, n + 1])
    }
    return runs
  }

  /** RFC 6675, 4: three runs behind it have arrived, or more than two segments. */
  isLost(number: number): boolean {
    const behind = this.ranges.filter(([left]) => left > number)
    return behind.length >= 3 || behind.reduce((sum, [left, right]) => sum + right - left, 0) > 2 * MSS
  }
}

function begin(iss: number): NaiveReceiver {
  c.rows[c.base + FLAGS] = HAS_SACK
  c.sackedCount = c.reorderSteps = 0
  c.sndMss = MSS
  c.maxWnd = MAX_WINDOW
  c.sndUna = iss
  c.sndNxt = c.sndMax = (iss + FLIGHT) | 0
  return new NaiveReceiver()
}

function tell(iss: number, ack: number, blocks: readonly Block[]): number {
  const s = tcp.segment
  s.ack = (iss + ack) | 0
  s.options[SACK_COUNT] = blocks.length
  blocks.flat().forEach((edge, i) => {
    s.options[SACK_LEFT + i] = (iss + edge) | 0
  })
  return recovery.readBlocks(tcp, c, s)
}

const near = fc.integer({ min: -20, max: FLIGHT + 20 })
const edge = fc.oneof({ weight: 12, arbitrary: near }, { weight: 1, arbitrary: fc.integer({ min: -0x3fffffff, max: 0x3fffffff }) })
const block: fc.Arbitrary<Block> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(near, fc.integer({ min: 0, max: 30 })).map(([left, length]) => [left, left + length] as const) },
  { weight: 2, arbitrary: fc.tuple(edge, edge) },
)
const blocks = fc.array(block, { maxLength: 4 })

test('believes what can be, of any blocks in any order', () => {
  fc.assert(
    // Four times four blocks are fewer than a row has room for.
    fc.property(fc.integer(), fc.array(fc.tuple(blocks, fc.nat({ max: 40 })), { maxLength: 4 }), (iss, acknowledgments) => {
      const naive = begin(iss)
      for (const [told, moves] of acknowledgments) {
        const before = c.sndUna
        naive.una += moves
        c.sndUna = (iss + naive.una) | 0
        if (c.sackedCount > 0) scoreboard.advance(c, before)
        for (const n of naive.has) if (n < naive.una) naive.has.delete(n)
        assert.equal(tell(iss, naive.una, told), naive.read(naive.una, told))
        const known = Array.from({ length: c.sackedCount }, (_, i) => [scoreboard.left(c, i), scoreboard.right(c, i)])
        assert.deepEqual(
          known,
          naive.ranges.map(([left, right]) => [(iss + left) | 0, (iss + right) | 0]),
        )
      }
    }),
    { numRuns: 5_000 },
  )
})

test('a hole is lost when enough behind it has arrived, and not before', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.array(blocks, { maxLength: 4 }), (iss, now, acknowledgments) => {
      const naive = begin(iss)
      tcp.now = now
      for (const told of acknowledgments) {
        tell(iss, 0, told)
        naive.read(0, told)
        // Nothing has been overtaken: by time nothing is lost yet.
        c.reorderSteps = 0
        recovery.detect(tcp, c, true)
        let start = 0
        for (const [i, [left, right]] of naive.ranges.entries()) {
          if (start < left) assert.equal(scoreboard.isLost(c, i), naive.isLost(start), `the hole from ${start} to ${left}`)
          start = right
        }
      }
    }),
    { numRuns: 3_000 },
  )
})
