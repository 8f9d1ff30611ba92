// So many at once, so many a second, and nothing saved up beyond a full bucket.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../src/util/token-bucket.js'

/** How many of `tries` get a token at `now`. */
const taken = (bucket: TokenBucket, now: number, tries: number): number =>
  Array.from({ length: tries }, () => bucket.take(now)).filter((has) => has).length

test('a full bucket at first, then what flows in', () => {
  const bucket = new TokenBucket(100, 5)
  assert.equal(taken(bucket, 1000, 50), 5)
  assert.equal(taken(bucket, 1009, 50), 0)
  assert.equal(taken(bucket, 1010, 50), 1)
  assert.equal(taken(bucket, 1040, 50), 3)
  assert.equal(taken(bucket, 9000, 50), 5)
})

test('in the long run it is the rate, however often it is asked', () => {
  for (const step of [1, 3, 7]) {
    const bucket = new TokenBucket(100, 5)
    let count = 0
    for (let now = 0; now < 10_000; now += step) count += taken(bucket, now, 3)
    assert.ok(count >= 999 && count <= 1005, `${count} every ${step} ms`)
  }
})

test('the clock may begin anywhere, wrap, and come half round', () => {
  for (const start of [0, -1, 0x7fffffff, -0x80000000]) {
    const bucket = new TokenBucket(1000, 2)
    assert.equal(taken(bucket, start, 9), 2)
    assert.equal(taken(bucket, (start + 1) | 0, 9), 1)
    assert.equal(taken(bucket, (start + 0x7fffffff) | 0, 9), 2)
    assert.equal(taken(bucket, (start + 0x7fffffff + 0x70000000) | 0, 9), 2)
  }
})
