// RFC 9293, 3.6: a FIN says that there is no more text; one in the middle of text that has come is a lie, and does not count.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'Linux believes other parts of the lie'

ours('text behind a FIN that has come is cut off', WHY, () => {
  const t = established().guest({ seq: 3, flags: 'F.', text: 'cd' }).guest({ seq: 1, text: 'abcdefgh' }).ignore()
  assert.equal(t.received, 'abcd')
  assert.deepEqual(t.ours.host.events, ['finish'])
})

ours('a FIN in the middle of text that has come does not count', WHY, () => {
  const t = established().guest({ seq: 5, text: 'efgh' }).guest({ seq: 1, flags: 'F.', text: 'ab' }).ignore()
  t.guest({ seq: 3, text: 'cd' }).ignore()
  assert.equal(t.received, 'abcdefgh')
  assert.deepEqual(t.ours.host.events, [])
  t.guest({ seq: 9, flags: 'F.' }).expect({ ack: 10 })
  assert.deepEqual(t.ours.host.events, ['finish'])
})

ours('a second FIN somewhere else does not count', WHY, () => {
  const t = established().guest({ seq: 6, flags: 'F.', text: 'f' }).guest({ seq: 3, flags: 'F.', text: 'c' }).ignore()
  t.guest({ seq: 1, text: 'abcde' }).ignore()
  assert.equal(t.received, 'abcdef')
  assert.equal(t.state, 'CLOSE-WAIT')
})
