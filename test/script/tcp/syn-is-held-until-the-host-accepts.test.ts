// The SYN-ACK leaves only when the host has accepted, so a guest never believes in a connection that does not exist.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

const WHY = 'no kernel holds a SYN for another host'

ours('the SYN-ACK leaves only when the host has accepted', WHY, () => {
  const t = synHeld()
  t.wait(30_000).silence().hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  assert.equal(t.state, 'SYN-RECEIVED')
})

ours('what is no SYN, RST or ACK is dropped meanwhile (RFC 9293, 3.10.7.2, fourth)', WHY, () => {
  const t = synHeld().guest({ seq: 1, flags: '', text: 'abc' }, { seq: 1, flags: 'F' }).silence()
  assert.equal(t.state, 'LISTEN')
  t.hostConnects().expect({ flags: 'S.', ack: 1 })
  assert.equal(t.received, '')
})
