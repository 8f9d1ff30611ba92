// RFC 9293, 3.6, figure 13: simultaneous close: CLOSING, TIME-WAIT.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { closing, finWait1 } from '../../support/script-states.js'

script('the acknowledgment of our FIN ends CLOSING', () => {
  const t = closing().guest({ seq: 2, ack: 2 }).silence()
  assert.equal(t.state, 'TIME-WAIT')
  assert.equal(t.told, 'end')
})

script('an acknowledgment of something else does not', () => {
  const t = closing().guest({ seq: 2, ack: 1 }).silence()
  assert.equal(t.state, 'CLOSING')
})

script('our FIN is sent again in CLOSING, until it is acknowledged', () => {
  const t = closing({}, { sackPermitted: false })
  t.wait(t.rto).expect({ flags: 'F.', seq: 1, ack: 2 })
  t.guest({ seq: 2, ack: 2 }).silence()
  assert.equal(t.state, 'TIME-WAIT')
})

script('text with the FIN that crosses ours', () => {
  const t = finWait1().guest({ seq: 1, ack: 1, flags: 'F.', text: 'abc' })
  t.expect({ flags: '.', seq: 2, ack: 5 })
  assert.deepEqual([t.state, t.received], ['CLOSING', 'abc'])
})
