// RFC 9293, 3.8.5: urgent text is part of the stream; a pointer to anywhere does no harm, and none is ever sent.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

ours('all of it reaches the host, in order', 'a socket of the kernel leaves out the urgent byte, or marks it', () => {
  const t = established()
  t.guest({ seq: 1, flags: 'U.', urgentPointer: 3, text: 'abc' }).expect({ flags: '.', ack: 4 })
  t.guest({ seq: 4, flags: 'UP.', urgentPointer: 1, text: 'def' }).expect({ flags: '.', ack: 7 })
  assert.equal(t.received, 'abcdef')
})

for (const [what, urgentPointer] of [
  ['none', 0],
  ['far ahead', 65_535],
  ['beyond its text', 100],
] as const) {
  ours(`a pointer ${what}`, 'a socket of the kernel leaves out the urgent byte, or marks it', () => {
    const t = established().guest({ seq: 1, flags: 'U.', urgentPointer, text: 'abc' })
    t.expect({ flags: '.', ack: 4 })
    t.guest({ seq: 4, text: 'def' }).expect({ flags: '.', ack: 7 })
    assert.equal(t.received, 'abcdef')
  })
}

script('an urgent pointer without the flag means nothing', () => {
  const t = established().guest({ seq: 1, urgentPointer: 2, text: 'abc' })
  t.expect({ flags: '.', ack: 4 })
  assert.equal(t.received, 'abc')
})

script('urgent mode with no text, and with FIN', () => {
  const t = established().guest({ seq: 1, flags: 'U.', urgentPointer: 10 }).silence()
  t.guest({ seq: 1, flags: 'UF.', urgentPointer: 0 }).expect({ flags: '.', ack: 2 })
  assert.equal(t.state, 'CLOSE-WAIT')
})
