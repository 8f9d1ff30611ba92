// RFC 3522 and 4015 (Eifel): an acknowledgment that echoes a timestamp from before the retransmission was of the text sent first: nothing was
// lost, the window is as it was, and nothing more is sent again.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

const WHY = 'looks at the congestion window'
const STAMPED = { timestamp: [1, 0] as const }

ours('after a timeout', WHY, () => {
  const f = flight(6, { ...STAMPED, sackPermitted: false })
  const { cwnd, ssthresh } = f.t.ours.connection
  f.wait(f.t.rto).expects(1)
  assert.equal(f.t.ours.connection.cwnd, 1000)
  f.acks(3).silence()
  assert.deepEqual([f.t.ours.connection.cwnd, f.t.ours.connection.ssthresh], [cwnd, ssthresh])
  f.acks(7).silence()
})

ours('after a timeout, with SACK', WHY, () => {
  const f = flight(6, STAMPED).acks(1, block(3))
  const { cwnd } = f.t.ours.connection
  f.wait(f.t.rto).expects(1)
  f.acks(4).silence()
  assert.equal(f.t.ours.connection.cwnd, cwnd)
  f.acks(7).silence()
})

ours('after a fast retransmit', WHY, () => {
  const f = flight(8, STAMPED)
  const { cwnd } = f.t.ours.connection
  f.wait(5).acks(1, block(2, 4)).expects(1)
  f.acks(5).silence()
  assert.equal(f.t.ours.connection.cwnd, cwnd)
  f.acks(9).silence()
})

ours('an echo of the retransmission undoes nothing', WHY, () => {
  const f = flight(6, { ...STAMPED, sackPermitted: false })
  f.wait(f.t.rto)
  const again = f.t.expect({ seq: 1 })
  f.echoes(again.timestamp![0]).acks(2)
  f.t.ignore()
  assert.ok(f.t.ours.connection.cwnd < 6000)
  f.acks(7).silence()
})

ours('nor does anything without timestamps', WHY, () => {
  const f = flight(6, { sackPermitted: false })
  f.wait(f.t.rto).expects(1)
  f.acks(3).expects(3, 4, 5)
  f.acks(7).silence()
})
