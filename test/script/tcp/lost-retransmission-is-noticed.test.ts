// RFC 8985, 6.2: text that was sent after a retransmission, and arrived before it, tells that it was lost once more; no timeout is needed.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

script('new text arrives, the retransmission does not', () => {
  const f = flight(8).acks(1, block(2, 4)).expects(1)
  f.sends(4).acks(1, block(2, 6)).ignore()
  f.wait(20).acks(1, block(2, 6), block(9))
  assert.equal(f.t.sent[0]?.seq, 1)
  f.ignore()
})

script('it is timed out when nothing tells', () => {
  const f = flight(5).acks(1, block(2, 5)).expects(1)
  f.wait(f.t.rto).expects(1)
  f.acks(6).silence()
  assert.equal(f.t.state, 'ESTABLISHED')
})
