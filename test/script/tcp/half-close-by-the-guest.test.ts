// RFC 9293, 3.6: each direction ends by itself. The guest ends first: CLOSE-WAIT, text still flows to it for hours, LAST-ACK, gone.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { closeWait, lastAck } from '../../support/script-states.js'

script('text flows to a guest that has ended, then our FIN, then nothing is left', () => {
  const t = closeWait()
  assert.equal(t.told, 'end')
  t.wait(1000).hostSends('late').expect({ seq: 1, ack: 2, text: 'late' })
  t.guest({ seq: 2, ack: 5 }).hostEnds().expect({ flags: 'F.', seq: 5, ack: 2 })
  assert.equal(t.state, 'LAST-ACK')
  t.guest({ seq: 2, ack: 6 }).silence()
  assert.ok(t.isOver)
})

ours('an hour later as well', 'waits for an hour', () => {
  const t = closeWait()
  // It is asked each minute or so whether it still waits.
  for (let i = 0; i < 48; i++) {
    t.wait(75_000).expect({ flags: '.', seq: 0 })
    t.guest({ seq: 2, ack: 1 }).silence()
  }
  t.hostSends('late').expect({ text: 'late' })
  t.guest({ seq: 2, ack: 5 }).hostEnds().expect({ flags: 'F.', seq: 5 })
  t.guest({ seq: 2, ack: 6 })
  assert.deepEqual(t.ours.host.events, ['finish', 'release'])
})

script('an acknowledgment of something else does not end LAST-ACK', () => {
  const t = lastAck().guest({ seq: 2, ack: 1 }).silence()
  assert.equal(t.state, 'LAST-ACK')
  t.guest({ seq: 2, ack: 2 }).silence()
  assert.ok(t.isOver)
})
