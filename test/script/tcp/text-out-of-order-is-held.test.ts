// RFC 9293, 3.10.7.4 (SHLD-31): segments that arrive out of order are kept until the gap closes, in whatever order that happens.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, RECEIVING } from '../../support/script-states.js'

for (const { state, begin, next } of RECEIVING) {
  script(`held, and delivered when the gap closes, in ${state}`, () => {
    const t = begin().guest({ seq: 4, ack: next, text: 'def' })
    t.expect({ ack: 1, sack: [[4, 7]] })
    assert.equal(t.received, '')
    t.guest({ seq: 1, ack: next, text: 'abc' }).expect({ ack: 7, sack: [] })
    assert.equal(t.received, 'abcdef')
  })
}

script('gaps close in any order, overlaps and repeats included', () => {
  const t = established()
  t.guest({ seq: 9, text: 'ij' }).expect({ ack: 1, sack: [[9, 11]] })
  t.guest({ seq: 3, text: 'cd' }).ignore()
  t.guest({ seq: 4, text: 'defg' }).ignore()
  t.guest({ seq: 8, text: 'hi' }).expect({ ack: 1, sack: [[3, 11]] })
  t.guest({ seq: 1, text: 'abcde' }).expect({ ack: 11 })
  assert.equal(t.received, 'abcdefghij')
})

ours('all of it in one batch', 'the kernel takes segments one by one', () => {
  const t = established()
  t.guest({ seq: 9, text: 'ij' }, { seq: 3, text: 'cd' }, { seq: 4, text: 'defg' }, { seq: 8, text: 'hi' })
  t.expect({ ack: 1, sack: [[3, 11]] })
  t.guest({ seq: 1, text: 'abcde' }).expect({ ack: 11 })
  assert.equal(t.received, 'abcdefghij')
})

script('from the last to the first', () => {
  const t = established()
  for (let seq = 20; seq > 1; seq--) t.guest({ seq, text: String.fromCharCode(96 + seq) }).ignore()
  t.guest({ seq: 1, text: 'a' }).expect({ ack: 21, sack: [] })
  assert.equal(t.received, 'abcdefghijklmnopqrst')
})
