// A SYN that is repeated while the host's connect is pending does not connect twice.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

ours('a SYN repeated while the connect is pending is no second connection', 'no kernel holds a SYN for another host', () => {
  const t = synHeld()
  t.wait(1000).guest({ flags: 'S', seq: 0 }).wait(2000).guest({ flags: 'S', seq: 0 }).silence()
  assert.equal(t.ours.host.accepted, 1)
  t.hostConnects().expect({ flags: 'S.', seq: 0, ack: 1 })
})
