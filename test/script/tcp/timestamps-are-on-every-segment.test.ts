// RFC 7323, 3.2: once agreed on, every segment has a timestamp, resets too; what comes without one is dropped; where they were not agreed
// on, none has.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, finWait1, timeWait } from '../../support/script-states.js'

const STAMPED = { timestamp: [100, 0] as const }

script('text, acknowledgments, FIN', () => {
  const t = established({}, STAMPED).hostSends('hello')
  assert.ok(t.expect({ text: 'hello' }).timestamp)
  t.guest({ seq: 1, ack: 6, ...STAMPED })
  t.guest({ seq: 11, ack: 6, text: 'k', ...STAMPED })
  assert.ok(t.expect({ flags: '.' }).timestamp)
  t.hostEnds()
  assert.ok(t.expect({ flags: 'F.' }).timestamp)
})

script('retransmissions, with the time of today', () => {
  const t = finWait1({}, { ...STAMPED, sackPermitted: false })
  const { rto } = t
  const [first] = t.wait(rto).expect({ flags: 'F.' }).timestamp!
  const [second] = t.wait(2 * rto).expect({ flags: 'F.' }).timestamp!
  assert.ok(second - first >= 2 * rto - 10 && second - first <= 4 * rto, `${second - first} ms`)
})

script('a reset of ours', () => {
  const t = established({}, STAMPED).hostBreaks()
  assert.ok(t.expect({ flags: 'R.' }).timestamp)
})

script('in TIME-WAIT', () => {
  const t = timeWait({}, STAMPED).guest({ seq: 1, ack: 2, flags: 'F.', ...STAMPED })
  assert.ok(t.expect({ flags: '.' }).timestamp)
})

ours('what comes without one is dropped', 'Linux takes it', () => {
  const t = established({}, STAMPED).guest({ seq: 1, text: 'abc' }).silence()
  assert.equal(t.received, '')
  t.guest({ seq: 1, text: 'abc', ...STAMPED }).expect({ ack: 4 })
})

script('but not a reset', () => {
  const t = established({}, STAMPED).guest({ seq: 1, flags: 'R' }).silence()
  assert.ok(t.isOver)
})

script('none where the SYN had none, whatever the guest sends', () => {
  const t = established().guest({ seq: 1, text: 'abc', timestamp: [100, 0] })
  assert.equal(t.expect({ ack: 4 }).timestamp, null)
})
