// RFC 8985, 6.2: once segments were seen to overtake each other, a hole is no loss before a part of a round trip has passed.
import { ours } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

const WHY = 'Linux has another patience'

ours('text that comes after what was sent behind it, and was not sent again', WHY, () => {
  const f = flight(12, {}, 40).wait(40)
  f.acks(1, block(3)).acks(4).silence()
  // 2 and 1 came late: from now on three behind a hole are no loss at once.
  f.acks(4, block(5, 8)).silence()
  f.acks(9).silence()
  f.acks(9, block(10, 12)).silence()
  f.wait(40).expects(9)
  f.acks(13).silence()
})

ours('before that it is not', WHY, () => {
  const f = flight(12, {}, 40).wait(40).acks(4, block(5, 8)).expects(4)
  f.acks(13).silence()
})
