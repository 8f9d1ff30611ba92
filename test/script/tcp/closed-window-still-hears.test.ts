// RFC 9293, 3.10.7.4, first (MUST-66): when our window is closed, acknowledgments, resets and urgent pointers are still processed; a probe is
// answered.
import assert from 'node:assert/strict'
import { type Conversation, ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = "closes our window by the host's socket"
/** The first ring. */
const RING = 16_384
/** The guest's next number. */
const NEXT = 1 + RING

/** A connection whose window is closed: the host takes nothing, the ring is full. */
function closed(): Conversation {
  const t = established()
  t.ours.host.capacity = 0
  t.guest({ seq: 1, text: 'x'.repeat(RING) }).ignore()
  return t.guest({ seq: 0, text: 'x' }).ignore()
}

ours('an acknowledgment', WHY, () => {
  const t = closed().hostSends('hello')
  t.expect({ text: 'hello', ack: 1 })
  t.guest({ seq: NEXT, ack: 6 }).silence()
  assert.equal(t.ours.host.outgoing, '')
})

ours('a reset at RCV.NXT', WHY, () => {
  const t = closed().guest({ seq: 1, flags: 'R' }).silence()
  assert.equal(t.told, 'reset')
})

ours('a probe with a byte beyond the window is answered, and the byte not taken', WHY, () => {
  const t = closed().guest({ seq: NEXT, text: 'y' })
  t.expect({ flags: '.', ack: 1 })
  t.ours.hostDrains(1 << 20).expect({ ack: NEXT })
  assert.equal(t.received.length, RING)
  t.guest({ seq: NEXT, text: 'y' }).expect({ ack: NEXT + 1 })
})

ours('an urgent pointer does no harm', WHY, () => {
  const t = closed().guest({ seq: NEXT, flags: 'U.', urgentPointer: 1 }).silence()
  assert.equal(t.state, 'ESTABLISHED')
})
