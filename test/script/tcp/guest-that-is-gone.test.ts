// A sandbox that is gone is a reset for the host's end of its connections; but what the guest had ended before stays ended.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'what a relay owes to two ends'

ours('a connection that had not ended is a reset for the host', WHY, () => {
  const t = established().guest({ seq: 1, text: 'abc' }).ignore()
  t.ours.demux.abandon(1)
  assert.deepEqual(t.ours.host.events, ['abort', 'release'])
})

ours('one that had is an end, and its last acknowledgment still leaves', WHY, () => {
  const t = established().guest({ seq: 1, text: 'abc', flags: 'F.' }).ignore()
  t.ours.demux.abandon(1)
  assert.deepEqual(t.ours.host.events, ['finish', 'release'])
})
