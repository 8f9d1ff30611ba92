// RFC 6298, 3 (Karn's algorithm): which of two the guest has acknowledged nobody knows, unless it says so by a timestamp (RFC 7323, 4).
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established, synReceived } from '../../support/script-states.js'

const WHY = 'looks at the estimates'
const PLAIN = { sackPermitted: false }

ours('no sample from text that was sent twice', WHY, () => {
  const t = established({}, PLAIN).hostSends('a')
  t.expect({ text: 'a' })
  const { srtt } = t.ours.connection
  t.wait(t.rto).expect({ text: 'a' })
  t.wait(10).guest({ seq: 1, ack: 2 })
  assert.equal(t.ours.connection.srtt, srtt)
})

ours('nor from what was sent behind it, once', WHY, () => {
  const t = established({ offload: false }, PLAIN).hostSends('a').hostSends('b')
  t.ignore()
  const { srtt } = t.ours.connection
  t.wait(t.rto).ignore()
  t.wait(10).guest({ seq: 1, ack: 3 })
  assert.equal(t.ours.connection.srtt, srtt)
})

ours('an echo of the retransmission is a sample of it', WHY, () => {
  const t = synReceived({}, { ...PLAIN, timestamp: [1, 0] })
    .wait(200)
    .guest({ seq: 1, ack: 1, timestamp: [2, 0] })
    .hostSends('a')
  t.expect({ text: 'a' })
  t.wait(t.rto)
  const again = t.expect({ text: 'a' }).timestamp![0]
  t.wait(40).guest({ seq: 1, ack: 2, timestamp: [3, again] })
  // SRTT = 7/8 * 200 + 1/8 * 40.
  assert.equal(t.ours.connection.srtt >> 3, 180)
})

ours('after a timeout an echo of what was sent before it is none, and the timeout stays as long as it has become', WHY, () => {
  const t = established({}, { ...PLAIN, timestamp: [1, 0] }).hostSends('a')
  const first = t.expect({ text: 'a' }).timestamp![0]
  const { srtt } = t.ours.connection
  const { rto } = t
  t.wait(rto).expect({ text: 'a' })
  t.wait(10).guest({ seq: 1, ack: 2, timestamp: [2, first] })
  assert.equal(t.ours.connection.srtt, srtt)
  assert.equal(t.rto, 2 * rto)
})

ours('no sample from a SYN-ACK that was sent twice; the timeout is 3 s then (RFC 6298, 5.7)', WHY, () => {
  const t = synReceived({}, PLAIN).wait(1000)
  t.expect({ flags: 'S.' })
  t.wait(10).guest({ seq: 1, ack: 1 })
  assert.deepEqual([t.ours.connection.srtt, t.rto], [0, 3000])
  t.hostSends('a').expect({ text: 'a' })
  t.wait(2999).silence().wait(1).expect({ text: 'a' })
  t.guest({ seq: 1, ack: 2 })
})

ours('unless a timestamp tells', WHY, () => {
  const t = synReceived({}, { ...PLAIN, timestamp: [1, 0] }).wait(1000)
  const { timestamp } = t.expect({ flags: 'S.' })
  t.wait(10).guest({ seq: 1, ack: 1, timestamp: [2, timestamp![0]] })
  assert.ok(t.ours.connection.srtt >> 3 === 10, `${t.ours.connection.srtt}`)
})
