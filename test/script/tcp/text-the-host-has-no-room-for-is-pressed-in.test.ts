// RFC 9293, MUST-36: a receiver may keep its window closed for as long as it likes. What the guest had in flight when the host stopped reading
// must not make it give up, as it does after 15 retransmissions that bring no acknowledgment.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established } from '../../support/tcp-script.js'

test('what is sent again gets into the host’s kernel, if that can be made to take it', () => {
  const t = established()
  t.host.capacity = 400
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ ack: 401 })
  assert.deepEqual(t.host.events, ['want-room'])
  t.host.makeRoom = (_c, length) => {
    t.host.capacity += length
  }
  t.guest({ seq: 401, text: 'x'.repeat(600) })
  t.expect({ ack: 1001 })
  assert.equal(t.host.received.length, 1000)
  t.ends()
})

test('if it cannot, the guest is told where we are, each time', () => {
  const t = established()
  t.host.capacity = 400
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ ack: 401 })
  for (let i = 0; i < 3; i++) {
    t.guest({ seq: 401, text: 'x'.repeat(600) })
    t.expect({ ack: 401 })
  }
  assert.deepEqual(t.host.events, ['want-room', 'make-room 600', 'make-room 600', 'make-room 600'])
  t.silence().ends()
})
