// RFC 2883, 4: the first block tells of text that arrived twice, so that the guest can see that it sent in vain.
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('text from before the acknowledgment (example 1)', () => {
  const t = established().guest({ seq: 1, text: 'abcdef' })
  t.expect({ ack: 7 })
  t.guest({ seq: 1, text: 'abc' }).expect({ ack: 7, sack: [[1, 4]] })
})

script('the next acknowledgment tells no more of it', () => {
  const t = established().guest({ seq: 1, text: 'abcdef' })
  t.expect({ ack: 7 })
  t.guest({ seq: 4, text: 'def' }).expect({ ack: 7, sack: [[4, 7]] })
  t.guest({ seq: 7, text: 'g' }).wait(50).expect({ ack: 8, sack: [] })
})

script('beside a gap (example 2)', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  t.guest({ seq: 11, text: 'k' }).expect({ ack: 4, sack: [[11, 12]] })
  t.guest({ seq: 1, text: 'abc' }).expect({
    ack: 4,
    sack: [
      [1, 4],
      [11, 12],
    ],
  })
})

script('text that is held already (example 3): the block that holds it follows', () => {
  const t = established()
  t.guest({ seq: 11, text: 'klmn' }).expect({ sack: [[11, 15]] })
  t.guest({ seq: 12, text: 'lm' }).expect({
    ack: 1,
    sack: [
      [12, 14],
      [11, 15],
    ],
  })
})
