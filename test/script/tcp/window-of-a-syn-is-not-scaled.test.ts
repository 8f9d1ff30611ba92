// RFC 7323, 2.2: the window of a SYN or SYN-ACK is never scaled; all others are, if both ends agreed.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, synReceived } from '../../support/script-states.js'

script('the one of the guest: what it may be sent first is in the acknowledgment', () => {
  const t = synReceived({ offload: false }, { window: 1000, scale: 14, mss: 1000 }).guest({ seq: 1, ack: 1, window: 0 })
  t.hostSends('x'.repeat(2000)).silence()
  t.guest({ seq: 1, ack: 1, window: 1 }).expect({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ seq: 1001 })
  t.guest({ seq: 1, ack: 2001 })
})

ours('ours', 'how much is offered is our choice', () => {
  const t = synReceived()
  const { connection } = t.ours
  assert.equal(connection.rcvEdge - connection.rcvNxt, 16_384)
  t.guest({ flags: 'S', seq: 0 }).expect({ flags: 'S.', window: 16_384 })
  t.guest({ seq: 1, ack: 1, text: 'a' }).expect({ window: 16_384 >> connection.rcvScale })
})

script('without agreement nothing is scaled', () => {
  const t = established({ offload: false }, { scale: -1, mss: 1000 }).guest({ seq: 1, window: 1000 })
  t.hostSends('x'.repeat(3000)).expect({ seq: 1, text: 'x'.repeat(1000) })
  t.silence()
  t.guest({ seq: 1, ack: 3001, window: 1000 }).ignore()
})
