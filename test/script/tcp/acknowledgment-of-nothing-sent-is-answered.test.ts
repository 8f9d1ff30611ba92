// RFC 9293, 3.10.7.4, fifth: if the ACK acknowledges something not yet sent, send an ACK, drop the segment, and return.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { established, RECEIVING, SYNCHRONIZED } from '../../support/script-states.js'

for (const { state, begin, guest, next } of SYNCHRONIZED.filter((start) => start.state !== 'TIME-WAIT')) {
  script(`in ${state}`, () => {
    const t = begin().guest({ seq: guest, ack: 500 })
    t.expect({ flags: '.', seq: next, ack: guest })
    assert.equal(t.state, state)
  })
}

for (const { state, begin } of RECEIVING) {
  script(`its text and FIN are dropped with it, in ${state}`, () => {
    const t = begin().guest({ seq: 1, ack: 500, flags: 'F.', text: 'abc' })
    t.expect({ flags: '.', ack: 1 })
    assert.deepEqual([t.state, t.received, t.told], [state, '', 'nothing'])
  })
}

script('what was sent stays to be acknowledged', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 7 }).expect({ flags: '.', ack: 1 })
  t.wait(t.rto).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 })
})
