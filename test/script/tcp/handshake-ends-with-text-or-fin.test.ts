// RFC 9293, 3.10.7.4, fifth to eighth: the acknowledgment that ends the handshake may carry text and FIN; it may be another than the first.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { synReceived } from '../../support/script-states.js'

script('text with the acknowledgment of the SYN-ACK', () => {
  const t = synReceived().guest({ seq: 1, ack: 1, text: 'hello' })
  t.expect({ flags: '.', ack: 6 })
  assert.equal(t.state, 'ESTABLISHED')
  assert.equal(t.received, 'hello')
})

script('text and FIN with it', () => {
  const t = synReceived().guest({ seq: 1, ack: 1, flags: 'F.', text: 'hello' })
  t.expect({ flags: '.', ack: 7 })
  assert.equal(t.state, 'CLOSE-WAIT')
  assert.deepEqual([t.received, t.told], ['hello', 'end'])
})

script('nothing but FIN', () => {
  const t = synReceived().guest({ seq: 1, ack: 1, flags: 'F.' })
  t.expect({ flags: '.', ack: 2 })
  assert.equal(t.state, 'CLOSE-WAIT')
})

script('the acknowledgment was lost, the next segment carries it too: text out of order', () => {
  const t = synReceived().guest({ seq: 4, ack: 1, text: 'def' })
  t.expect({ ack: 1, sack: [[4, 7]] })
  assert.equal(t.state, 'ESTABLISHED')
  t.guest({ seq: 1, ack: 1, text: 'abc' }).expect({ ack: 7 })
  assert.equal(t.received, 'abcdef')
})
