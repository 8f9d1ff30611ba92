// RFC 8985, 7: a lost tail is answered by nothing that could tell; after two round trips it is probed, once, before the timeout.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'
import { established, finWait1 } from '../../support/script-states.js'

const WHY = 'looks at times of ours'
/** Two round trips, and what a guest may hold back an acknowledgment, ms. */
const PROBED = 62

ours('the last segment is sent again, once, then comes the timeout', WHY, () => {
  const f = flight(3)
  f.wait(f.t.rto - 1).expects(3)
  f.wait(f.t.rto).expects(1)
  f.acks(4).silence()
})

ours('what the guest tells of it repairs the rest at once', WHY, () => {
  const f = flight(5).wait(PROBED).expects(5)
  // As far as the rate of a loss lets it.
  f.acks(1, block(5)).expects(1, 2)
  f.acks(3, block(5)).expects(3, 4)
  f.acks(6).silence()
})

ours('new text is the probe where there is some, whatever the congestion window', WHY, () => {
  const f = flight(4)
  f.t.ours.connection.cwnd = 4000
  f.sends(2).silence()
  f.wait(PROBED).expects(5)
  f.acks(6).expects(6).acks(7)
})

ours('the last text there is takes the FIN with it', WHY, () => {
  const f = flight(4)
  f.t.ours.connection.cwnd = 4000
  f.t.hostSends('bye').hostEnds().silence()
  f.t.wait(PROBED).expect({ flags: 'FP.', seq: 4001, text: 'bye' })
  assert.equal(f.t.state, 'FIN-WAIT-1')
  f.t.silence().guest({ seq: 1, ack: 4005 })
  assert.equal(f.t.state, 'FIN-WAIT-2')
})

ours('a loss that only the probe has repaired is a loss (7.4.2): the rate falls', WHY, () => {
  const f = flight(10).acks(10).wait(PROBED).expects(10)
  // The acknowledgment of the tail may be the first copy's; one of what came after, without a D-SACK before it, is not.
  f.wait(5).acks(11).flies(1).acks(12)
  assert.ok(f.t.ours.connection.cwnd < 10_000, `${f.t.ours.connection.cwnd}`)
})

script('a FIN is a tail too', () => {
  const t = finWait1()
  t.wait(t.rto - 1).expect({ flags: 'F.', seq: 1 })
  t.guest({ seq: 1, ack: 2 }).silence()
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('without SACK there is none', () => {
  const f = flight(3, { sackPermitted: false })
  f.wait(f.t.rto - 1)
    .silence()
    .wait(1)
    .expects(1)
    .acks(4)
})

ours('none before the guest can have sent an acknowledgment that it holds back, however many segments the tail has', WHY, () => {
  for (const count of [1, 2, 10]) {
    const f = flight(count)
    f.wait(59).silence()
    f.acks(count + 1)
      .wait(1000)
      .silence()
  }
})

ours('nor of a super-segment, which is one to the guest', WHY, () => {
  const t = established({}, { mss: 1000, sackPermitted: true }).hostSends('x'.repeat(20_000))
  t.expect({ seq: 1, text: 'x'.repeat(20_000) })
  t.wait(59).silence().guest({ seq: 1, ack: 20_001 }).wait(1000).silence()
})

ours('a D-SACK tells that the probe was for nothing: from then on it waits longer, up to the timeout', WHY, () => {
  const f = flight(3).wait(PROBED).expects(3)
  f.acks(4, block(3))
  f.flies(3).wait(PROBED).silence()
  assert.equal(f.t.ours.connection.tailWait, 120)
  f.wait(f.t.rto - PROBED).expects(6)
  f.acks(7, block(6)).flies(3).ignore().acks(10)
  assert.equal(f.t.ours.connection.tailWait, 200)
  assert.ok(f.t.ours.connection.cwnd > 1_000_000, 'a probe for nothing is no loss')
})

ours('once text was lost on the way the tail of several segments is probed sooner, until a D-SACK tells otherwise', WHY, () => {
  const f = flight(6).acks(2, block(3, 6)).expects(2).acks(7).flies(2)
  f.wait(12).expects(8)
  f.acks(9, block(8)).flies(2).wait(90).silence()
  assert.equal(f.t.ours.connection.tailWait, 120)
  f.acks(11)
})

ours('that of a single segment is not', WHY, () => {
  const f = flight(6).acks(2, block(3, 6)).expects(2).acks(7).flies(1)
  f.wait(59).silence().acks(8)
})
