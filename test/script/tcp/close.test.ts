// RFC 9293, 3.6: each direction ends by itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established } from '../../support/tcp-script.js'

test('the guest ends first: CLOSE-WAIT, text still flows to it, LAST-ACK, gone', () => {
  const t = established().guest({ seq: 1, flags: 'F.' })
  t.expect({ flags: '.', ack: 2 })
  assert.deepEqual(t.host.events, ['finish'])
  assert.equal(t.connection.state, 'CLOSE-WAIT')
  t.wait(3_600_000).hostSends('late').expect({ text: 'late' })
  t.guest({ seq: 2, ack: 5 }).hostSends('', true).expect({ flags: 'F.', seq: 5 })
  assert.equal(t.connection.state, 'LAST-ACK')
  t.guest({ seq: 2, ack: 6 }).silence()
  assert.deepEqual(t.host.events, ['finish', 'release'])
  t.ends()
})

test('the host ends first: FIN-WAIT-2, text still flows from the guest, TIME-WAIT, gone', () => {
  const t = established().hostSends('bye', true)
  t.expect({ text: 'bye' })
  t.expect({ flags: 'F.', seq: 4 })
  t.guest({ seq: 1, ack: 5 })
  assert.equal(t.connection.state, 'FIN-WAIT-2')
  t.wait(3_600_000).guest({ seq: 1, ack: 5, text: 'more' }).expect({ ack: 5 })
  assert.equal(t.host.received, 'more')
  t.guest({ seq: 5, ack: 5, flags: 'F.' }).expect({ flags: '.', ack: 6 })
  assert.equal(t.connection.state, 'TIME-WAIT')
  assert.deepEqual(t.host.events, ['finish', 'close'])
  t.wait(1000).silence()
  assert.equal(t.host.events.at(-1), 'release')
  t.ends()
})

test('both end at once: CLOSING, TIME-WAIT', () => {
  const t = established().hostSends('', true)
  t.expect({ flags: 'F.' })
  t.guest({ seq: 1, ack: 1, flags: 'F.' }).expect({ flags: '.', ack: 2, seq: 2 })
  assert.equal(t.connection.state, 'CLOSING')
  t.guest({ seq: 2, ack: 2 })
  assert.equal(t.connection.state, 'TIME-WAIT')
  t.wait(1000).ends()
})

test('a FIN waits for the text before it, and for the host to take it', () => {
  const t = established().guest({ seq: 4, flags: 'F.', text: 'def' }).guest({ seq: 1, text: 'abc' })
  assert.equal(t.host.received, 'abcdef')
  assert.deepEqual(t.host.events, ['finish'])
  t.ends()
  const full = established()
  full.host.capacity = 2
  full.guest({ seq: 1, flags: 'F.', text: 'abcd' }).expect({ ack: 3 })
  assert.deepEqual(full.host.events, ['want-room'])
  full.hostDrains(100).expect({ ack: 6 })
  assert.deepEqual(full.host.events, ['want-room', 'finish'])
  full.ends()
})

test('nothing comes after a FIN, and none counts in the middle of the text', () => {
  const t = established().guest({ seq: 3, flags: 'F.', text: 'cd' }).guest({ seq: 1, text: 'abcdefgh' })
  assert.equal(t.host.received, 'abcd')
  assert.deepEqual(t.host.events, ['finish'])
  t.ends()
  const lie = established().guest({ seq: 5, text: 'efgh' }).guest({ seq: 1, flags: 'F.', text: 'ab' })
  lie.guest({ seq: 3, text: 'cd' })
  assert.equal(lie.host.received, 'abcdefgh')
  assert.deepEqual(lie.host.events, [])
  lie.guest({ seq: 9, flags: 'F.' })
  assert.deepEqual(lie.host.events, ['finish'])
  lie.ends()
})

test('a lost FIN is sent again', () => {
  const t = established().hostSends('', true)
  t.expect({ flags: 'F.', seq: 1 })
  t.wait(1000).expect({ flags: 'F.', seq: 1 })
  t.guest({ seq: 1, ack: 2 }).wait(60_000).silence()
  assert.equal(t.connection.state, 'FIN-WAIT-2')
  t.ends()
})

test('a repeated FIN is acknowledged again in TIME-WAIT, and restarts it', () => {
  const t = established().hostSends('', true)
  t.expect({ flags: 'F.' })
  t.guest({ seq: 1, ack: 2, flags: 'F.' }).expect({ ack: 2 })
  t.wait(900).guest({ seq: 1, ack: 2, flags: 'F.' }).expect({ ack: 2 })
  t.wait(900)
  assert.equal(t.connection.state, 'TIME-WAIT')
  t.wait(100).ends()
})

test('a window that opens in TIME-WAIT, or with the step into it, does not stop its timer', () => {
  const t = established().hostSends('', true)
  t.expect({ flags: 'F.' })
  t.guest({ seq: 1, ack: 2, flags: 'F.', window: 0 }).expect({ ack: 2 })
  t.guest({ seq: 2, ack: 2, window: 500 }).wait(1000)
  assert.equal(t.host.events.at(-1), 'release')
  t.ends()
  const both = established().guest({ seq: 1, window: 0 }).hostSends('', true)
  both.wait(1000).expect({ flags: 'F.' })
  both.guest({ seq: 1, ack: 1, flags: 'F.', window: 0 }).expect({ ack: 2 })
  both.guest({ seq: 2, ack: 2, window: 500 })
  assert.equal(both.connection.state, 'TIME-WAIT')
  both.wait(1000)
  assert.equal(both.host.events.at(-1), 'release')
  both.ends()
})

test('a later SYN ends TIME-WAIT and opens a new connection (RFC 6191)', () => {
  const t = established().hostSends('', true)
  t.expect({ flags: 'F.' })
  t.guest({ seq: 1, ack: 2, flags: 'F.' }).expect({ ack: 2 })
  t.irs += 100_000
  t.guest({ seq: 0, flags: 'S' }).silence()
  assert.equal(t.connection.state, 'LISTEN')
  t.hostConnects().expect({ flags: 'S.', ack: 1 })
  t.ends()
})

test('a reset of the guest is one for the host; only the exact sequence number counts (RFC 5961, 3.2)', () => {
  const t = established().guest({ seq: 50, flags: 'R' }).expect({ flags: '.', ack: 1 })
  assert.ok(t)
  const r = established().guest({ seq: 1, flags: 'R' }).silence()
  assert.deepEqual(r.host.events, ['abort', 'release'])
  r.ends()
})

test('a SYN in the window is challenged, not believed (RFC 5961, 4.2)', () => {
  const t = established().guest({ seq: 10, flags: 'S' })
  t.expect({ flags: '.', ack: 1 })
  assert.equal(t.connection.state, 'ESTABLISHED')
  t.ends()
})

test('a reset of the host is one for the guest', () => {
  const t = established().hostBreaks()
  t.expect({ flags: 'R.', seq: 1, ack: 1 })
  t.silence().ends()
})

test('a guest that is gone is a reset for the host, but what it had ended before is not lost', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.demux.abandon(1)
  assert.deepEqual(t.host.events, ['abort', 'release'])
  t.ends()
  const ended = established().guest({ seq: 1, text: 'abc', flags: 'F.' })
  ended.demux.abandon(1)
  assert.deepEqual(ended.host.events, ['finish', 'release'])
  ended.ends()
})
