// RFC 9293, 3.10.7.4, fifth: SND.WL1 and SND.WL2 keep an old segment from setting the window; a later one, or the same with no older
// acknowledgment, sets it.
import assert from 'node:assert/strict'
import { type Conversation, ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

/** Text that leaves when the host has plenty: the window. */
function window(t: Conversation): number {
  t.hostSends('x'.repeat(60_000))
  let sum = 0
  for (const s of t.ours.sent.splice(0)) sum += s.text.length
  return sum
}

ours('a segment from before the last update does not', 'measures the window with super-segments', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, text: 'abc', window: 20 }).ignore()
  t.guest({ seq: 0, window: 300 }).ignore()
  assert.equal(window(t), 2560)
})

ours('a later one does, up and down', 'measures the window with super-segments', () => {
  const up = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 20 }, { seq: 1, window: 30 })
  assert.equal(window(up), 3840)
  const down = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 20 }, { seq: 1, window: 10 })
  assert.equal(window(down), 1280)
})

ours('a retransmission of the guest brings the window of today (old sequence number, new acknowledgment)', 'uses super-segments', () => {
  const t = established({}, { mss: 1280, sackPermitted: false }).hostSends('x'.repeat(20_000))
  t.expect({ seq: 1 })
  t.guest({ seq: 1, ack: 1, text: 'abc' }, { seq: 4, ack: 1, text: 'def' })
  t.wait(10).expect({ ack: 7, text: '' })
  // The first segment again: by now all of ours has arrived, and 1,280 bytes of the buffer are left.
  t.guest({ seq: 1, ack: 20_001, text: 'abcdefghi', window: 10 }).expect({ ack: 10 })
  t.hostSends('y'.repeat(5000))
  assert.equal(t.expect({ seq: 20_001 }).text.length, 1280)
})

script('an old acknowledgment with a small window does not close it', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).guest({ seq: 1, ack: 3, window: 0 }).hostSends('again')
  t.expect({ seq: 6, text: 'again' })
  t.guest({ seq: 1, ack: 11 })
})
