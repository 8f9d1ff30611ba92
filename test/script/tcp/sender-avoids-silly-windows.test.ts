// RFC 9293, 3.8.6.2.1 (MUST-38): no scrap of a segment is sent, unless it is half of the largest window, or with nothing in flight all there is, or
// the window has not opened further for some time.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('a window that opens by little waits for more', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 10 }).hostSends('x'.repeat(5120))
  t.expect({ seq: 1, text: 'x'.repeat(1280) })
  t.guest({ seq: 1, ack: 1, window: 11 }).silence()
  t.guest({ seq: 1, ack: 1, window: 15 }).silence()
  t.guest({ seq: 1, ack: 1, window: 20 }).expect({ seq: 1281, text: 'x'.repeat(1280) })
  t.guest({ seq: 1, ack: 2561 }).expect({ seq: 2561 })
  t.expect({ seq: 3841 })
  t.guest({ seq: 1, ack: 5121 })
})

script('with nothing in flight a scrap goes that is all there is', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(128))
  t.expect({ seq: 1, text: 'x'.repeat(128) })
  t.guest({ seq: 1, ack: 129, window: 1 }).hostSends('y').expect({ seq: 129, text: 'y' })
  t.guest({ seq: 1, ack: 130, window: 500 })
})

script('and its FIN with it', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(128), true)
  t.expect({ seq: 1, flags: 'FP.', text: 'x'.repeat(128) })
  t.guest({ seq: 1, ack: 130 })
})

script('when there is more than fits, it waits for the window to open', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(2000)).silence()
  t.guest({ seq: 1, ack: 1, window: 2 }).silence()
  t.guest({ seq: 1, ack: 1, window: 10 }).expect({ seq: 1, text: 'x'.repeat(1280) })
  t.guest({ seq: 1, ack: 1281 }).expect({ seq: 1281, text: 'x'.repeat(720) })
  t.guest({ seq: 1, ack: 2001 }).wait(5000).silence()
})

script('a window that does not open is used after a while, again and again', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(300), true).silence()
  t.wait(t.rto - 1).silence()
  t.wait(1).expect({ seq: 1, text: 'x'.repeat(128), flags: 'P.' })
  t.guest({ seq: 1, ack: 129, window: 1 }).silence()
  t.wait(t.rto - 1).silence()
  t.wait(1).expect({ seq: 129, text: 'x'.repeat(128) })
  // All there is now.
  t.guest({ seq: 1, ack: 257, window: 1 }).expect({ seq: 257, text: 'x'.repeat(44), flags: 'FP.' })
  t.guest({ seq: 1, ack: 302, window: 1 })
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('a window that closes meanwhile is probed', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(300)).silence()
  t.guest({ seq: 1, ack: 1, window: 0 }).silence()
  t.wait(t.rto).expect({ seq: 1, text: 'x' })
  t.guest({ seq: 1, ack: 2, window: 500 }).expect({ seq: 2, text: 'x'.repeat(299) })
  t.guest({ seq: 1, ack: 301, window: 500 })
})

script('half of the largest window is worth a segment (3)', () => {
  const t = established({ offload: false }, { mss: 1280, window: 1000, scale: -1 }).guest({ seq: 1, window: 500 })
  t.hostSends('x'.repeat(2000)).expect({ seq: 1, text: 'x'.repeat(500) })
  t.guest({ seq: 1, ack: 1, window: 1000 }).expect({ seq: 501, text: 'x'.repeat(500) })
  t.guest({ seq: 1, ack: 1001, window: 1000 }).expect({ seq: 1001, text: 'x'.repeat(1000) })
  t.guest({ seq: 1, ack: 2001, window: 1000 })
})
