// RFC 5681, 3.2 and RFC 6582: without SACK, three duplicate acknowledgments bring the first segment again; once for each loss.
import { ours, script } from '../../support/script.js'
import { flight } from '../../support/script-flight.js'
import { established } from '../../support/script-states.js'

const PLAIN = { sackPermitted: false }

script('the third, not the second', () => {
  flight(5, PLAIN).acks(1).acks(1).silence().acks(1).expects(1).acks(6).silence()
})

script('what comes after the third does not bring it again', () => {
  flight(8, PLAIN).acks(1).acks(1).acks(1).expects(1).acks(1).acks(1).acks(1).silence().acks(9).silence()
})

script('text, another window, or a FIN is no duplicate (RFC 5681, 2)', () => {
  const { t } = flight(5, PLAIN)
  for (let i = 0; i < 4; i++)
    t.guest({ seq: 1 + i, ack: 1, window: 2000, text: 'x' })
      .wait(20)
      .ignore()
  for (let i = 0; i < 4; i++) t.guest({ seq: 5, ack: 1, window: 1990 - i })
  t.silence()
  t.guest({ seq: 5, ack: 5001 })
})

script('nothing is sent again when nothing is in flight', () => {
  const t = established({}, PLAIN)
  for (let i = 0; i < 10; i++) t.guest({ seq: 1, ack: 1 })
  t.silence()
})

ours('it works after 2 GiB without a loss (the mark of the last recovery follows)', 'sets a variable', () => {
  const t = established({ offload: false }, PLAIN)
  const c = t.ours.connection
  c.recover = (c.sndUna - 0x7fffff00) | 0
  for (let i = 0; i < 4; i++) {
    t.hostSends('x'.repeat(100)).expect({ seq: 1 + 100 * i })
    if (i < 3) t.guest({ seq: 1, ack: 101 + 100 * i }).silence()
  }
  const duplicate = { seq: 1, ack: 301 }
  t.guest(duplicate, duplicate, duplicate).expect({ seq: 301 })
  t.guest({ seq: 1, ack: 401 })
})
