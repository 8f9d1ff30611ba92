// RFC 3042: the first two duplicates each let one new segment go, beyond the congestion window, so that a short flight gets its third.
import { ours } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

ours('one for each of the first two duplicates', 'sets the congestion window', () => {
  const f = flight(4, { sackPermitted: false })
  f.t.ours.connection.cwnd = 4000
  f.sends(2).silence()
  f.acks(1).expects(5).acks(1).expects(6)
  f.acks(1).expects(1)
  f.acks(7)
})

ours('with SACK, the scoreboard lets as much go', 'sets the congestion window', () => {
  const f = flight(4)
  f.t.ours.connection.cwnd = 4000
  f.sends(2).silence()
  f.acks(1, block(2)).expects(5).acks(1, block(2, 3)).expects(6)
  f.acks(1, block(2, 4)).expects(1)
  f.acks(7)
})
