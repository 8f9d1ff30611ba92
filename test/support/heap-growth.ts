// What the heap grows by for each packet. Anything else in the process (the compiler, above all) can only add to it, so the least of several
// batches counts, and a batch with a garbage collection in between, which would hide growth, does not.
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'

const WARM_UP = 30_000
/** Packets of a batch. */
export const PACKETS = 100_000
/** Batches until one allocates nothing: on a busy machine the compiler may lag behind for some. */
const ATTEMPTS = 20
/** Bytes per packet that the measurement itself, and the engine's own book-keeping, may cost. */
export const NOISE = 1

/** Bytes of heap for each call. */
export async function bytesPerPacket(work: (i: number) => void): Promise<number> {
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
    for (let i = 0; i < PACKETS; i++) work(i)
    const after = process.memoryUsage().heapUsed
    await setImmediate()
    if (collections === 0 && after >= before) least = Math.min(least, (after - before) / PACKETS)
  }
  observer.disconnect()
  return least
}
