// RFC 2018, 8: SACK is advice. What the guest has told of is kept until it is acknowledged, and sent again after a timeout if it comes next.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

script('what was told of and never acknowledged is sent again', () => {
  const f = flight(5).acks(1, block(2, 5)).expects(1)
  // The guest has only the first: it has forgotten the rest.
  f.acks(2).ignore()
  f.wait(2 * f.t.rto + 50)
  assert.ok(
    f.t.sent.some((s) => s.seq === 1001),
    'the second was not sent again',
  )
  f.ignore().acks(6)
})

ours('it stays with the host until then', 'what a relay owes to two ends', () => {
  const f = flight(5).acks(1, block(2, 5)).expects(1)
  assert.equal(f.t.ours.host.outgoing.length, 5000)
  f.acks(6)
  assert.equal(f.t.ours.host.outgoing.length, 0)
})
