// RFC 9293, 3.10.7.4, fifth: in SYN-RECEIVED an acknowledgment of something else belongs to an earlier connection. It is reset, this one stays.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { synReceived } from '../../support/script-states.js'

for (const [what, ack] of [
  ['beyond what was sent', 77_777],
  ['before it', 0],
  ['long before it', -5000],
] as const) {
  script(`an acknowledgment ${what}`, () => {
    const t = synReceived().guest({ seq: 1, ack })
    t.expect({ flags: 'R', seq: ack })
    t.guest({ seq: 1, ack: 1 })
    assert.equal(t.state, 'ESTABLISHED')
  })
}
