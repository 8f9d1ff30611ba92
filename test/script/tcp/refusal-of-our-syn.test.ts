// RFC 9293, 3.10.7.3, second, and RFC 5961, 3.2: a reset that acknowledges our SYN refuses it: the host is told at once; any other does nothing.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { simultaneous, synSent } from '../../support/script-states.js'

script('a reset that acknowledges our SYN', () => {
  const t = synSent().guest({ flags: 'R.', seq: 0, ack: 1 }).silence()
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
})

for (const [what, reset] of [
  ['without an acknowledgment', { flags: 'R', seq: 0 }],
  ['that acknowledges nothing', { flags: 'R.', seq: 0, ack: 0 }],
  ['that acknowledges what was not sent', { flags: 'R.', seq: 0, ack: 2 }],
] as const) {
  script(`a reset ${what}`, () => {
    const t = synSent().guest(reset).silence()
    assert.equal(t.state, 'SYN-SENT')
  })
}

script('a reset after a simultaneous open is a refusal as well (3.10.7.4, second)', () => {
  const t = simultaneous().guest({ flags: 'R', seq: 1 }).silence()
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
})
