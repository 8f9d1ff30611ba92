// RFC 9293, 3.10.7.4, first: a repeated SYN lies before the window; the SYN-ACK is the acknowledgment that answers it.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { synReceived } from '../../support/script-states.js'

script('a repeated SYN brings the same SYN-ACK again', () => {
  const t = synReceived().guest({ flags: 'S', seq: 0 })
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

ours('SYNs repeated in haste bring as many SYN-ACKs, and do not use up the patience with the guest', 'the kernel limits their rate', () => {
  const t = synReceived()
  for (let i = 0; i < 20; i++) t.guest({ flags: 'S', seq: 0 }).expect({ flags: 'S.', seq: 0, ack: 1 })
  t.wait(999).silence().wait(1).expect({ flags: 'S.' })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})
