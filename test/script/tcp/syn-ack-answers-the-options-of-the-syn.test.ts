// What the SYN offers, the SYN-ACK offers too (RFC 9293, 3.2; RFC 7323, 2.2 and 3.2; RFC 2018, 2); what it does not, is not used.
import assert from 'node:assert/strict'
import { begin, script } from '../../support/script.js'
import type { SegmentText, SentSegment } from '../../support/script-segment.js'
import { synReceived } from '../../support/script-states.js'

function synAck(syn: SegmentText): SentSegment {
  const t = begin({})
    .guest({ flags: 'S', seq: 0, ...syn })
    .hostConnects()
  return t.expect({ flags: 'S.', seq: 0, ack: 1 })
}

script('all of them', () => {
  const s = synAck({ timestamp: [77, 0] })
  assert.equal(s.mss, 1460)
  assert.equal(s.sackPermitted, true)
  assert.ok(s.scale > 0)
  assert.equal(s.timestamp?.[1], 77)
})

script('none of them but the MSS, which is ours to tell', () => {
  const s = synAck({ scale: -1, sackPermitted: false })
  assert.deepEqual([s.mss, s.scale, s.sackPermitted, s.timestamp], [1460, -1, false, null])
})

for (const [what, syn] of [
  ['timestamps', { timestamp: [1, 0], scale: -1, sackPermitted: false }],
  ['SACK', { scale: -1 }],
  ['window scale', { sackPermitted: false }],
] as const) {
  script(`${what} alone`, () => {
    const s = synAck(syn)
    assert.deepEqual(
      [s.scale > 0, s.sackPermitted, s.timestamp !== null],
      [what === 'window scale', what === 'SACK', what === 'timestamps'],
    )
  })
}

script('a SYN-ACK that is sent again says the same', () => {
  const t = synReceived({}, { timestamp: [77, 0] }).wait(1000)
  const s = t.expect({ flags: 'S.', mss: 1460, sackPermitted: true })
  assert.ok(s.scale > 0)
  assert.equal(s.timestamp?.[1], 77)
})
