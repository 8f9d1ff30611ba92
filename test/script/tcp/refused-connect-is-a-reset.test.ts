// RFC 9293, 3.10.7.1: a host that refuses is, for the guest, a port where nobody listens.
import assert from 'node:assert/strict'
import { begin, ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

const WHY = 'no kernel connects for another host'

ours('a host that refuses is a reset for the guest, which acknowledges its SYN', WHY, () => {
  const t = synHeld().hostBreaks()
  t.expect({ flags: 'R.', seq: 0, ack: 1, window: 0 })
  assert.ok(t.isOver)
})

ours('it acknowledges the SYN that counts', WHY, () => {
  const t = begin({}).guest({ flags: 'S', seq: 0 }, { flags: 'S', seq: 9 }).hostBreaks()
  t.expect({ flags: 'R.', ack: 10 })
})
