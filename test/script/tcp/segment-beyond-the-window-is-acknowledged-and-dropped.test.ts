// RFC 9293, 3.10.7.4, first: what lies wholly beyond the window is answered with an acknowledgment and dropped, controls included.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { RECEIVING, SYNCHRONIZED } from '../../support/script-states.js'

/** Beyond any window: 1 GiB. */
const BEYOND = 1 << 30

for (const { state, begin, next } of RECEIVING) {
  script(`text in ${state}`, () => {
    const t = begin().guest({ seq: BEYOND, ack: next, text: 'abc' })
    t.expect({ flags: '.', seq: next, ack: 1, sack: [] })
    assert.equal(t.received, '')
    assert.equal(t.state, state)
  })
}

for (const { state, begin, guest, next } of SYNCHRONIZED) {
  script(`a FIN in ${state}`, () => {
    const t = begin().guest({ seq: BEYOND, ack: next, flags: 'F.' })
    t.expect({ flags: '.', seq: next, ack: guest })
    assert.equal(t.state, state)
  })
}
