// RFC 6675, 4 (IsLost) and 5: a segment is lost when three ranges, or more than two segments' bytes, were told of behind it.
import { script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'
import { established } from '../../support/script-states.js'

script('by bytes: three segments behind it', () => {
  flight(5).acks(1, block(2)).acks(1, block(2, 3)).silence().acks(1, block(2, 4)).expects(1).acks(6).silence()
})

script('by ranges, however short', () => {
  const t = established({ offload: false }, { mss: 1000 })
  for (let i = 0; i < 7; i++) t.hostSends('x'.repeat(100)).expect({ seq: 1 + 100 * i })
  t.guest({ seq: 1, ack: 1, sack: [[101, 201]] })
  t.guest({
    seq: 1,
    ack: 1,
    sack: [
      [301, 401],
      [101, 201],
    ],
  }).silence()
  t.guest({
    seq: 1,
    ack: 1,
    sack: [
      [501, 601],
      [301, 401],
      [101, 201],
    ],
  }).expect({ seq: 1 })
  t.ignore().guest({ seq: 1, ack: 701 }).silence()
})

script('in one acknowledgment for all (the others were lost)', () => {
  flight(5).acks(1, block(2, 4)).expects(1).acks(6).silence()
})

script('with the acknowledgment that moves on', () => {
  flight(6).acks(2, block(3, 5)).expects(2).acks(7).silence()
})

script('whole holes, lowest first', () => {
  flight(12).acks(1, block(4, 6), block(9, 11)).expects(1, 2, 3, 7, 8).acks(13).silence()
})
