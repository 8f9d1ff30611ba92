// RFC 9293, 3.10.7.4, fourth, and RFC 5961, 4.2: a SYN of another number does not end a half-open connection; a guest that has begun anew
// answers the challenge with a reset.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { synReceived } from '../../support/script-states.js'

ours('a SYN of another number is challenged by the SYN-ACK', 'Linux challenges with a bare ACK', () => {
  const t = synReceived().guest({ flags: 'S', seq: 500 })
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  assert.equal(t.state, 'SYN-RECEIVED')
})

script('the guest that has begun anew resets what it does not know', () => {
  const t = synReceived().guest({ flags: 'S', seq: 500 }).ignore()
  t.guest({ flags: 'R', seq: 1 }).silence()
  assert.ok(t.isOver)
})
