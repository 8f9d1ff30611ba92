// RFC 6298, 2: SRTT and RTTVAR from samples; a second before the first of them; a floor that suits a link of 100 us, and a ceiling.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established, synReceived } from '../../support/script-states.js'

const WHY = 'looks at the estimates'
const PLAIN = { sackPermitted: false }

ours('a second until there is a sample (2.1)', WHY, () => {
  const t = synReceived({}, PLAIN)
  assert.equal(t.rto, 1000)
})

ours('the handshake is the first: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR (2.2)', WHY, () => {
  const t = synReceived({}, PLAIN).wait(200).guest({ seq: 1, ack: 1 })
  assert.equal(t.rto, 600)
})

ours('then 1/8 and 1/4 of the difference (2.3)', WHY, () => {
  const t = synReceived({}, PLAIN).wait(200).guest({ seq: 1, ack: 1 }).hostSends('a')
  t.expect({ text: 'a' })
  t.wait(120).guest({ seq: 1, ack: 2 })
  // RTTVAR = 3/4 * 100 + 1/4 * |200 - 120| = 95; SRTT = 7/8 * 200 + 1/8 * 120 = 190.
  assert.equal(t.rto, 190 + 4 * 95)
})

ours('a round trip of a millisecond brings the timeout to its floor', WHY, () => {
  const t = established({}, PLAIN).hostSends('a')
  t.expect({ text: 'a' })
  t.wait(1).guest({ seq: 1, ack: 2 }).hostSends('b')
  t.expect({ text: 'b' })
  t.wait(99).silence().wait(1).expect({ text: 'b' })
  t.guest({ seq: 1, ack: 3 })
})

ours('one sample for each flight without timestamps', WHY, () => {
  const t = synReceived({}, PLAIN).wait(200).guest({ seq: 1, ack: 1 }).hostSends('a')
  t.expect({ text: 'a' })
  t.wait(60).hostSends('b').expect({ text: 'b' })
  // Only 'a' is timed: the acknowledgment of both is a sample of 120 ms.
  t.wait(60).guest({ seq: 1, ack: 3 })
  assert.equal(t.rto, 190 + 4 * 95)
})
