// RFC 9293, 3.10.7.4, seventh: text in order reaches the user, and is acknowledged once the host's kernel has it.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established, RECEIVING } from '../../support/script-states.js'

for (const { state, begin, next } of RECEIVING) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: 1, ack: next, text: 'hello' })
    t.expect({ flags: '.', seq: next, ack: 6, text: '' })
    assert.equal(t.received, 'hello')
  })
}

script('with and without PSH', () => {
  const t = established().guest({ seq: 1, text: 'one', flags: 'P.' })
  t.expect({ ack: 4 })
  t.guest({ seq: 4, text: 'two' }).expect({ ack: 7 })
  assert.equal(t.received, 'onetwo')
})
