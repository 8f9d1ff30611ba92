// RFC 6298, 5.5 and RFC 9293, 3.8.3: an unacknowledged SYN-ACK is sent again with backoff; R2 for a SYN is 3 minutes at least (MUST-23).
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { synReceived } from '../../support/script-states.js'

script('again after a second, then two, then four (RFC 6298, 2.1 and 5.5)', () => {
  const t = synReceived()
  for (const wait of [1000, 2000, 4000]) {
    t.wait(wait - 1).silence()
    t.wait(1).expect({ flags: 'S.', seq: 0, ack: 1 })
  }
})

ours('given up after 3 minutes or more, and the host is told', 'half an hour of patience more than a test has', () => {
  const t = synReceived()
  let waited = 0
  for (; !t.isOver; waited += 1000) {
    assert.ok(waited < 600_000, 'never given up')
    t.wait(1000).ignore()
  }
  assert.ok(waited >= 180_000, `${waited}`)
  assert.equal(t.told, 'reset')
})
