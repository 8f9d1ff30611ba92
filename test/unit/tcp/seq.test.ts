// Sequence numbers against whole numbers that never wrap: as long as two of them are less than 2^31 apart, they are ordered alike.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as seq from '../../../src/tcp/seq.js'

/** Farthest apart that two numbers can be told apart (RFC 9293, 3.4: half of the space). */
const MOST = 0x7fffffff
/** Where int32 wraps, and where its sign changes. */
const EDGES = [0, 0x80000000, 0x100000000, -0x80000000, 3 * 0x80000000]

/** A number of a stream that is longer than 4 GiB. */
const place = fc.oneof(
  fc.maxSafeInteger().map((n) => n % 2 ** 48),
  fc.tuple(fc.constantFrom(...EDGES), fc.integer({ min: -3000, max: 3000 })).map(([edge, n]) => edge + n),
)
const distance = fc.oneof(
  fc.integer({ min: -MOST, max: MOST }),
  fc.integer({ min: -3000, max: 3000 }),
  fc.constantFrom(0, 1, -1, MOST, -MOST),
)

test('ordered as the numbers of an endless stream are', () => {
  fc.assert(
    fc.property(place, distance, (b, ahead) => {
      const a = b + ahead
      assert.equal(seq.diff(a | 0, b | 0), ahead)
      assert.equal(seq.lt(a | 0, b | 0), a < b)
      assert.equal(seq.leq(a | 0, b | 0), a <= b)
      assert.equal(seq.gt(a | 0, b | 0), a > b)
      assert.equal(seq.max(a | 0, b | 0), Math.max(a, b) | 0)
      assert.equal(seq.min(a | 0, b | 0), Math.min(a, b) | 0)
      assert.equal(seq.add(b | 0, ahead), a | 0)
    }),
    { numRuns: 5_000 },
  )
})

test('within a window is between its edges, the right one not among it', () => {
  const window = fc.integer({ min: 0, max: MOST })
  fc.assert(
    fc.property(place, window, window, fc.boolean(), (low, length, off, isBehind) => {
      const high = low + length
      // No farther than half of the space from either edge.
      const a = isBehind ? low - Math.min(off, MOST - length) : low + off
      assert.equal(seq.isWithin(a | 0, low | 0, high | 0), low <= a && a < high)
    }),
    { numRuns: 5_000 },
  )
})
