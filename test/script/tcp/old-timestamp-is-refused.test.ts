// RFC 7323, 5 (PAWS): a segment with a timestamp before TS.Recent is old, whatever its number: it is acknowledged and dropped, resets aside.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, RECEIVING } from '../../support/script-states.js'

const at = (value: number) => ({ timestamp: [value, 0] as const })

for (const { state, begin, next } of RECEIVING) {
  script(`text, in ${state}`, () => {
    const t = begin({}, at(1000)).guest({ seq: 1, ack: next, text: 'a', ...at(2000) })
    t.expect({ ack: 2 })
    t.guest({ seq: 2, ack: next, text: 'b', ...at(1500) }).expect({ flags: '.', ack: 2 })
    t.guest({ seq: 2, ack: next, text: 'b', ...at(2001) })
      .wait(50)
      .expect({ ack: 3 })
    assert.equal(t.received, 'ab')
  })
}

script('a FIN', () => {
  const t = established({}, at(1000)).guest({ seq: 1, flags: 'F.', ...at(500) })
  t.expect({ flags: '.', ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

script('not a reset (5.3, R1)', () => {
  const t = established({}, at(1000))
    .guest({ seq: 1, flags: 'R', ...at(500) })
    .silence()
  assert.ok(t.isOver)
})

script('the same timestamp is none before it', () => {
  const t = established({}, at(1000)).guest({ seq: 1, text: 'a', ...at(1000) })
  t.expect({ ack: 2 })
})

script('timestamps wrap', () => {
  const t = established({}, at(-5)).guest({ seq: 1, text: 'a', ...at(5) })
  t.expect({ ack: 2 })
  t.guest({ seq: 2, text: 'b', ...at(-4) }).expect({ flags: '.', ack: 2 })
  assert.equal(t.received, 'a')
})

script('one from the future, outside the window, does not shut the rest out (5.3, R3)', () => {
  const t = established({}, at(1000)).guest({ seq: 1 << 30, text: 'x', ...at(1_000_000) })
  t.expect({ ack: 1 })
  t.guest({ seq: 1, text: 'a', ...at(1001) }).expect({ ack: 2 })
})

ours('after 24 days a timestamp counts no longer (5.5), nor after 25, when the clock has come half round', 'waits for days', () => {
  for (const days of [24, 30, 48]) {
    const t = established({}, at(100))
    for (let hour = 0; hour < 24 * days; hour++) {
      t.wait(3600 * 1000)
      for (const _ of t.ours.sent.splice(0)) t.guest({ seq: 1, ack: 1, ...at(90) })
      t.ignore()
    }
    t.guest({ seq: 1, text: 'a', ...at(50) }).expect({ ack: 2 })
  }
})
