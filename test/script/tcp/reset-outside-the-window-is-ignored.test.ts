// RFC 5961, 3.2 and RFC 9293, 3.10.7.4, first: a reset outside the window is dropped without an answer.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { SYNCHRONIZED, synReceived } from '../../support/script-states.js'

/** Outside any window, on either side: 1 GiB. */
const FAR = 1 << 30

script('in SYN-RECEIVED', () => {
  const t = synReceived().guest({ seq: FAR, flags: 'R' }, { seq: -FAR, flags: 'R' }).silence()
  assert.equal(t.state, 'SYN-RECEIVED')
})

for (const { state, begin, guest, next } of SYNCHRONIZED) {
  script(`in ${state}`, () => {
    const t = begin()
    t.guest({ seq: FAR, flags: 'R' }, { seq: -FAR, flags: 'R.', ack: next }, { seq: guest - 1, flags: 'R' }).silence()
    assert.equal(t.state, state)
  })
}
