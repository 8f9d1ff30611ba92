import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '../../../src/packet/arena.js'
import { SLAB_CLASSES, SlabPool, slabBytes, slabSize } from '../../../src/packet/slab-pool.js'

test('every flow has a slab of the first class; none overlap', () => {
  const flows = 5
  const pool = new SlabPool(new Arena(new ArrayBuffer(slabBytes(flows))), flows)
  const taken: [number, number][] = []
  for (let c = 0; c < SLAB_CLASSES; c++) {
    for (let i = 0; i < flows; i++) taken.push([pool.acquire(c), slabSize(c)])
    assert.equal(pool.acquire(c), -1)
  }
  taken.sort(([a], [b]) => a - b)
  for (let i = 1; i < taken.length; i++) assert.ok(taken[i - 1]![0] + taken[i - 1]![1] <= taken[i]![0])
  assert.equal(pool.inUse, taken.length)
})

test('what is given back twice is a broken invariant', () => {
  const pool = new SlabPool(new Arena(new ArrayBuffer(slabBytes(1))), 1)
  const at = pool.acquire(0)
  pool.release(0, at)
  assert.throws(() => pool.release(0, at), /twice/)
})

test('an arena that is too small says so', () => {
  assert.throws(() => new SlabPool(new Arena(new ArrayBuffer(1024)), 1), { code: 'ERR_ARENA' })
})
