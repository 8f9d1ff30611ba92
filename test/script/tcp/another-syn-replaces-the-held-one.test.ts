// A guest that begins anew (another initial sequence number) while the host's connect is pending: the last SYN is the one that counts.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

ours('the SYN-ACK answers the last SYN, number and options', 'no kernel holds a SYN for another host', () => {
  const t = synHeld({}, { timestamp: [5, 0] }).guest({ flags: 'S', seq: 7000, scale: -1, sackPermitted: false })
  t.hostConnects().expect({ flags: 'S.', ack: 7001, scale: -1, sackPermitted: false, timestamp: null })
  t.guest({ seq: 7001, ack: 1, text: 'abc' }).expect({ ack: 7004 })
  assert.equal(t.received, 'abc')
  assert.equal(t.ours.host.accepted, 1)
})
