// RFC 9293, 3.5, figures 7 and 8 (MUST-10): both sides send a SYN at once, and one connection comes of it.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { simultaneous, synSent } from '../../support/script-states.js'

script('the SYN-ACKs cross', () => {
  const t = simultaneous().guest({ flags: 'S.', seq: 0, ack: 1 }).ignore()
  assert.equal(t.state, 'ESTABLISHED')
  t.guest({ seq: 1, ack: 1, text: 'hello' }).wait(50).expect({ ack: 6 })
  t.hostSends('hi').expect({ seq: 1, text: 'hi' })
  t.guest({ seq: 6, ack: 3 })
})

script('a plain acknowledgment does as well', () => {
  const t = simultaneous().guest({ seq: 1, ack: 1, text: 'hello' })
  t.expect({ flags: '.', ack: 6 })
  assert.deepEqual([t.state, t.received], ['ESTABLISHED', 'hello'])
})

script('the SYN-ACK is sent again until it is acknowledged', () => {
  const t = simultaneous()
  t.wait(1000).expect({ flags: 'S.', seq: 0, ack: 1 })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

script('the options are those of the SYN of the guest', () => {
  const t = synSent().guest({ flags: 'S', seq: 0, scale: -1, sackPermitted: false })
  t.expect({ flags: 'S.', scale: -1, sackPermitted: false, timestamp: null })
})

script('the guest gives up', () => {
  const t = simultaneous().guest({ flags: 'R', seq: 1 }).silence()
  assert.ok(t.isOver)
})
