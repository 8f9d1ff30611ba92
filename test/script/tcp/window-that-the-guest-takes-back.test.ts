// RFC 9293, 3.8.6 (MUST-34, SHLD-15 to 17): a guest that shrinks its window is obeyed: nothing new is sent, nor anything old beyond it.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('nothing new until it has come round', () => {
  const t = established({ offload: false }, { mss: 1280 }).hostSends('x'.repeat(5120))
  for (let i = 0; i < 4; i++) t.expect({ seq: 1 + 1280 * i })
  t.guest({ seq: 1, ack: 1281, window: 10 }).hostSends('y'.repeat(1280)).silence()
  t.guest({ seq: 1, ack: 5121, window: 10 }).expect({ seq: 5121, text: 'y'.repeat(1280) })
  t.guest({ seq: 1, ack: 6401 })
})

ours('a retransmission stays in a window that the guest has taken back', 'how much of it leaves is our choice', () => {
  const t = established({ offload: false }, { sackPermitted: false }).hostSends('x'.repeat(1460 * 6))
  for (let i = 0; i < 6; i++) t.expect({ seq: 1 + 1460 * i })
  const duplicate = { seq: 1, ack: 1 }
  t.guest(duplicate, duplicate, duplicate).expect({ seq: 1 })
  // A partial acknowledgment whose window of 1,280 bytes ends before the segment that is missing next.
  t.guest({ seq: 1, ack: 1461, window: 10 })
  assert.equal(t.expect({ seq: 1461 }).text.length, 1280)
  t.silence()
  t.guest({ seq: 1, ack: 1461, window: 0 }, { seq: 1, ack: 1462, window: 0 }).silence()
})

script('what was sent into it and arrives all the same is acknowledged', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 1, window: 0 }).silence()
  t.guest({ seq: 1, ack: 6, window: 0 }).wait(2000).silence()
})
