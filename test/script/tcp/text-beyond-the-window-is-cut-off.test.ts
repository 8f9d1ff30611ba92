// RFC 9293, 3.10.7.4, seventh: of a segment that reaches beyond what can be held, the front counts.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'the window is as large as our ring'

ours('nothing beyond what the ring can hold is kept', WHY, () => {
  const t = established().guest({ seq: 16_000, text: 'z'.repeat(1000) })
  t.expect({ ack: 1, sack: [[16_000, 16_385]] })
})

ours('what was cut off counts when it comes again', WHY, () => {
  const t = established().guest({ seq: 16_000, text: 'z'.repeat(1000) })
  t.expect({ ack: 1, sack: [[16_000, 16_385]] })
  t.guest({ seq: 1, text: 'a'.repeat(15_999) }).expect({ ack: 16_385 })
  t.guest({ seq: 16_385, text: 'z'.repeat(615) }).expect({ ack: 17_000 })
  assert.equal(t.received, 'a'.repeat(15_999) + 'z'.repeat(1000))
})

ours('a FIN behind text that was cut off does not count', WHY, () => {
  const t = established().guest({ seq: 16_000, flags: 'F.', text: 'z'.repeat(1000) })
  t.expect({ ack: 1, sack: [[16_000, 16_385]] })
  t.guest({ seq: 1, text: 'a'.repeat(15_999) }).expect({ ack: 16_385 })
  assert.deepEqual([t.state, t.told], ['ESTABLISHED', 'nothing'])
})
