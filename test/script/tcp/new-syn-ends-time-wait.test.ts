// RFC 9293, 3.6.1 (MAY-2) and RFC 6191: a SYN with a greater number, or a later timestamp, opens a new connection; another does not.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { timeWait } from '../../support/script-states.js'

script('a greater number', () => {
  const t = timeWait()
  t.irs += 100_000
  t.guest({ seq: 0, flags: 'S' }).hostConnects()
  t.expect({ flags: 'S.', ack: 1 })
  assert.equal(t.state, 'SYN-RECEIVED')
  t.guest({ seq: 1, ack: 1, text: 'anew' }).expect({ ack: 5 })
  assert.equal(t.received, 'anew')
})

ours('it is held like any other', 'no kernel holds a SYN for another host', () => {
  const t = timeWait()
  t.irs += 100_000
  t.guest({ seq: 0, flags: 'S' }).silence()
  assert.equal(t.state, 'LISTEN')
})

script('a later timestamp, whatever the number', () => {
  const t = timeWait({}, { timestamp: [1000, 0] })
  t.irs -= 100_000
  t.guest({ seq: 0, flags: 'S', timestamp: [5000, 0] }).hostConnects()
  t.expect({ flags: 'S.', ack: 1 })
})

script('neither: it is answered with an acknowledgment', () => {
  const t = timeWait()
  t.irs -= 100_000
  const answer = t.guest({ seq: 0, flags: 'S' }).expect({ flags: '.', seq: 2 })
  assert.equal(answer.ack, 2 + 100_000)
  assert.equal(t.state, 'TIME-WAIT')
})

script('neither, with timestamps', () => {
  const t = timeWait({}, { timestamp: [1000, 0] })
  t.irs -= 100_000
  t.guest({ seq: 0, flags: 'S', timestamp: [900, 0] }).expect({ flags: '.', seq: 2 })
  assert.equal(t.state, 'TIME-WAIT')
})

ours('our new numbers are greater than the old ones (RFC 6528)', 'looks at our numbers', () => {
  const t = timeWait()
  const before = t.ours.connection.sndMax
  t.irs += 100_000
  t.guest({ seq: 0, flags: 'S' }).wait(1).hostConnects().ignore()
  assert.ok(((t.ours.connection.iss - before) | 0) > 0)
})
