// RFC 9293, 3.10.4 (CLOSE): what was sent before is sent, then the FIN, in the window or out of it.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('text that waits for the window goes first', () => {
  const t = established({ offload: false }, { mss: 1280 }).guest({ seq: 1, window: 10 }).hostSends('x'.repeat(2560), true)
  t.expect({ seq: 1, text: 'x'.repeat(1280) })
  t.silence()
  t.guest({ seq: 1, ack: 1281, window: 500 })
  const rest = t.expect({ seq: 1281, text: 'x'.repeat(1280) })
  if (!rest.flags.includes('F')) t.expect({ flags: 'F.', seq: 2561 })
  t.guest({ seq: 1, ack: 2562 })
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('a FIN needs no window', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostEnds()
  t.wait(t.rto).expect({ flags: 'F.', seq: 1 })
  t.guest({ seq: 1, ack: 2, window: 0 })
  assert.equal(t.state, 'FIN-WAIT-2')
})
