// RFC 9293, 3.10.4 and RFC 6298: a FIN takes a sequence number, and is sent again like text.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established, finWait1, lastAck } from '../../support/script-states.js'

const PLAIN = { sackPermitted: false }

script('in FIN-WAIT-1', () => {
  const t = finWait1({}, PLAIN)
  t.wait(t.rto).expect({ flags: 'F.', seq: 1 })
  t.guest({ seq: 1, ack: 2 }).wait(3000).silence()
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('in LAST-ACK', () => {
  const t = lastAck({}, PLAIN)
  t.wait(t.rto).expect({ flags: 'F.', seq: 1, ack: 2 })
  t.guest({ seq: 2, ack: 2 }).silence()
  assert.ok(t.isOver)
})

script('with the text before it, when both are lost', () => {
  const t = established({}, PLAIN).hostSends('bye').hostEnds()
  t.expect({ seq: 1, text: 'bye' })
  t.expect({ flags: 'F.', seq: 4, text: '' })
  t.wait(t.rto)
  const again = t.expect({ seq: 1, text: 'bye' })
  if (!again.flags.includes('F')) {
    t.guest({ seq: 1, ack: 4 }).expect({ flags: 'F.', seq: 4 })
  }
  t.guest({ seq: 1, ack: 5 })
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('alone, when the text has arrived', () => {
  const t = established({}, PLAIN).hostSends('bye').hostEnds()
  t.expect({ seq: 1, text: 'bye' })
  t.expect({ flags: 'F.', seq: 4 })
  t.guest({ seq: 1, ack: 4 }).wait(t.rto).expect({ flags: 'F.', seq: 4, text: '' })
  t.guest({ seq: 1, ack: 5 })
})
