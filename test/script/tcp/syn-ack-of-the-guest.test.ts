// RFC 9293, 3.10.7.3, fourth: a SYN-ACK that acknowledges our SYN establishes the connection; what it does not offer is not used.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { connected, synSent } from '../../support/script-states.js'

script('it is acknowledged at once', () => {
  const t = synSent().guest({ flags: 'S.', seq: 0, ack: 1 })
  t.expect({ flags: '.', seq: 1, ack: 1, text: '' })
  assert.equal(t.state, 'ESTABLISHED')
})

script('with timestamps, where it has them', () => {
  const t = synSent().guest({ flags: 'S.', seq: 0, ack: 1, timestamp: [77, 0] })
  assert.equal(t.expect({ flags: '.' }).timestamp?.[1], 77)
})

script('its window is not scaled, the next one is', () => {
  const t = connected({ offload: false }, { mss: 1000, scale: 7, window: 2000 }).hostSends('x'.repeat(9000))
  t.expect({ seq: 1, text: 'x'.repeat(1000) })
  t.expect({ seq: 1001 })
  t.silence()
  t.guest({ seq: 1, ack: 2001, window: 500 })
  for (let i = 2; i < 9; i++) t.expect({ seq: 1 + 1000 * i })
  t.guest({ seq: 1, ack: 9001 })
})

script('no scaling, timestamps or SACK where it has none', () => {
  const t = connected({ offload: false }, { mss: 1000, scale: -1, sackPermitted: false, window: 1000 })
  t.guest({ seq: 5, window: 1000, text: 'e' })
  const answer = t.expect({ flags: '.', ack: 1, sack: [] })
  assert.equal(answer.timestamp, null)
  t.hostSends('x'.repeat(2000)).expect({ seq: 1, text: 'x'.repeat(1000) })
  t.silence()
  t.guest({ seq: 6, ack: 2001, window: 1000 }).ignore()
})

script('text and FIN that come with it', () => {
  const t = synSent().guest({ flags: 'S.', seq: 0, ack: 1 }, { seq: 1, ack: 1, text: 'hello', flags: 'F.' }).wait(50)
  while (t.sent.length > 1) t.sent.shift()
  t.expect({ flags: '.', ack: 7 })
  assert.deepEqual([t.state, t.received, t.told], ['CLOSE-WAIT', 'hello', 'end'])
})

script('one that is repeated is acknowledged again', () => {
  const t = connected().guest({ flags: 'S.', seq: 0, ack: 1 })
  t.expect({ flags: '.', seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

script('one for another SYN is reset, and does not establish (first)', () => {
  const t = synSent().guest({ flags: 'S.', seq: 0, ack: 500 })
  t.expect({ flags: 'R', seq: 500 })
  assert.equal(t.state, 'SYN-SENT')
  t.guest({ flags: 'S.', seq: 0, ack: 1 }).expect({ flags: '.', ack: 1 })
})
