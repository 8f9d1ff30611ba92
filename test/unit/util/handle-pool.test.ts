import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HandlePool } from '../../../src/util/handle-pool.js'

test('hands out each handle from 1 to capacity once, then 0', () => {
  const pool = new HandlePool(5)
  const handles = Array.from({ length: 5 }, () => pool.acquire())
  assert.deepEqual(
    handles.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5],
  )
  assert.equal(pool.acquire(), 0)
  assert.equal(pool.inUse, 5)
  pool.release(3)
  assert.equal(pool.inUse, 4)
  assert.equal(pool.acquire(), 3)
  assert.equal(pool.acquire(), 0)
})

test('a handle that is not in use cannot be released', () => {
  const pool = new HandlePool(3)
  const handle = pool.acquire()
  pool.release(handle)
  for (const wrong of [handle, 2, 3, 0, 4, -1, 1.5, Number.NaN]) {
    assert.throws(() => pool.release(wrong), /not in use/, `${wrong}`)
  }
  assert.equal(pool.inUse, 0)
})

test('the last one back is the first one out', () => {
  const pool = new HandlePool(8)
  for (let i = 0; i < 8; i++) pool.acquire()
  for (const handle of [2, 7, 5]) pool.release(handle)
  assert.deepEqual([pool.acquire(), pool.acquire(), pool.acquire(), pool.acquire()], [5, 7, 2, 0])
})

test('no capacity: nothing to hand out', () => {
  assert.equal(new HandlePool(0).acquire(), 0)
  assert.throws(() => new HandlePool(-1), RangeError)
  assert.throws(() => new HandlePool(1.5), RangeError)
})

test('never hands out what is in use', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(), { maxLength: 200 }), (capacity, steps) => {
      const pool = new HandlePool(capacity)
      const held: number[] = []
      for (const step of steps) {
        if (step % 3 === 0 && held.length > 0) {
          pool.release(held.splice(step % held.length, 1)[0]!)
        } else {
          const handle = pool.acquire()
          assert.equal(handle === 0, held.length === capacity)
          if (handle === 0) continue
          assert.equal(held.includes(handle), false)
          assert.equal(pool.isInUse(handle), true)
          held.push(handle)
        }
        assert.equal(pool.inUse, held.length)
      }
    }),
  )
})
