// Time is int32 milliseconds that wrap after 25 days: deadlines and timestamps cross that like any other moment.

import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established, finWait2 } from '../../support/script-states.js'

const WHY = 'the clock is ours'

ours('while text waits to be acknowledged', WHY, () => {
  const t = established({ start: 0x7fffffff - 50 }, { sackPermitted: false }).hostSends('hello')
  t.expect({ text: 'hello' })
  t.wait(t.rto).expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).silence()
})

ours('in TIME-WAIT', WHY, () => {
  const t = finWait2({ start: 0x7fffffff - 50 }).guest({ seq: 1, ack: 2, flags: 'F.' })
  t.expect({ ack: 2 })
  t.wait(59_999)
  assert.equal(t.state, 'TIME-WAIT')
  t.wait(1)
  assert.ok(t.isOver)
})
