// RFC 9293, 3.8.6.3 (MUST-40): an acknowledgment is never delayed by 500 ms; RFC 5681, 4.2: nor beyond the second full segment, nor when
// text is out of order or fills a gap; nor a FIN's.

import type { Conversation } from '../../support/script.js'
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

/** A connection between request and response: acknowledgments may wait. The guest's next: 4, ours: 6. */
function interactive(): Conversation {
  const t = established().guest({ seq: 1, text: 'one' }).ignore()
  t.hostSends('reply').expect({ text: 'reply' })
  return t.guest({ seq: 4, ack: 6 }).ignore()
}

script('after 50 ms at most', () => {
  const t = interactive().guest({ seq: 4, ack: 6, text: 'two' }).wait(50)
  t.expect({ flags: '.', ack: 7, text: '' })
})

script('at once for the second full segment', () => {
  const t = interactive().guest({ seq: 4, ack: 6, text: 'x'.repeat(1460) }, { seq: 1464, ack: 6, text: 'x'.repeat(1460) })
  const acks = [t.expect({ flags: '.' }).ack]
  if (acks[0] !== 2924) t.expect({ ack: 2924 })
})

script('at once out of order', () => {
  const t = interactive().guest({ seq: 10, ack: 6, text: 'x' })
  t.expect({ flags: '.', ack: 4, sack: [[10, 11]] })
})

script('at once when a gap is filled', () => {
  const t = interactive().guest({ seq: 5, ack: 6, text: 'x' })
  t.expect({ flags: '.', ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'x' }).expect({ flags: '.', ack: 6 })
})

script('at once when a gap is filled in part', () => {
  const t = interactive().guest({ seq: 10, ack: 6, text: 'x' })
  t.expect({ flags: '.', ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'x' }).expect({ flags: '.', ack: 5, sack: [[10, 11]] })
})

script('at once for a FIN', () => {
  const t = interactive().guest({ seq: 4, ack: 6, flags: 'F.' })
  t.expect({ flags: '.', ack: 5 })
})

script('with the text that leaves meanwhile', () => {
  const t = interactive().guest({ seq: 4, ack: 6, text: 'two' }).hostSends('answer')
  t.expect({ seq: 6, text: 'answer', ack: 7 })
  t.guest({ seq: 7, ack: 12 })
})
