// RFC 9293, 3.10.7.1: what belongs to no connection is answered with a reset that the sender accepts, except a reset.
import { begin, script } from '../../support/script.js'
import type { SegmentText } from '../../support/script-segment.js'

const nobody = (s: SegmentText) => begin({}).guest({ port: 50_000, ...s })

script('with an acknowledgment: the reset has its number', () => {
  nobody({ seq: 5, ack: 9, text: 'x' }).expect({ flags: 'R', seq: 9, port: 50_000, text: '' })
  nobody({ seq: 5, ack: 9, flags: 'S.' }).expect({ flags: 'R', seq: 9 })
  nobody({ seq: 5, ack: 9, flags: 'F.' }).expect({ flags: 'R', seq: 9 })
})

script('without one: the reset has number 0 and acknowledges all of it, text and FIN', () => {
  nobody({ seq: 5, flags: '', text: 'abc' }).expect({ flags: 'R.', seq: 0, ack: 8 })
  nobody({ seq: 5, flags: 'F', text: 'abc' }).expect({ flags: 'R.', seq: 0, ack: 9 })
  nobody({ seq: 5, flags: '' }).expect({ flags: 'R.', seq: 0, ack: 5 })
})

script('a reset is not answered', () => {
  nobody({ seq: 5, flags: 'R' }).silence()
  nobody({ seq: 5, ack: 9, flags: 'R.' }).silence()
})
