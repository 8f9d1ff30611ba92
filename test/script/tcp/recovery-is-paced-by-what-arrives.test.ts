// RFC 6675, 5 (pipe) and RFC 6937: during recovery as much leaves as arrives, down to ssthresh; never a burst.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { at, block, flight } from '../../support/script-flight.js'

const WHY = 'looks at the congestion window'

ours('new text leaves at 0.7 of the rate at which text arrives', WHY, () => {
  const f = flight(40).acks(1, block(2, 4)).expects(1).sends(40)
  let sent = f.t.ours.sent.splice(0).length
  for (let i = 5; i <= 40; i++) {
    f.acks(1, block(2, i))
    const now = f.t.ours.sent.splice(0).length
    assert.ok(now <= 2, `${now} segments for one that arrived`)
    sent += now
  }
  // 39 segments have arrived.
  assert.ok(sent >= 25 && sent <= 28, `${sent}`)
  f.t.guest({ seq: 1, ack: at(41 + sent), window: 2000 }).ignore()
})

ours('a burst of losses is not answered by a burst', WHY, () => {
  const f = flight(40).acks(1, block(31, 40))
  // 30 are lost at once, 10 have arrived: PRR lets that many go.
  const sent = f.t.ours.sent.splice(0)
  assert.ok(sent.length >= 10 && sent.length <= 12, `${sent.length}`)
  f.acks(41).silence()
})

ours('recovery ends when all is acknowledged that was in flight when it began', WHY, () => {
  const f = flight(10).acks(1, block(2, 4)).expects(1).acks(1, block(2, 10))
  const c = f.t.ours.connection
  const { ssthresh } = c
  f.acks(11).silence()
  assert.equal(c.cwnd, ssthresh)
})
