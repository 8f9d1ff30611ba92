// RFC 9293, 3.8.4 (MUST-24 to 29): an idle guest is asked with a number from before its window; one that answers stays, one that does not
// is given up; no sooner than after two hours, but after a minute once one direction has ended, where a dead guest, or one that waits for nothing any more, would hold a socket for ever.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { closeWait, established, finWait2 } from '../../support/script-states.js'

const WHY = 'waits for hours'
const HOUR = 3_600_000

ours('after two hours of silence, with no text', WHY, () => {
  const t = established()
    .wait(2 * HOUR - 1)
    .silence()
  t.wait(1).expect({ flags: '.', seq: 0, ack: 1, text: '' })
  t.guest({ seq: 1, ack: 1 }).silence()
})

ours('each answer counts: two hours again', WHY, () => {
  const t = established().wait(2 * HOUR)
  t.expect({ seq: 0 })
  t.guest({ seq: 1, ack: 1 })
    .wait(2 * HOUR - 1)
    .silence()
  t.wait(1).expect({ seq: 0 })
  t.guest({ seq: 1, ack: 1 })
})

ours('a guest that sends is not asked', WHY, () => {
  const t = established()
  for (let i = 0; i < 5; i++)
    t.wait(HOUR)
      .guest({ seq: 1 + i, text: 'x' })
      .expect({ ack: 2 + i })
})

ours('nine questions without an answer, 75 s apart, are the end: the host sees a reset', WHY, () => {
  const t = established().wait(2 * HOUR)
  t.expect({ seq: 0 })
  for (let i = 1; i < 9; i++) t.wait(75_000).expect({ flags: '.', seq: 0 })
  t.wait(75_000).expect({ flags: 'R.' })
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
})

ours('one lost question is not the end (MUST-29)', WHY, () => {
  const t = established().wait(2 * HOUR)
  t.expect({ seq: 0 })
  t.wait(75_000).expect({ seq: 0 })
  t.guest({ seq: 1, ack: 1 })
    .wait(2 * HOUR - 1)
    .silence()
})

ours('in CLOSE-WAIT after a minute: a guest that has closed has forgotten it, one that has only ended its direction answers', WHY, () => {
  const t = closeWait().wait(59_999).silence()
  t.wait(1).expect({ flags: '.', seq: 0, ack: 2 })
  t.guest({ seq: 2, ack: 1 }).wait(74_999).silence()
  assert.equal(t.state, 'CLOSE-WAIT')
  t.wait(1).expect({ seq: 0 })
  t.guest({ seq: 2, flags: 'R' })
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
})

ours('in CLOSE-WAIT a host that goes on is heard, and asks nothing', WHY, () => {
  const t = closeWait()
  for (let i = 0; i < 5; i++) {
    t.wait(50_000)
      .hostSends('x')
      .expect({ seq: 1 + i, text: 'x' })
    t.guest({ seq: 2, ack: 2 + i })
  }
})

ours('in FIN-WAIT-2 after a minute', WHY, () => {
  const t = finWait2().wait(59_999).silence()
  t.wait(1).expect({ flags: '.', seq: 1, ack: 1 })
  t.guest({ seq: 1, ack: 2 }).wait(75_000).expect({ seq: 1 })
  t.wait(9 * 75_000).ignore()
  assert.ok(t.isOver)
})

ours('a guest that has forgotten the connection resets it', WHY, () => {
  const t = established().wait(2 * HOUR)
  t.expect({ seq: 0 })
  t.guest({ seq: 1, flags: 'R' })
  assert.equal(t.told, 'reset')
})
