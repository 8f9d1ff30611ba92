// An acknowledgment that left the guest before our last one arrived has an old number, and still counts (as Linux: tcp_sequence); one that is
// older than that is answered, and does not.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

ours('as far back as our last acknowledgment', 'depends on when the kernel acknowledges', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 1, text: 'abc' }, { seq: 1, ack: 6 }).silence()
  assert.equal(t.ours.host.outgoing, '')
  t.wait(10).expect({ ack: 4, text: '' })
  t.silence()
  t.guest({ seq: 1, ack: 6 }).expect({ ack: 4 })
})
