// RFC 9293, 3.10.7.4, second, and RFC 5961, 3.2: a reset at RCV.NXT ends the connection; the host sees a reset, unless it had the guest's end
// already. Only TIME-WAIT outlives it (RFC 1337, 3).
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, SYNCHRONIZED, synReceived, timeWait } from '../../support/script-states.js'

script('in SYN-RECEIVED', () => {
  const t = synReceived().guest({ seq: 1, flags: 'R' }).silence()
  assert.ok(t.isOver)
})

for (const { state, begin, guest, next } of SYNCHRONIZED.filter((start) => start.state !== 'TIME-WAIT')) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: guest, flags: 'R' }).silence()
    assert.ok(t.isOver)
    if (guest === 1) assert.equal(t.told, 'reset')
  })
  script(`in ${state}, with an acknowledgment`, () => {
    const t = begin().guest({ seq: guest, flags: 'R.', ack: next }).silence()
    assert.ok(t.isOver)
  })
}

ours('not in TIME-WAIT: it would let in what TIME-WAIT is for (RFC 1337, 3)', "Linux' tcp_rfc1337 is off", () => {
  const t = timeWait().guest({ seq: 2, flags: 'R' }, { seq: 2, flags: 'R.', ack: 2 }).silence()
  assert.equal(t.state, 'TIME-WAIT')
})

script('RCV.NXT moves with the text', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  t.guest({ seq: 4, flags: 'R' }).silence()
  assert.deepEqual([t.isOver, t.told, t.received], [true, 'reset', 'abc'])
})

script('text of a reset (a reason, RFC 9293, 3.5.3) is no text', () => {
  const t = established().guest({ seq: 1, flags: 'R', text: 'why' }).silence()
  assert.deepEqual([t.isOver, t.received], [true, ''])
})
