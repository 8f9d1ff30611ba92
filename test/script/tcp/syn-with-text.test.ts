// RFC 9293, 3.10.7.2, third: text and controls of a SYN may be kept or left to come again; the SYN-ACK tells which.
import assert from 'node:assert/strict'
import { begin, ours, script } from '../../support/script.js'

script('text in a SYN is left to come again, and counts once', () => {
  const t = begin({}).guest({ flags: 'S', seq: 0, text: 'hello' }).hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  t.guest({ seq: 1, ack: 1, text: 'hello' }).expect({ ack: 6 })
  assert.equal(t.received, 'hello')
})

ours('a FIN in a SYN does not count', 'Linux drops such a SYN', () => {
  const t = begin({}).guest({ flags: 'SF', seq: 0 }).hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
  assert.equal(t.told, 'nothing')
})
