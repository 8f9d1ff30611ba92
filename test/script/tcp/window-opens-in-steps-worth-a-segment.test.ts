// RFC 9293, 3.8.6.2.2 (MUST-39): the receiver avoids silly windows: the edge moves on by a segment, or half of the buffer, or not at all.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = "closes our window by the host's socket"

ours('a host that drains a few bytes at a time does not open the window by a few bytes', WHY, () => {
  // Unscaled: a scaled window is rounded up, so that it never shrinks, and its edge creeps by less than a unit.
  const t = established({}, { scale: -1 })
  t.ours.host.capacity = 0
  t.guest({ seq: 1, text: 'x'.repeat(16_384) }).silence()
  const edges = new Set<number>()
  for (let i = 0; i < 3000; i++) {
    t.ours.hostDrains(10)
    for (const s of t.ours.sent.splice(0)) edges.add(s.ack + s.window)
  }
  const steps = [...edges].sort((a, b) => a - b)
  assert.ok(steps.length >= 3, `${steps}`)
  for (let i = 1; i < steps.length; i++) assert.ok(steps[i]! - steps[i - 1]! >= 1460, `${steps}`)
})

ours('a closed window opens as soon as the host has drained, without being asked', WHY, () => {
  const t = established()
  t.ours.host.capacity = 0
  t.guest({ seq: 1, text: 'x'.repeat(16_384) }).silence()
  const open = t.ours.hostDrains(1 << 20).expect({ flags: '.', ack: 16_385 })
  assert.ok(open.window > 0)
})
