// RFC 9293, 3.7.4 (MUST-17): no Nagle: the host's own stack has put together what it wanted together. Bytes go from the host only when the guest
// has acknowledged them.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { closeWait, established } from '../../support/script-states.js'

for (const [state, begin, guest] of [
  ['ESTABLISHED', established, 1],
  ['CLOSE-WAIT', closeWait, 2],
] as const) {
  script(`small pieces, one after the other, in ${state}`, () => {
    const t = begin().hostSends('one')
    t.expect({ flags: 'P.', seq: 1, ack: guest, text: 'one', gsoSize: 0 })
    t.hostSends('two').expect({ flags: 'P.', seq: 4, text: 'two' })
    t.guest({ seq: guest, ack: 7 })
  })
}

ours('it stays with the host until it is acknowledged', 'what a relay owes to two ends', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  const { host } = t.ours
  assert.equal(host.outgoing, 'hello')
  t.guest({ seq: 1, ack: 4 })
  assert.equal(host.outgoing, 'lo')
  t.guest({ seq: 1, ack: 6 })
  assert.equal(host.outgoing, '')
})

script('the last segment of what the host had is pushed (RFC 9293, 3.9.1.2, MUST-61)', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(3000))
  t.expect({ seq: 1, text: 'x'.repeat(1460) })
  t.expect({ seq: 1461, text: 'x'.repeat(1460) })
  assert.ok(t.expect({ seq: 2921, text: 'x'.repeat(80) }).flags.includes('P'))
  t.guest({ seq: 1, ack: 3001 })
})
