// Text longer than an MSS leaves as one frame that the receiver's kernel cuts (virtio-net GSO), or that it takes whole.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'the kernel has no offload in a script'

ours('one frame, with the MSS to cut by', WHY, () => {
  const t = established().hostSends('x'.repeat(10_000))
  assert.equal(t.expect({ flags: 'P.', gsoSize: 1460 }).text.length, 10_000)
  t.guest({ seq: 1, ack: 10_001 })
})

ours('short text is a super-segment too when it is longer than a small MSS', WHY, () => {
  const t = established({}, { mss: 88 }).hostSends('x'.repeat(200))
  assert.equal(t.expect({ gsoSize: 88 }).text.length, 200)
  t.guest({ seq: 1, ack: 201 })
})

ours('timestamps and SACK blocks take their bytes of every piece (RFC 6691)', WHY, () => {
  const t = established({}, { timestamp: [1, 0] }).guest({ seq: 11, text: 'k', timestamp: [1, 0] })
  t.expect({ sack: [[11, 12]] })
  t.hostSends('x'.repeat(10_000)).expect({ gsoSize: 1460 - 12 - 12 })
  t.guest({ seq: 1, ack: 10_001, timestamp: [1, 0] })
})

ours('it ends with a whole segment where the window cuts it short', WHY, () => {
  const t = established().guest({ seq: 1, window: 50 }).hostSends('x'.repeat(10_000))
  assert.equal(t.expect({ seq: 1 }).text.length, 4 * 1460)
  t.guest({ seq: 1, ack: 5841, window: 500 }).expect({ seq: 5841 })
  t.guest({ seq: 1, ack: 10_001 })
})
