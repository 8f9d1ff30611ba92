// RFC 9293, 3.6: each direction ends by itself. The host ends first: FIN-WAIT-1, FIN-WAIT-2, text still flows from the guest for hours,
// TIME-WAIT.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, finWait1, finWait2 } from '../../support/script-states.js'

script('text flows from the guest after our FIN, then its FIN', () => {
  const t = finWait2().wait(1000).guest({ seq: 1, ack: 2, text: 'more' })
  t.expect({ flags: '.', seq: 2, ack: 5 })
  assert.equal(t.received, 'more')
  t.guest({ seq: 5, ack: 2, flags: 'F.' }).expect({ flags: '.', seq: 2, ack: 6 })
  assert.equal(t.state, 'TIME-WAIT')
})

ours('an hour later as well, from a guest that answers when it is asked (RFC 9293, 3.8.4)', 'waits for an hour', () => {
  const t = finWait2()
  for (let minute = 0; minute < 60; minute++) {
    t.wait(60_000)
    for (const probe of t.ours.sent.splice(0)) {
      assert.deepEqual([probe.flags, probe.seq, probe.text], ['.', 1, ''])
      t.guest({ seq: 1, ack: 2 })
    }
  }
  t.guest({ seq: 1, ack: 2, text: 'more' }).expect({ ack: 5 })
  assert.deepEqual([t.received, t.state], ['more', 'FIN-WAIT-2'])
  t.guest({ seq: 5, ack: 2, flags: 'F.' }).expect({ ack: 6 })
  assert.deepEqual(t.ours.host.events, ['finish', 'close'])
})

script('FIN-WAIT-1 ends when our FIN is acknowledged, not the text before it', () => {
  const t = established().hostSends('bye', true)
  t.expect({ seq: 1, text: 'bye' })
  if (t.sent.length > 0) t.expect({ flags: 'F.', seq: 4 })
  assert.equal(t.state, 'FIN-WAIT-1')
  t.guest({ seq: 1, ack: 4 })
  assert.equal(t.state, 'FIN-WAIT-1')
  t.guest({ seq: 1, ack: 5 })
  assert.equal(t.state, 'FIN-WAIT-2')
})

script('our FIN acknowledged together with the FIN of the guest', () => {
  const t = finWait1().guest({ seq: 1, ack: 2, flags: 'F.' })
  t.expect({ flags: '.', seq: 2, ack: 2 })
  assert.equal(t.state, 'TIME-WAIT')
})

script('and with its last text', () => {
  const t = finWait1().guest({ seq: 1, ack: 2, flags: 'F.', text: 'last' })
  t.expect({ flags: '.', seq: 2, ack: 6 })
  assert.deepEqual([t.state, t.received, t.told], ['TIME-WAIT', 'last', 'end'])
})
