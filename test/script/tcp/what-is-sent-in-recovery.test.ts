// RFC 6675, 4 (NextSeg): first what is lost, lowest first; then new text; then what might be lost; then, once, the tail.
import { ours, script } from '../../support/script.js'
import { block, flight } from '../../support/script-flight.js'

script('rule 1: what is lost, lowest first', () => {
  flight(10).acks(1, block(2), block(4), block(6, 9)).expects(1, 3, 5).acks(11).silence()
})

script('rule 2: new text, once what is lost has been sent again', () => {
  const f = flight(10).acks(1, block(2, 5)).expects(1)
  f.sends(1).acks(1, block(2, 6)).acks(1, block(2, 10)).expects(11).acks(12).silence()
})

script('rule 3: with no new text, a hole that might be lost', () => {
  flight(8).acks(1, block(2, 4), block(6, 7)).expects(1, 5).acks(9).silence()
})

ours('what was sent again is not sent a third time while it may be on its way', 'Linux has another patience', () => {
  const f = flight(10).acks(1, block(2, 4)).expects(1)
  for (let i = 5; i <= 10; i++) f.acks(1, block(2, i)).silence()
  f.acks(11).silence()
})
