// RFC 9293, 3.8.6.1 (MAY-8): a receiver may keep its window closed for as long as it likes. What the guest had in flight when the host stopped reading
// must not make it give up, as it does after 15 retransmissions that bring no acknowledgment.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'a relay has a socket behind it'

ours('what is sent again gets into the host’s kernel, if that can be made to take it', WHY, () => {
  const t = established()
  t.ours.host.capacity = 400
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ ack: 401 })
  assert.deepEqual(t.ours.host.events, ['want-room'])
  t.ours.host.makeRoom = (_c, length) => {
    t.ours.host.capacity += length
  }
  t.guest({ seq: 401, text: 'x'.repeat(600) })
  t.expect({ ack: 1001 })
  assert.equal(t.ours.host.received.length, 1000)
})

ours('if it cannot, the guest is told where we are, each time', WHY, () => {
  const t = established()
  t.ours.host.capacity = 400
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ ack: 401 })
  for (let i = 0; i < 3; i++) {
    t.guest({ seq: 401, text: 'x'.repeat(600) })
    t.expect({ ack: 401 })
  }
  assert.deepEqual(t.ours.host.events, ['want-room', 'make-room 600', 'make-room 600', 'make-room 600'])
})
