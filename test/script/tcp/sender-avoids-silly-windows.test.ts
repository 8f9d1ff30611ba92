// RFC 9293, 3.8.6.2.1 (MUST-38): with text in flight no scrap of a segment is sent, unless it is half of the largest window, or all there is.
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

script('with nothing in flight even a scrap goes', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 1 }).hostSends('x'.repeat(200))
  t.expect({ seq: 1, text: 'x'.repeat(128) })
  t.guest({ seq: 1, ack: 129, window: 500 }).expect({ seq: 129, text: 'x'.repeat(72) })
  t.guest({ seq: 1, ack: 201 })
})

script('half of the largest window is worth a segment (3)', () => {
  const t = established({ offload: false }, { mss: 1280, window: 1000, scale: -1 }).guest({ seq: 1, window: 500 })
  t.hostSends('x'.repeat(2000)).expect({ seq: 1, text: 'x'.repeat(500) })
  t.guest({ seq: 1, ack: 1, window: 1000 }).expect({ seq: 501, text: 'x'.repeat(500) })
  t.guest({ seq: 1, ack: 1001, window: 1000 }).expect({ seq: 1001, text: 'x'.repeat(1000) })
  t.guest({ seq: 1, ack: 2001, window: 1000 })
})
