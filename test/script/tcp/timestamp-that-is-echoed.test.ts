// RFC 7323, 4.3: echoed is the timestamp of the last segment that came in order and was acknowledged by what left last: TS.Recent.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const at = (value: number) => ({ timestamp: [value, 0] as const })

script('that of the segment which is acknowledged', () => {
  const t = established({}, at(100)).guest({ seq: 1, text: 'a', ...at(200) })
  assert.equal(t.expect({ ack: 2 }).timestamp![1], 200)
})

script('not that of text out of order (case B)', () => {
  const t = established({}, at(100)).guest({ seq: 5, text: 'e', ...at(300) })
  assert.equal(t.expect({ ack: 1 }).timestamp![1], 100)
  t.guest({ seq: 1, text: 'abcd', ...at(250) })
  assert.equal(t.expect({ ack: 6 }).timestamp![1], 250)
})

ours('the earliest of those that one acknowledgment is for (case A)', 'the kernel takes segments one by one', () => {
  const t = established({}, at(100))
  t.guest({ seq: 1, text: 'a', ...at(200) }, { seq: 2, text: 'b', ...at(210) }, { seq: 3, text: 'c', ...at(220) })
  assert.equal(t.expect({ ack: 4 }).timestamp![1], 200)
})

script('text of ours echoes it as well', () => {
  const t = established({}, at(100))
    .guest({ seq: 1, ack: 1, ...at(400) })
    .hostSends('x')
  assert.equal(t.expect({ text: 'x' }).timestamp![1], 400)
  t.guest({ seq: 1, ack: 2, ...at(401) })
})
