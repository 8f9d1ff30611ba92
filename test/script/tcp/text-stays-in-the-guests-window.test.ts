// RFC 9293, 3.8.6: SND.NXT never passes SND.UNA + SND.WND.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('never beyond the window of the guest', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 20 })
  t.hostSends('x'.repeat(5000))
  assert.deepEqual([t.expect({ seq: 1 }).text.length, t.expect({ seq: 1281 }).text.length], [1280, 1280])
  t.silence()
  t.guest({ seq: 1, ack: 2561, window: 10 })
  assert.equal(t.expect({ seq: 2561 }).text.length, 1280)
  t.silence()
  t.guest({ seq: 1, ack: 3841, window: 500 }).expect({ seq: 3841, text: 'x'.repeat(1160) })
  t.guest({ seq: 1, ack: 5001 })
})

ours('nor with super-segments', 'the kernel has no offload in a script', () => {
  const t = established({}, { mss: 1280 }).guest({ seq: 1, window: 10 })
  t.hostSends('x'.repeat(5000))
  assert.equal(t.expect({}).text.length, 1280)
  t.silence()
  t.guest({ seq: 1, ack: 1281, window: 10 })
  assert.equal(t.expect({ seq: 1281 }).text.length, 1280)
})

script('a window update alone lets the rest go', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 10 }).hostSends('x'.repeat(2560))
  t.expect({ seq: 1, text: 'x'.repeat(1280) })
  t.silence()
  t.guest({ seq: 1, ack: 1, window: 20 }).expect({ seq: 1281, text: 'x'.repeat(1280) })
  t.guest({ seq: 1, ack: 2561 })
})
