// RFC 6298, 5.1: whatever is in flight has a timer, also what is sent again because a window that was closed has opened. Without one a
// connection whose last segment is lost would wait for ever.

import { script } from '../../support/script.js'
import { flight } from '../../support/script-flight.js'

/** Past any timeout that there is after a round trip of 0 ms. */
const TIMEOUT = 3000

script('what a closed window held back is sent when it opens, and again when that is lost', () => {
  const f = flight(3)
  // The timeout finds the window closed.
  f.t.guest({ seq: 1, ack: 1, window: 0 })
  f.wait(TIMEOUT).ignore()
  // It opens, and the guest tells that it has the last segment.
  f.acks(1, [2001, 3001]).expects(1)
  f.wait(f.t.rto).expects(1)
})
