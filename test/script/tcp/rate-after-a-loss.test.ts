// RFC 5681, 3.1 and RFC 9438: one segment after a timeout, doubled each round trip up to ssthresh, then by CUBIC's function; however few
// acknowledgments there are. Before the first loss nothing limits but the guest's window.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { flight } from '../../support/script-flight.js'
import { established } from '../../support/script-states.js'

const WHY = 'looks at the congestion window'

ours('before the first loss the window of the guest is all that limits', WHY, () => {
  const t = established({}, { scale: 14 }).guest({ seq: 1, window: 60 }).hostSends('x'.repeat(900_000))
  let sent = 0
  for (const s of t.ours.sent.splice(0)) sent += s.text.length
  assert.equal(sent, 900_000)
  t.guest({ seq: 1, ack: 900_001, window: 60 })
})

ours('slow start doubles the window in a round trip, up to 0.7 of what was in flight', WHY, () => {
  const t = established({}, { mss: 1000, sackPermitted: false }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(32_000)).expect({ seq: 1 })
  t.wait(t.rto).expect({ seq: 1 })
  const c = t.ours.connection
  assert.deepEqual([c.cwnd, c.ssthresh], [1000, 22_400])
  for (let [acked, cwnd] = [1000, 1000]; cwnd < 16_000; cwnd *= 2) {
    t.guest({ seq: 1, ack: 1 + acked, window: 4000 }).ignore()
    assert.equal(c.cwnd, 2 * cwnd)
    acked += c.cwnd
  }
  t.guest({ seq: 1, ack: 32_001, window: 4000 }).ignore()
})

ours('CUBIC comes back to the window of the loss, slowly, and then goes beyond (RFC 9438, 4.2)', WHY, () => {
  const f = flight(20, { sackPermitted: false }).acks(1).acks(1).acks(1).expects(1).acks(21).silence()
  const c = f.t.ours.connection
  assert.equal(c.cwnd, 14_000)
  // A long way: on a short one it is Reno's window that counts (4.3).
  c.srtt = 500 << 3
  c.rto = 3000
  const windows: number[] = []
  for (let [acked, round] = [20, 0]; round < 14; round++) {
    const size = Math.trunc(c.cwnd / 1000)
    f.sends(size).ignore().wait(500)
    acked += size
    f.acks(acked + 1).ignore()
    windows.push(c.cwnd)
  }
  // K = cbrt((20 - 14) / 0.4) = 2.5 s: the inflection is at the fifth round trip.
  assert.ok(windows[2]! > 17_000 && windows[2]! < 20_000, `${windows}`)
  assert.ok(windows[5]! >= 19_000 && windows[5]! <= 21_500, `${windows}`)
  assert.ok(windows[13]! > 30_000, `${windows}`)
})

ours("on a short way the window is Reno's (4.3): a segment in two round trips, then one in each", WHY, () => {
  const f = flight(20, { sackPermitted: false }).acks(1).acks(1).acks(1).expects(1).acks(21).silence()
  const c = f.t.ours.connection
  const windows: number[] = []
  for (let [acked, round] = [20, 0]; round < 30; round++) {
    const size = Math.trunc(c.cwnd / 1000)
    f.sends(size).ignore().wait(10)
    acked += size
    f.acks(acked + 1).ignore()
    windows.push(c.cwnd)
  }
  assert.ok(windows[9]! > 18_500 && windows[9]! < 20_000, `${windows}`)
  assert.ok(windows[29]! > 36_000 && windows[29]! < 41_000, `${windows}`)
})

ours('after a pause the window is not trusted (RFC 5681, 4.1)', WHY, () => {
  const f = flight(60, { sackPermitted: false }).acks(1).acks(1).acks(1).expects(1).acks(61).silence()
  const c = f.t.ours.connection
  assert.equal(c.cwnd, 42_000)
  f.wait(5000).sends(1).expects(61)
  assert.equal(c.cwnd, 10_000)
  f.acks(62)
})
