// RFC 9293, 3.10.7.4, fifth: if the ACK bit is off, drop the segment and return.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { SYNCHRONIZED, synReceived } from '../../support/script-states.js'

script('in SYN-RECEIVED', () => {
  const t = synReceived().guest({ seq: 1, flags: '', text: 'abc' }, { seq: 1, flags: 'F' }).silence()
  assert.equal(t.state, 'SYN-RECEIVED')
  assert.equal(t.received, '')
})

for (const { state, begin, guest } of SYNCHRONIZED) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: guest, flags: '', text: 'abc' }, { seq: guest, flags: 'F' }).silence()
    assert.equal(t.state, state)
    assert.equal(t.received, '')
  })
}
