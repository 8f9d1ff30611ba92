// RFC 1191, 6.3: a router in the guest, in front of a link with a smaller MTU, says how long a datagram may be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import { established, type TcpScript } from '../../support/tcp-script.js'

const error = (t: TcpScript, code: number, seq: number, mtu: number): void => {
  t.demux.unreachable(1, (t.connection.iss + seq) | 0, code, mtu, t.now)
  t.demux.settle(t.now)
}

test('what did not get through is sent again in shorter segments, at once and without a smaller window', () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(3000))
  for (const seq of [1, 1461, 2921]) t.expect({ seq })
  const cwnd = t.connection.cwnd
  error(t, icmp.FRAGMENTATION_NEEDED, 1, 1000)
  for (const seq of [1, 961, 1921, 2881]) t.expect({ seq })
  assert.equal(t.connection.cwnd, cwnd)
  t.silence().ends()
})

test('no MTU below 576 is believed (RFC 9293, 3.7.1)', () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(600))
  t.expect({ seq: 1 })
  error(t, icmp.FRAGMENTATION_NEEDED, 1, 68)
  t.expect({ seq: 1, text: 'x'.repeat(536) })
  t.expect({ seq: 537 })
  t.ends()
})

test('an error about what is not in flight is nobody’s (RFC 5927, 4.1)', () => {
  const t = established({ offload: false })
  t.hostSends('x'.repeat(600))
  t.expect({ seq: 1 })
  error(t, icmp.FRAGMENTATION_NEEDED, 601, 576)
  error(t, icmp.FRAGMENTATION_NEEDED, 0, 576)
  t.silence()
  assert.equal(t.connection.sndMss, 1460)
  t.ends()
})

test('no other error ends a connection that works (RFC 5927, 5.2)', () => {
  const t = established()
  t.hostSends('x')
  t.expect({ seq: 1 })
  for (const code of [icmp.NETWORK_UNREACHABLE, icmp.HOST_UNREACHABLE, icmp.PORT_UNREACHABLE, icmp.PROTOCOL_UNREACHABLE])
    error(t, code, 1, 0)
  t.silence()
  assert.equal(t.connection.state, 'ESTABLISHED')
  t.ends()
})
