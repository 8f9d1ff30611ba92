// RFC 9293, 3.10.7.3, first and fifth: without SYN or RST a segment is dropped; an acknowledgment of something else is reset.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { synSent } from '../../support/script-states.js'

script('an acknowledgment of our SYN without one of the guest', () => {
  const t = synSent().guest({ seq: 1, ack: 1 }, { seq: 1, ack: 1, text: 'abc' }).silence()
  assert.equal(t.state, 'SYN-SENT')
})

script('an acknowledgment of an earlier connection is reset', () => {
  const t = synSent().guest({ seq: 1, ack: 5000, text: 'abc' })
  t.expect({ flags: 'R', seq: 5000 })
  t.guest({ seq: 1, ack: -5000 }).expect({ flags: 'R', seq: -5000 })
  assert.equal(t.state, 'SYN-SENT')
})

script('neither acknowledgment nor SYN', () => {
  const t = synSent().guest({ seq: 1, flags: '', text: 'abc' }, { seq: 1, flags: 'F' }).silence()
  assert.deepEqual([t.state, t.received], ['SYN-SENT', ''])
})
