// RFC 5681, 3.1 (equation 4): after a loss as much goes as was in flight, less a part. Acknowledgments that were read in one go have taken
// most of that away by the time the loss shows, for nothing is sent before the last of them: they stand for a window that was used.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { at, block, flight } from '../../support/script-flight.js'

const WHY = 'the kernel reads acknowledgments one by one, and has them sent for one by one'
const WINDOW = 2000

ours('the rate after a loss is that of what was in flight before the batch', WHY, () => {
  const f = flight(20)
  const c = f.t.ours.connection
  const left = { seq: 1, ack: at(13), window: WINDOW }
  f.t.guest(...[5, 9, 13].map((next) => ({ seq: 1, ack: at(next), window: WINDOW })), { ...left, sack: [block(14, 17)] })
  // 0.7 of 20 segments, and not of the 8 that were left.
  assert.equal(c.ssthresh, 14_000)
  // Of those 8 four are in flight; what has been delivered makes room up to the threshold.
  f.sends(12).expects(13, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
  f.acks(31).expects(31, 32).acks(33).silence()
})

ours('all acknowledgments of a batch let the window grow', WHY, () => {
  const f = flight(20, { sackPermitted: false }).acks(1).acks(1).acks(1).expects(1).acks(21).silence()
  const c = f.t.ours.connection
  c.srtt = 10 << 3
  f.sends(14).ignore()
  const before = c.cwnd
  f.t.guest(...Array.from({ length: 14 }, (_, i) => ({ seq: 1, ack: at(22 + i), window: WINDOW })))
  // Reno's window (RFC 9438, 4.3): 0.53 of a segment for a window that was acknowledged.
  assert.ok(c.cwnd - before > 500, `${c.cwnd - before}`)
})
