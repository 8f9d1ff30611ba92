// RFC 9293, 3.10.7.2, first: there is no reset of a connection that is in LISTEN; here it is one that the host is being asked for.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

const WHY = 'no kernel connects for another host'

for (const seq of [0, 1]) {
  ours(`a reset at ${seq === 0 ? 'the SYN' : 'the byte after it'} ends the host's connect`, WHY, () => {
    const t = synHeld().guest({ flags: 'R', seq }).silence()
    assert.deepEqual(t.ours.host.events, ['abort', 'release'])
  })
}

ours('a reset of something else does not', WHY, () => {
  const t = synHeld().guest({ flags: 'R', seq: 2 }, { flags: 'R', seq: -1 }).silence()
  assert.equal(t.state, 'LISTEN')
  t.hostConnects().expect({ flags: 'S.', ack: 1 })
})
