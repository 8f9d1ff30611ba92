// The choice of SACK blocks, against what RFC 2018 and RFC 2883 say of them: the range that changed last is first, every other block is another
// range that is held, and as many are told as there is room for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLAGS, HAS_SACK, HAS_TIMESTAMPS, HELD, MAX_HELD } from '../../../src/tcp/columns.js'
import * as sack from '../../../src/tcp/sack.js'
import { TcpScript } from '../../support/tcp-script.js'

const { tcp, connection: c } = new TcpScript()

/** Blocks that fit 40 bytes of options, and what is left of them beside timestamps (RFC 2018, 3). */
const MOST = 4
const MOST_BESIDE_TIMESTAMPS = 3

type Range = readonly [left: number, right: number]

/** What arrived twice: before RCV.NXT, across it, or within a range. */
interface Twice {
  where: 'nowhere' | 'before' | 'across' | 'within'
  from: number
  length: number
}

interface Held {
  rcvNxt: number
  ranges: Range[]
  /** Where the latest segment was. */
  latest: number
}

/** Numbers do not wrap. Gaps of 0 in front of the first range: it only waits for the host. */
const held: fc.Arbitrary<Held> = fc
  .record({
    rcvNxt: fc.integer(),
    runs: fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), { maxLength: MAX_HELD }),
    isInOrder: fc.boolean(),
    latest: fc.nat({ max: 1700 }),
  })
  .map(({ rcvNxt, runs, isInOrder, latest }) => {
    const ranges: Range[] = []
    let end = rcvNxt
    for (const [i, [gap, length]] of runs.entries()) {
      const left = end + (i === 0 && isInOrder ? 0 : gap)
      end = left + length
      ranges.push([left, end])
    }
    return { rcvNxt, ranges, latest: rcvNxt + latest }
  })
const twice = fc.record<Twice>({
  where: fc.constantFrom('nowhere', 'before', 'across', 'within'),
  from: fc.nat({ max: 1000 }),
  length: fc.integer({ min: 1, max: 50 }),
})

function place({ rcvNxt, ranges }: Held, { where, from, length }: Twice): Range | null {
  const range = ranges[from % Math.max(1, ranges.length)]
  if (where === 'nowhere' || (where === 'within' && range === undefined)) return null
  if (where === 'within') return [range![0], Math.min(range![1], range![0] + length)]
  return where === 'before' ? [rcvNxt - from - length, rcvNxt - from] : [rcvNxt - (from % 50) - 1, rcvNxt + length]
}

function fill({ rcvNxt, ranges, latest }: Held, dsack: Range | null, flags: number, mss: number): void {
  c.rows[c.base + FLAGS] = flags
  c.sndMss = mss
  c.rcvNxt = rcvNxt | 0
  c.heldCount = ranges.length
  ranges.flat().forEach((edge, i) => {
    c.rows[c.ranges + HELD + i] = edge | 0
  })
  c.lastHeld = latest | 0
  c.dsackLeft = dsack === null ? 0 : dsack[0] | 0
  c.dsackRight = dsack === null ? 0 : dsack[1] | 0
}

/** The blocks chosen, as int32. */
function choose(): string[] {
  const size = sack.choose(tcp, c)
  assert.equal(size, tcp.sackCount === 0 ? 0 : 4 + 8 * tcp.sackCount)
  return Array.from({ length: tcp.sackCount }, (_, i) => `${tcp.sackBlocks[2 * i]}-${tcp.sackBlocks[2 * i + 1]}`)
}

const text = ([left, right]: Range): string => `${left | 0}-${right | 0}`
const contains = (range: Range | undefined, number: number): boolean => range !== undefined && range[0] <= number && number < range[1]

test('the latest first, each once, as many as fit', () => {
  fc.assert(
    fc.property(held, twice, fc.boolean(), fc.constantFrom(76, 88, 536, 1460), (state, report, hasTimestamps, mss) => {
      const dsack = place(state, report)
      fill(state, dsack, HAS_SACK | (hasTimestamps ? HAS_TIMESTAMPS : 0), mss)
      const chosen = choose()
      const most = Math.min(Math.trunc((Math.trunc(mss / 2) - 4) / 8), hasTimestamps ? MOST_BESIDE_TIMESTAMPS : MOST)
      // A range at RCV.NXT is in order: it is no news that something is missing.
      const told = state.ranges.filter(([left]) => left !== state.rcvNxt)
      const isBefore = dsack !== null && dsack[0] < state.rcvNxt
      const around = told.find((range) => dsack !== null && contains(range, dsack[0]))
      if (isBefore) assert.equal(chosen.shift(), text([dsack[0], Math.min(dsack[1], state.rcvNxt)]))
      else if (around !== undefined) {
        assert.deepEqual(chosen.splice(0, 2), [text(dsack!), text(around)])
        chosen.unshift(text(around))
      }
      const room = most - (isBefore || around !== undefined ? 1 : 0)
      assert.equal(chosen.length, Math.min(room, told.length))
      assert.equal(new Set(chosen).size, chosen.length, 'a block twice')
      for (const block of chosen) assert.ok(told.map(text).includes(block), 'a block of what is not held')
      const latest = told.find((range) => contains(range, state.latest))
      if (latest !== undefined && around === undefined && chosen.length > 0) assert.equal(chosen[0], text(latest))
    }),
    { numRuns: 5_000 },
  )
})

test('nothing for a guest that did not ask for it', () => {
  fc.assert(
    fc.property(held, twice, (state, report) => {
      fill(state, place(state, report), 0, 1460)
      assert.deepEqual(choose(), [])
    }),
  )
})
