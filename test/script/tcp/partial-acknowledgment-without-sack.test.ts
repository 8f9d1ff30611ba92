// RFC 6582, 3.2, step 5: an acknowledgment of a part, during recovery, shows the next hole, which is sent at once; one of everything ends it.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { flight } from '../../support/script-flight.js'

const PLAIN = { sackPermitted: false }

script('hole by hole, one in a round trip', () => {
  const f = flight(8, PLAIN).acks(1).acks(1).acks(1).expects(1)
  f.acks(3).expects(3).acks(6).expects(6).acks(9).silence()
})

ours('the whole window acknowledged ends it, and the rate is that of ssthresh', 'looks at the congestion window', () => {
  const f = flight(10, PLAIN).acks(1).acks(1).acks(1).expects(1)
  const c = f.t.ours.connection
  assert.equal(c.ssthresh, 7000)
  f.acks(11).silence()
  assert.equal(c.cwnd, 7000)
})

ours('further duplicates let new text go (step 3)', 'looks at the congestion window', () => {
  const f = flight(10, PLAIN).acks(1).acks(1).acks(1).expects(1).sends(4).expects()
  // cwnd is 7 and 3 segments, 10 are out: each duplicate stands for one that has left the network.
  f.acks(1).expects(11).acks(1).expects(12)
  f.acks(13).expects(13, 14).acks(15)
})
