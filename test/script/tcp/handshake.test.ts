// RFC 9293, 3.5 and 3.10.7.2; the SYN is held until the host has accepted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as options from '../../../src/wire/tcp-options.js'
import { established, synReceived } from '../../support/tcp-script.js'

test('the SYN-ACK leaves only when the host has accepted', () => {
  const t = synReceived().silence()
  assert.equal(t.connection.state, 'LISTEN')
  t.wait(30_000).silence().hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  t.ends()
})

test('the SYN-ACK offers MSS, window scale, SACK and timestamps when the SYN did', () => {
  const t = synReceived({}, { timestamp: [77, 0] }).hostConnects()
  const o = t.expect({ flags: 'S.' }).options
  assert.equal(o[options.MSS], 1460)
  assert.equal(o[options.SACK_PERMITTED], 1)
  assert.ok(o[options.WINDOW_SCALE]! > 0)
  assert.equal(o[options.HAS_TIMESTAMP], 1)
  assert.equal(o[options.TS_ECHO], 77)
  t.ends()
})

test('what the SYN did not offer is not used (RFC 7323, 2.2)', () => {
  const t = synReceived({}, { scale: -1, sackPermitted: false }).hostConnects()
  const o = t.expect({ flags: 'S.' }).options
  assert.equal(o[options.WINDOW_SCALE], -1)
  assert.equal(o[options.SACK_PERMITTED], 0)
  assert.equal(o[options.HAS_TIMESTAMP], 0)
  t.ends()
})

test('a repeated SYN does not connect twice, and brings the SYN-ACK again once there is one', () => {
  const t = synReceived().guest({ flags: 'S', seq: 0 }).silence().hostConnects()
  t.expect({ flags: 'S.' })
  t.guest({ flags: 'S', seq: 0 }).expect({ flags: 'S.', seq: 0, ack: 1 })
  t.silence().ends()
})

test('SYNs repeated in haste bring as many SYN-ACKs, and do not use up the patience with the guest', () => {
  const t = synReceived().hostConnects()
  t.expect({ flags: 'S.' })
  for (let i = 0; i < 20; i++) t.guest({ flags: 'S', seq: 0 }).expect({ flags: 'S.', seq: 0, ack: 1 })
  t.wait(999).silence().wait(1).expect({ flags: 'S.' })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.connection.state, 'ESTABLISHED')
  t.ends()
})

test('a SYN of another sequence number is challenged by the SYN-ACK', () => {
  const t = synReceived().hostConnects()
  t.expect({ flags: 'S.' })
  t.guest({ flags: 'S', seq: 500 }).expect({ flags: 'S.', seq: 0, ack: 1 })
  // The guest that began anew resets what it does not know.
  t.guest({ flags: 'R', seq: 1 }).silence()
  assert.deepEqual(t.host.events, ['abort', 'release'])
  t.ends()
})

test('an acknowledgment of an earlier connection is reset, and does not end this one (RFC 9293, 3.10.7.4)', () => {
  const t = synReceived().hostConnects()
  t.expect({ flags: 'S.' })
  t.guest({ seq: 1, ack: 77_777 }).expect({ flags: 'R', seq: 77_777 })
  t.guest({ seq: 1, ack: 1 })
  assert.equal(t.connection.state, 'ESTABLISHED')
  t.ends()
})

test('an unacknowledged SYN-ACK is sent again with backoff, and given up at last', () => {
  const t = synReceived().hostConnects()
  t.expect({ flags: 'S.' })
  for (const wait of [1000, 2000, 4000, 8000, 16000]) {
    t.wait(wait - 1)
      .silence()
      .wait(1)
      .expect({ flags: 'S.', seq: 0 })
  }
  t.wait(32_000).silence()
  assert.deepEqual(t.host.events, ['abort', 'release'])
  t.ends()
})

test('text that came with the connect leaves as soon as the guest has answered', () => {
  const t = synReceived()
  t.host.outgoing = 'banner'
  t.hostConnects().expect({ flags: 'S.' })
  t.guest({ seq: 1, ack: 1 }).expect({ seq: 1, text: 'banner' })
  t.ends()
})

test('a host that refuses is a reset for the guest', () => {
  const t = synReceived().hostBreaks()
  t.expect({ flags: 'R.', ack: 1 })
  t.silence().ends()
})

test('a guest that gives up while the connect is pending resets it', () => {
  const t = synReceived().guest({ flags: 'R', seq: 1 }).silence()
  assert.deepEqual(t.host.events, ['abort', 'release'])
  t.ends()
})

test('a segment for no connection is reset (RFC 9293, 3.10.7.1)', () => {
  const t = synReceived().guest({ flags: 'R', seq: 1 })
  t.guest({ seq: 5, ack: 9, text: 'x' })
  const reset = t.expect({ flags: 'R', text: '' })
  assert.equal(reset.seq, 9)
  t.guest({ flags: 'R', seq: 5 }).silence().ends()
})

test('an MSS beyond what the link carries is cut to it', () => {
  const t = established({ mtu: 1500 }, { mss: 9000 })
  assert.equal(t.connection.sndMss, 1460)
  t.ends()
})
