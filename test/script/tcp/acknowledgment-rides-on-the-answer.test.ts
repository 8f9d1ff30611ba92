// RFC 9293, 3.8.6.3 (SHLD-18): between request and response the acknowledgment waits for the response, but never long.
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'when an answer is likely is a guess of each stack'

ours('request and response: the acknowledgment rides on the response', WHY, () => {
  const t = established().guest({ seq: 1, text: 'one' })
  t.expect({ ack: 4, text: '' })
  t.hostSends('reply').expect({ text: 'reply', ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'two' }).silence()
  t.hostSends('reply').expect({ text: 'reply', ack: 7 })
  t.guest({ seq: 7, ack: 11 })
})

ours('a response that does not come in time leaves the acknowledgment by itself', WHY, () => {
  const t = established().guest({ seq: 1, text: 'one' })
  t.expect({ ack: 4 })
  t.hostSends('reply').expect({ ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'two' }).silence()
  t.wait(9).silence().wait(1).expect({ ack: 7, text: '' })
  t.guest({ seq: 7, ack: 6, text: 'three' }).expect({ ack: 12 })
})
