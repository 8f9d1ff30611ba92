// RFC 9293, 3.10.7.2, second: any acknowledgment is bad in LISTEN; it belongs to an earlier connection, which is reset.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

ours('it is reset, and the SYN stays held', 'no kernel holds a SYN for another host', () => {
  const t = synHeld().guest({ seq: 500, ack: 900, text: 'old' })
  t.expect({ flags: 'R', seq: 900 })
  t.guest({ seq: 500, ack: 900, flags: 'S.' }).expect({ flags: 'R', seq: 900 })
  assert.equal(t.state, 'LISTEN')
  t.hostConnects().expect({ flags: 'S.', ack: 1 })
})
