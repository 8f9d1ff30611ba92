// RFC 6675, 5.1 and RFC 6298, 5.4: after a timeout the holes are sent again, and what the guest has told of is not; one segment first, then as
// many as the window grows by.
import { script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

script('only what is missing', () => {
  // 1 is sent again soon, and lost again, as is 2, and all behind 3.
  const f = flight(6).acks(1, block(3)).wait(20).expects(1)
  f.wait(f.t.rto).expects(1)
  f.acks(2, block(3)).expects(2, 4)
  f.acks(5).expects(5, 6)
  f.acks(7).silence()
})

script('what is told of meanwhile is spared, too', () => {
  const f = flight(6).acks(1, block(3)).wait(20).expects(1)
  f.wait(f.t.rto).expects(1)
  f.acks(1, block(3), block(5, 6)).ignore()
  f.acks(2, block(3), block(5, 6)).ignore()
  f.acks(7).silence()
})
