// RFC 9293, 3.7.1 (MUST-16): a segment is at most what the guest's MSS and our link's MTU allow, options taken off.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import type { SegmentText } from '../../support/script-segment.js'
import { established } from '../../support/script-states.js'

/** Length of a full segment. */
function full(mtu: number, syn: SegmentText): number {
  const t = established({ mtu, offload: false }, syn).hostSends('x'.repeat(9000))
  const length = t.expect({ seq: 1 }).text.length
  t.guest({ seq: 1, ack: 9001, ...(syn.timestamp ? { timestamp: syn.timestamp } : {}) }).ignore()
  return length
}

script('without offload every segment is at most an MSS', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(3000))
  const lengths = [t.expect({}), t.expect({}), t.expect({})].map((s) => [s.text.length, s.gsoSize])
  assert.deepEqual(lengths, [
    [1460, 0],
    [1460, 0],
    [80, 0],
  ])
  t.guest({ seq: 1, ack: 3001 })
})

script("the guest's MSS", () => assert.equal(full(1500, { mss: 1000 }), 1000))
script('an MSS beyond what the link carries is cut to it', () => assert.equal(full(1500, { mss: 9000 }), 1460))
script("the link's MTU", () => assert.equal(full(576, {}), 536))
script('a guest that does not say can take 536 bytes (MUST-15)', () => assert.equal(full(1500, { mss: -1 }), 536))
script('timestamps take 12 bytes (RFC 6691)', () => assert.equal(full(1500, { timestamp: [1, 0] }), 1448))
