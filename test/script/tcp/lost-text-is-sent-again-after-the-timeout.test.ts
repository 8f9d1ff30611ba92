// RFC 6298, 5.1 to 5.6: the timer runs while something is in flight; the earliest segment is sent again, twice as late each time.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

/** Without SACK nothing else is tried first. */
const PLAIN = { sackPermitted: false }

script('after the timeout, then twice and four times as late (5.4 to 5.6)', () => {
  const t = established({}, PLAIN)
  const { rto } = t
  t.hostSends('hello').expect({ seq: 1, text: 'hello' })
  for (const times of [1, 2, 4]) {
    t.wait(times * rto - 1).silence()
    t.wait(1).expect({ seq: 1, text: 'hello' })
  }
  t.guest({ seq: 1, ack: 6 }).wait(3000).silence()
})

script('an acknowledgment of all of it stops the timer (5.2)', () => {
  const t = established({}, PLAIN).hostSends('hello')
  t.expect({ text: 'hello' })
  t.wait(t.rto - 20)
    .guest({ seq: 1, ack: 6 })
    .wait(3000)
    .silence()
})

script('one of a part of it starts the timer again (5.3)', () => {
  const t = established({ offload: false }, PLAIN).hostSends('one').hostSends('two')
  t.expect({ text: 'one' })
  t.expect({ text: 'two' })
  const { rto } = t
  t.wait(rto - 20)
    .guest({ seq: 1, ack: 4 })
    .wait(rto - 1)
    .silence()
  t.wait(t.rto - rto + 1).expect({ seq: 4, text: 'two' })
  t.guest({ seq: 1, ack: 7 })
})

script('text that leaves later does not (5.1)', () => {
  const t = established({}, PLAIN)
  const { rto } = t
  t.hostSends('one').expect({ text: 'one' })
  t.wait(rto / 2)
    .hostSends('two')
    .expect({ text: 'two' })
  t.wait(rto / 2 - 1).silence()
  assert.equal(t.wait(1).expect({ seq: 1 }).text.slice(0, 3), 'one')
  t.guest({ seq: 1, ack: 7 })
})

ours('never more than a minute lies between two of them (2.5)', 'waits for minutes', () => {
  const t = established({}, PLAIN).hostSends('hello')
  t.expect({ text: 'hello' })
  for (let i = 0; i < 6; i++) t.wait(60_000).ignore()
  assert.equal(t.rto, 60_000)
  t.guest({ seq: 1, ack: 6 })
})

script('a timeout sends one segment, and the rest as acknowledgments come in (5.4; RFC 5681, 3.1)', () => {
  const t = established({ offload: false }, PLAIN).hostSends('x'.repeat(1460 * 3))
  for (let i = 0; i < 3; i++) t.expect({ seq: 1 + 1460 * i })
  t.wait(t.rto).expect({ seq: 1 })
  t.silence()
  t.guest({ seq: 1, ack: 1461 }).expect({ seq: 1461 })
  t.expect({ seq: 2921 })
  t.guest({ seq: 1, ack: 1 + 1460 * 3 }).silence()
})
