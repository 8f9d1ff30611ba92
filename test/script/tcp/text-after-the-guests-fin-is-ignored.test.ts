// RFC 9293, 3.10.7.4, seventh: in CLOSE-WAIT, CLOSING, LAST-ACK and TIME-WAIT nothing more should come; its text is ignored.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { ENDED } from '../../support/script-states.js'

for (const { state, begin, next } of ENDED) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: 2, ack: next, text: 'more' }).ignore()
    assert.equal(t.received, '')
    assert.equal(t.told, 'end')
  })
}

script('a repeated FIN is acknowledged again, and changes nothing (eighth)', () => {
  for (const { begin, state, next } of ENDED) {
    const t = begin().wait(1000).ignore()
    t.guest({ seq: 1, ack: 1, flags: 'F.' }).expect({ flags: '.', seq: next, ack: 2 })
    assert.equal(t.state, state)
  }
})
