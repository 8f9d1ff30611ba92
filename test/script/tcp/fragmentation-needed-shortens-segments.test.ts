// RFC 1191, 6.3: a router in the guest, in front of a link with a smaller MTU, says how long a datagram may be.
import assert from 'node:assert/strict'
import * as icmp from '../../../src/wire/icmpv4.js'
import { type Conversation, ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'the error is handed over as a call'

function error({ ours: t }: Conversation, code: number, seq: number, mtu: number): void {
  t.demux.unreachable(1, (t.connection.iss + seq) | 0, code, mtu, t.now)
  t.demux.settle(t.now)
}

ours('what did not get through is sent again in shorter segments, at once and without a smaller window', WHY, () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(3000))
  for (const seq of [1, 1461, 2921]) t.expect({ seq })
  const cwnd = t.ours.connection.cwnd
  error(t, icmp.FRAGMENTATION_NEEDED, 1, 1000)
  for (const seq of [1, 961, 1921, 2881]) t.expect({ seq })
  assert.equal(t.ours.connection.cwnd, cwnd)
})

ours('no MTU below 576 is believed (RFC 9293, 3.7.1)', WHY, () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(600))
  t.expect({ seq: 1 })
  error(t, icmp.FRAGMENTATION_NEEDED, 1, 68)
  t.expect({ seq: 1, text: 'x'.repeat(536) })
  t.expect({ seq: 537 })
})

ours('an error about what is not in flight is nobody’s (RFC 5927, 4.1)', WHY, () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(600))
  t.expect({ seq: 1 })
  error(t, icmp.FRAGMENTATION_NEEDED, 601, 576)
  error(t, icmp.FRAGMENTATION_NEEDED, 0, 576)
  t.silence()
  assert.equal(t.ours.connection.sndMss, 1460)
})

ours('no other error ends a connection that works (RFC 5927, 5.2)', WHY, () => {
  const t = established()
  t.hostSends('x')
  t.expect({ seq: 1 })
  for (const code of [icmp.NETWORK_UNREACHABLE, icmp.HOST_UNREACHABLE, icmp.PORT_UNREACHABLE, icmp.PROTOCOL_UNREACHABLE])
    error(t, code, 1, 0)
  t.silence()
  assert.equal(t.ours.connection.state, 'ESTABLISHED')
})
