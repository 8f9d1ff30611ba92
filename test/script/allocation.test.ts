// The packet path allocates nothing (DESIGN 3): what the heap grows by, divided by the segments that went through, rounds to
// zero. Anything else in the process (the compiler, above all) can only add to it, so the least of several batches counts, and a batch
// with a garbage collection in between, which would hide growth, does not.
import assert from 'node:assert/strict'
import { PerformanceObserver } from 'node:perf_hooks'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { BenchPeer } from '../support/tcp-bench-peer.js'

const WARM_UP = 30_000
const SEGMENTS = 100_000
/** Batches until one allocates nothing: on a busy machine the compiler may lag behind for some. */
const ATTEMPTS = 20
/** Bytes per segment that the measurement itself, and the engine's own book-keeping, may cost. */
const NOISE = 1

async function bytesPerSegment(work: (i: number) => void): Promise<number> {
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  for (let i = 0; i < WARM_UP; i++) work(i)
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && least >= NOISE; attempt++) {
    await setImmediate()
    collections = 0
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < SEGMENTS; i++) work(i)
    const after = process.memoryUsage().heapUsed
    await setImmediate()
    if (collections === 0 && after >= before) least = Math.min(least, (after - before) / SEGMENTS)
  }
  observer.disconnect()
  return least
}

test('bulk from the guest', async () => {
  const peer = new BenchPeer()
  const bytes = await bytesPerSegment((i) => {
    peer.text(1448)
    if (i % 16 === 15) peer.settle()
  })
  assert.ok(peer.host.taken >= SEGMENTS * 1448)
  assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
})

test('bulk to the guest', async () => {
  const peer = new BenchPeer()
  const bytes = await bytesPerSegment(() => {
    peer.hostSends(14_480)
    peer.settle()
    peer.acknowledge()
    peer.settle()
  })
  assert.ok(peer.host.acknowledged >= SEGMENTS * 14_480)
  assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
})

test('request and response', async () => {
  const peer = new BenchPeer()
  const bytes = await bytesPerSegment(() => {
    peer.text(1)
    peer.settle()
    peer.hostSends(1)
    peer.settle()
  })
  assert.ok(bytes < NOISE, `${bytes} bytes a segment`)
})
