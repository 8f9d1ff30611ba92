// RFC 5961, 4.2 and RFC 9293, 3.10.7.4, fourth: a SYN, whatever its number, is answered with an ACK in all synchronized states. In TIME-WAIT
// it may open a new connection: new-syn-ends-time-wait.test.ts.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { SYNCHRONIZED } from '../../support/script-states.js'

for (const { state, begin, guest, next } of SYNCHRONIZED.filter((start) => start.state !== 'TIME-WAIT')) {
  for (const [what, seq] of [
    ['of the old number', 0],
    ['in the window', guest + 50],
    ['at RCV.NXT', guest],
    ['beyond the window', 1 << 30],
  ] as const) {
    script(`a SYN ${what}, in ${state}`, () => {
      const t = begin().guest({ seq, flags: 'S' })
      t.expect({ flags: '.', seq: next, ack: guest })
      assert.equal(t.state, state)
    })
  }
  script(`a SYN-ACK, in ${state}`, () => {
    const t = begin().guest({ seq: guest, flags: 'S.', ack: next })
    t.expect({ flags: '.', seq: next, ack: guest })
    assert.equal(t.state, state)
  })
}

script('a guest that has begun anew resets what the challenge shows it, and its next SYN opens a connection', () => {
  const t = SYNCHRONIZED[0]!.begin().guest({ seq: 50_000, flags: 'S' })
  const challenge = t.expect({ flags: '.' })
  t.guest({ seq: challenge.ack, flags: 'R' }).silence()
  assert.ok(t.isOver)
  t.guest({ seq: 50_000, flags: 'S' }).hostConnects()
  t.expect({ flags: 'S.', ack: 50_001 })
})
