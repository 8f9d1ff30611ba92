// RFC 9293, 3.10.7.4, first: what lies wholly before RCV.NXT is answered with an acknowledgment; of the rest, the new part counts.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established, RECEIVING } from '../../support/script-states.js'

for (const { state, begin, next } of RECEIVING) {
  script(`text that is repeated, in ${state}`, () => {
    const t = begin().guest({ seq: 1, ack: next, text: 'abc' })
    t.expect({ ack: 4 })
    t.guest({ seq: 1, ack: next, text: 'abc' }).expect({ flags: '.', ack: 4, text: '' })
    t.guest({ seq: 2, ack: next, text: 'b' }).expect({ flags: '.', ack: 4, text: '' })
    assert.equal(t.received, 'abc')
  })
}

script('of a segment that begins before RCV.NXT, the new part counts', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  t.guest({ seq: 2, text: 'bcdef' }).expect({ ack: 7 })
  assert.equal(t.received, 'abcdef')
})

script('a keep-alive of the guest (one byte before RCV.NXT, or none) is answered (RFC 9293, 3.8.4)', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  t.guest({ seq: 3, text: 'c' }).expect({ flags: '.', ack: 4 })
  t.guest({ seq: 3 }).expect({ flags: '.', ack: 4 })
  assert.equal(t.received, 'abc')
})
