// RFC 5961, 3.2: a reset that is in the window, but not at RCV.NXT, is answered with an ACK; who means it resets with the number in there.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established, SYNCHRONIZED, synReceived } from '../../support/script-states.js'

script('in SYN-RECEIVED', () => {
  const t = synReceived().guest({ seq: 50, flags: 'R' })
  t.expect({ flags: '.', seq: 1, ack: 1 })
  assert.equal(t.state, 'SYN-RECEIVED')
})

for (const { state, begin, guest, next } of SYNCHRONIZED.filter((start) => start.state !== 'TIME-WAIT')) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: guest + 50, flags: 'R' })
    t.expect({ flags: '.', seq: next, ack: guest })
    assert.equal(t.state, state)
  })
}

script('the number of the challenge, sent back, does reset', () => {
  const t = established().guest({ seq: 50, flags: 'R' })
  const { ack } = t.expect({ flags: '.', ack: 1 })
  t.guest({ seq: ack, flags: 'R' }).silence()
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
})
