// The receive ring against a set of the byte numbers that are in it. What a byte is follows from its number, so that whatever the ring
// holds anywhere can be told to be right.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { slabSize } from '../../../src/packet/slab-pool.js'
import { HELD, MAX_HELD } from '../../../src/tcp/columns.js'
import type { Connection } from '../../../src/tcp/connection.js'
import * as held from '../../../src/tcp/held.js'
import type { Tcp } from '../../../src/tcp/stack.js'
import { TcpScript } from '../../support/tcp-script.js'

const RING = slabSize(0)
/** A prime: neighbouring bytes, and those a ring apart, differ. */
const byteOf = (number: number): number => (Math.imul(number, 167) ^ (number >> 7)) & 255

/** The set, in numbers that do not wrap. */
class NaiveRing {
  readonly bytes = new Set<number>()
  rcvNxt: number

  constructor(rcvNxt: number) {
    this.rcvNxt = rcvNxt
  }

  /** [left, right) of each run of numbers, in order. */
  get ranges(): [number, number][] {
    const runs: [number, number][] = []
    for (const n of [...this.bytes].sort((a, b) => a - b)) {
      const last = runs.at(-1)
      if (last?.[1] === n) last[1] = n + 1
      else runs.push([n, n + 1])
    }
    return runs
  }

  /** False, and nothing changes, when there would be a run too many. */
  hold(from: number, length: number): boolean {
    const before = new Set(this.bytes)
    for (let n = from; n < from + length; n++) this.bytes.add(n)
    if (this.ranges.length <= MAX_HELD) return true
    this.bytes.clear()
    for (const n of before) this.bytes.add(n)
    return false
  }

  trim(): void {
    for (const n of this.bytes) if (n < this.rcvNxt) this.bytes.delete(n)
  }
}

const { tcp, connection } = new TcpScript()
const textAt = tcp.interface.arena.allot(RING)
const slab = tcp.slabs.acquire(0)

function arrive(tcp: Tcp, c: Connection, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) tcp.interface.arena.bytes[textAt + i] = byteOf(from + i)
  return held.hold(tcp, c, from | 0, textAt, length)
}

function compare(c: Connection, naive: NaiveRing): void {
  const expected = naive.ranges
  const found = Array.from({ length: c.heldCount }, (_, i) => [c.rows[c.ranges + HELD + 2 * i], c.rows[c.ranges + HELD + 2 * i + 1]])
  assert.deepEqual(
    found,
    expected.map(([left, right]) => [left | 0, right | 0]),
  )
  const first = expected[0]
  assert.equal(held.contiguous(c), first?.[0] === naive.rcvNxt ? first[1] - first[0] : 0)
  assert.equal(held.end(c), Math.max(naive.rcvNxt, expected.at(-1)?.[1] ?? naive.rcvNxt) | 0)
  // Reading from `firstAt`, and at the ring's end from its beginning, as deliverHeld does.
  const untilWrap = held.untilWrap(c)
  assert.ok(untilWrap > 0 && untilWrap <= RING)
  for (const n of naive.bytes) {
    const ahead = n - naive.rcvNxt
    const at = ahead < untilWrap ? held.firstAt(c) + ahead : slab + ahead - untilWrap
    assert.ok(at >= slab && at < slab + RING, `byte ${n} outside the ring`)
    assert.equal(tcp.interface.arena.bytes[at], byteOf(n), `byte ${n}`)
  }
}

// Close together, so that they touch and overlap; at the ring's end, and anywhere.
const place = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: RING - 30, max: RING - 1 }) },
  { weight: 1, arbitrary: fc.nat({ max: RING - 1 }) },
)
const length = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 700 }) },
  { weight: 1, arbitrary: fc.constant(RING) },
)
const steps = fc.array(fc.record({ kind: fc.constantFrom('hold', 'hold', 'hold', 'deliver', 'skip'), at: place, length, other: place }), {
  maxLength: 30,
})

test('holds, joins, tells and delivers what a set of numbers would', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 2 * RING }), steps, (irs, ahead, actions) => {
      const c = connection
      const naive = new NaiveRing(irs + ahead)
      c.irs = irs
      c.rcvNxt = naive.rcvNxt | 0
      c.slab = slab
      c.slabClass = 0
      c.heldCount = 0
      for (const { kind, at, length, other } of actions) {
        if (kind === 'hold') {
          const from = naive.rcvNxt + at
          const fits = Math.min(length, RING - at)
          assert.equal(arrive(tcp, c, from, fits), naive.hold(from, fits))
        } else {
          // What is in order goes to the host, in part; or a segment fills the gap, and goes there itself.
          naive.rcvNxt += Math.min(length, kind === 'deliver' ? held.contiguous(c) : RING - 1)
          c.rcvNxt = naive.rcvNxt | 0
          held.trim(c)
          naive.trim()
        }
        compare(c, naive)
        const left = naive.rcvNxt + Math.min(at, other)
        const right = naive.rcvNxt + Math.max(at, other) + 1
        const isIn = Array.from({ length: right - left }, (_, i) => left + i).every((n) => naive.bytes.has(n))
        assert.equal(held.has(c, left | 0, right | 0), isIn)
      }
    }),
    { numRuns: 400 },
  )
})

test('never more ranges than a row has room for, and those it has grow all the same', () => {
  fc.assert(
    fc.property(fc.integer(), fc.shuffledSubarray(Array.from({ length: 60 }, (_, i) => 2 + 3 * i)), (irs, places) => {
      const c = connection
      const naive = new NaiveRing(irs + 1)
      c.irs = irs
      c.rcvNxt = naive.rcvNxt | 0
      c.slab = slab
      c.heldCount = 0
      for (const at of places) {
        assert.equal(arrive(tcp, c, naive.rcvNxt + at, 1), naive.hold(naive.rcvNxt + at, 1))
        compare(c, naive)
      }
      assert.equal(c.heldCount, Math.min(places.length, MAX_HELD))
      for (const [left, right] of naive.ranges) assert.ok(arrive(tcp, c, left - 1, right - left + 2))
    }),
    { numRuns: 200 },
  )
})
