// BIG TCP: more than 64 KiB in one frame where the link takes it (Linux 6.3), with an IPv4 total length of 0.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'the kernel has no offload in a script'
const LARGEST = 200_000

ours('more than 64 KiB leave in one frame', WHY, () => {
  const t = established({ largestDatagram: LARGEST }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(150_000))
  assert.equal(t.expect({ flags: 'P.', gsoSize: 1460 }).text.length, 150_000)
  t.guest({ seq: 1, ack: 150_001, window: 4000 })
})

ours('a link that cannot take it after all gets the same bytes in 64 KiB', WHY, () => {
  const t = established({ largestDatagram: LARGEST }).guest({ seq: 1, window: 4000 })
  t.ours.longest = 65_600
  t.hostSends('x'.repeat(100_000))
  const first = t.expect({ seq: 1 }).text.length
  assert.ok(first > 60_000 && first <= 65_535)
  assert.equal(t.expect({ seq: 1 + first }).text.length, 100_000 - first)
  t.guest({ seq: 1, ack: 100_001, window: 4000 })
})

ours('after a loss there is no more of it', WHY, () => {
  const t = established({ largestDatagram: LARGEST }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(100_000)).expect({ seq: 1 })
  t.wait(1000)
  for (let acked = 1; acked < 100_001; ) {
    let next = acked
    for (const { seq, text } of t.ours.sent.splice(0)) {
      assert.ok(text.length <= 65_535)
      next = Math.max(next, seq + text.length)
    }
    if (next === acked) t.wait(1000)
    acked = next
    t.guest({ seq: 1, ack: acked, window: 4000 })
  }
})
