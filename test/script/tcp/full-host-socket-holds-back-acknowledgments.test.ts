// Acknowledged is what the host's kernel has; what its socket refuses waits in the ring.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'what a relay owes to two ends'

ours('what a full host socket refuses is held and not acknowledged until it has room', WHY, () => {
  const t = established()
  const { host } = t.ours
  host.capacity = 3
  t.guest({ seq: 1, text: 'abcdef' }).expect({ ack: 4 })
  assert.deepEqual(host.events, ['want-room'])
  t.guest({ seq: 7, text: 'ghi' }).silence()
  t.ours.hostDrains(100_000).expect({ ack: 10 })
  assert.equal(t.received, 'abcdefghi')
})

ours('what the host has taken is no longer reported by SACK, also when it took only a part', WHY, () => {
  const t = established().guest({ seq: 4, text: 'defg' })
  t.expect({ ack: 1, sack: [[4, 8]] })
  t.ours.host.capacity = 9
  const taken = t.guest({ seq: 1, text: 'abcdefghijkl' }).expect({ ack: 10 })
  assert.ok(
    taken.sack.every(([, right]) => right <= 10),
    `${taken.sack}`,
  )
  t.guest({ seq: 20, text: 'z' }).expect({ ack: 10, sack: [[20, 21]] })
  t.ours.hostDrains(100).expect({ ack: 13, sack: [[20, 21]] })
  assert.equal(t.received, 'abcdefghijkl')
})
