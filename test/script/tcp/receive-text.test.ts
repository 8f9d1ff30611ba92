// RFC 9293, 3.10.7.4 seventh; acknowledged is what the host's kernel has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established } from '../../support/tcp-script.js'

test('text in order reaches the host and is acknowledged', () => {
  const t = established().guest({ seq: 1, text: 'hello' })
  assert.equal(t.host.received, 'hello')
  t.expect({ flags: '.', ack: 6, seq: 1 })
  t.silence().ends()
})

test('one acknowledgment for a whole batch', () => {
  const big = 'x'.repeat(1460)
  const t = established().guest({ seq: 1, text: big }, { seq: 1461, text: big }, { seq: 2921, text: big })
  t.expect({ ack: 4381 })
  t.silence().ends()
})

test('text out of order is held, reported by SACK, and delivered when the gap closes', () => {
  const t = established().guest({ seq: 4, text: 'def' })
  t.expect({ ack: 1, sack: [[4, 7]] })
  assert.equal(t.host.received, '')
  t.guest({ seq: 1, text: 'abc' }).expect({ ack: 7, sack: [] })
  assert.equal(t.host.received, 'abcdef')
  t.ends()
})

test('gaps close in any order, overlaps and repeats included', () => {
  const t = established()
  t.guest({ seq: 9, text: 'ij' }, { seq: 3, text: 'cd' }, { seq: 4, text: 'defg' }, { seq: 8, text: 'hi' })
  t.expect({ ack: 1, sack: [[3, 11]] })
  t.guest({ seq: 1, text: 'abcde' }).expect({ ack: 11 })
  assert.equal(t.host.received, 'abcdefghij')
  t.ends()
})

test('a repeated segment is acknowledged again and delivered once', () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  t.guest({ seq: 1, text: 'abc' }).expect({ ack: 4 })
  assert.equal(t.host.received, 'abc')
  t.ends()
})

test('what a full host socket refuses is held and not acknowledged until it has room', () => {
  const t = established()
  t.host.capacity = 3
  t.guest({ seq: 1, text: 'abcdef' }).expect({ ack: 4 })
  assert.deepEqual(t.host.events, ['want-room'])
  t.guest({ seq: 7, text: 'ghi' }).silence()
  t.hostDrains(100_000).expect({ ack: 10 })
  assert.equal(t.host.received, 'abcdefghi')
  t.ends()
})

test('the window is never more than the host takes, closes as it fills, and opens when it drains', () => {
  const t = established()
  t.host.capacity = 1000
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  const closed = t.expect({ ack: 1001 })
  // The edge offered in the handshake stays where it was: 16 KiB from the first byte, rounded up to what a scaled window can say.
  assert.equal(closed.window << t.connection.rcvScale, (16_384 - 1000 + 31) & ~31)
  assert.equal(t.connection.rcvEdge - t.connection.rcvNxt, (16_384 - 1000 + 31) & ~31)
  t.guest({ seq: 1001, text: 'y'.repeat(15_384) }).silence()
  // Sent again in vain, it is acknowledged as far as the host's kernel has it.
  t.guest({ seq: 900, text: 'x'.repeat(100) }).expect({ ack: 1001, window: closed.window })
  t.hostDrains(1 << 20).expect({ ack: 16_385 })
  assert.equal(t.host.received.length, 16_384)
  t.ends()
})

test('while the host takes anything a whole segment is offered, and no less than that is left of the window', () => {
  const t = established()
  t.host.capacity = 100
  t.guest({ seq: 1, text: 'x'.repeat(16_000) })
  // Full, and it says so: closed until the socket drains. What is in the ring waits.
  t.expect({ ack: 101 })
  t.hostDrains(15_900 + 384).expect({ ack: 16_001 })
  t.guest({ seq: 16_001, text: 'x'.repeat(384 + 32) }).expect({ ack: 16_385 })
  assert.deepEqual(t.host.events, ['want-room', 'want-room'])
  // A little room, of which the kernel would tell nobody later: the guest may send a whole segment for it.
  const open = t.hostDrains(32 + 10).expect({ ack: 16_417 })
  assert.ok(open.window << t.connection.rcvScale >= 1460)
  t.ends()
})

test('the right edge that the guest sees never moves back, whatever rounding does to it', () => {
  const t = established()
  t.host.capacity = 1000
  let edge = 0
  for (let seq = 1; seq < 5000; seq += 7) {
    t.guest({ seq, text: 'x'.repeat(7) }).wait(10)
    for (const s of t.sent.splice(0)) {
      const right = s.ack + (s.window << t.connection.rcvScale)
      assert.ok(right >= edge, `${edge}, then ${right}`)
      edge = right
    }
    if (seq % 1400 === 1) t.hostDrains(900)
  }
  t.ends()
})

test('nothing beyond what the ring can hold is kept', () => {
  const t = established()
  t.guest({ seq: 16_000, text: 'z'.repeat(1000) })
  t.expect({ ack: 1, sack: [[16_000, 16_385]] })
  t.ends()
})

test('a broken host socket is a reset for the guest', () => {
  const t = established()
  t.host.isBroken = true
  t.guest({ seq: 1, text: 'x' }).expect({ flags: 'R.' })
  t.silence().ends()
})

test('what the host has taken is no longer reported by SACK, also when it took only a part', () => {
  const t = established().guest({ seq: 4, text: 'defg' })
  t.expect({ ack: 1, sack: [[4, 8]] })
  t.host.capacity = 9
  t.guest({ seq: 1, text: 'abcdefghijkl' }).expect({ ack: 10, sack: [] })
  t.guest({ seq: 20, text: 'z' }).expect({ ack: 10, sack: [[20, 21]] })
  t.hostDrains(100).expect({ ack: 13, sack: [[20, 21]] })
  assert.equal(t.host.received, 'abcdefghijkl')
  t.ends()
})
