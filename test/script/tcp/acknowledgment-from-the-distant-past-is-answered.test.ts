// RFC 5961, 5.2: an acknowledgment older than the largest window the guest ever offered is answered with an ACK, and its segment dropped;
// so whoever guesses must guess the acknowledgment, too. RFC 9293, 3.10.7.4, fifth: a duplicate that is not so old is ignored.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

/** The largest window that the guest ever offers: 500 << 7. */
const LARGEST = 64_000

script('text with an old acknowledgment is dropped', () => {
  const t = established().guest({ seq: 1, ack: 1 - LARGEST - 1, text: 'evil' })
  t.expect({ flags: '.', seq: 1, ack: 1 })
  assert.equal(t.received, '')
})

script('so is a FIN', () => {
  const t = established().guest({ seq: 1, ack: -(1 << 30), flags: 'F.' })
  t.expect({ flags: '.', seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

script('text with one that is not that old counts, and its acknowledgment does not', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 6 })
  t.guest({ seq: 1, ack: 3, text: 'abc' }).wait(50).expect({ ack: 4 })
  assert.equal(t.received, 'abc')
})
