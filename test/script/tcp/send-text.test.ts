// RFC 9293, 3.8; bytes stay with the host until the guest has acknowledged them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established } from '../../support/tcp-script.js'

test('text of the host leaves at once, and goes from the host only when it is acknowledged', () => {
  const t = established().hostSends('hello')
  t.expect({ flags: 'P.', seq: 1, text: 'hello', gsoSize: 0 })
  assert.equal(t.host.outgoing, 'hello')
  t.guest({ seq: 1, ack: 4 })
  assert.equal(t.host.outgoing, 'lo')
  t.guest({ seq: 1, ack: 6 })
  assert.equal(t.host.outgoing, '')
  t.silence().ends()
})

test('long text leaves as one super-segment that the receiver cuts', () => {
  const t = established().hostSends('x'.repeat(10_000))
  assert.equal(t.expect({ flags: 'P.', gsoSize: 1460 }).text.length, 10_000)
  t.silence().ends()
})

test('short text is a super-segment too when it is longer than a small MSS', () => {
  const t = established({}, { mss: 88 }).hostSends('x'.repeat(200))
  assert.equal(t.expect({ gsoSize: 88 }).text.length, 200)
  t.silence().ends()
})

test('without offload every segment is at most an MSS', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(3000))
  assert.deepEqual(
    [t.expect({}), t.expect({}), t.expect({})].map((s) => [s.text.length, s.gsoSize]),
    [
      [1460, 0],
      [1460, 0],
      [80, 0],
    ],
  )
  t.silence().ends()
})

test('never beyond the window of the guest', () => {
  const t = established().guest({ seq: 1, window: 10 })
  t.hostSends('x'.repeat(5000))
  assert.equal(t.expect({}).text.length, 1280)
  t.silence()
  t.guest({ seq: 1, ack: 1281, window: 10 })
  assert.equal(t.expect({ seq: 1281 }).text.length, 1280)
  t.ends()
})

test('lost text is sent again after the timeout, twice as late each time', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.wait(999).silence().wait(1).expect({ seq: 1, text: 'hello' })
  t.wait(1999).silence().wait(1).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).wait(60_000).silence()
  t.ends()
})

test('a round trip of a millisecond brings the timeout to its floor', () => {
  const t = established().hostSends('a')
  t.expect({ text: 'a' })
  t.wait(1).guest({ seq: 1, ack: 2 }).hostSends('b')
  t.expect({ text: 'b' })
  t.wait(99).silence().wait(1).expect({ text: 'b' })
  t.ends()
})

test('three duplicate acknowledgments bring the first segment again (RFC 5681, 3.2)', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(1460 * 4))
  for (let i = 0; i < 4; i++) t.expect({ seq: 1 + 1460 * i })
  const duplicate = { seq: 1, ack: 1 }
  t.guest(duplicate, duplicate).silence()
  t.guest(duplicate).expect({ seq: 1 })
  t.guest({ seq: 1, ack: 1 + 1460 * 4 }).silence()
  t.ends()
})

test('after a timeout everything unacknowledged is sent again as the window opens', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(1460 * 3))
  for (let i = 0; i < 3; i++) t.expect({ seq: 1 + 1460 * i })
  t.wait(1000).expect({ seq: 1 })
  t.silence()
  t.guest({ seq: 1, ack: 1461 }).expect({ seq: 1461 })
  t.expect({ seq: 2921 })
  t.silence()
    .guest({ seq: 1, ack: 1 + 1460 * 3 })
    .silence()
  assert.equal(t.host.outgoing, '')
  t.ends()
})

test('an acknowledgment of text never sent is answered and ignored', () => {
  const t = established().guest({ seq: 1, ack: 500 }).expect({ flags: '.', seq: 1, ack: 1 })
  assert.ok(t)
})

test('a closed window is probed, ever less often, until it opens', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.silence()
  t.wait(1000).expect({ seq: 1, text: 'h' })
  t.guest({ seq: 1, ack: 1, window: 0 }).silence()
  t.wait(1999).silence().wait(1).expect({ seq: 1, text: 'h' })
  t.guest({ seq: 1, ack: 1, window: 500 }).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).wait(60_000).silence()
  t.ends()
})

test('a closed window is not probed when there is nothing to send, until there is', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('')
  t.wait(3_600_000).silence()
  assert.equal(t.connection.backoff, 0)
  t.hostSends('x').wait(1000).expect({ text: 'x' })
  t.guest({ seq: 1, ack: 2, window: 0 }).silence()
  t.hostSends('', true).wait(3000).expect({ flags: 'F.' })
  t.ends()
})

test('a host that breaks while its text waits for a window is a reset for the guest', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('x')
  t.host.isBroken = true
  t.wait(1000).expect({ flags: 'R.' })
  t.silence().ends()
})

test('a probe that the guest takes counts', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(1000).expect({ text: 'h' })
  t.guest({ seq: 1, ack: 2, window: 500 }).expect({ seq: 2, text: 'ello' })
  t.guest({ seq: 1, ack: 6 })
  assert.equal(t.host.outgoing, '')
  t.ends()
})

test('a retransmission of the guest brings the window of today (old sequence number, new acknowledgment)', () => {
  const t = established().hostSends('x'.repeat(20_000))
  t.expect({ seq: 1 })
  t.guest({ seq: 1, ack: 1, text: 'abc' }, { seq: 4, ack: 1, text: 'def' })
  t.wait(10).expect({ ack: 7 })
  // The first segment again: by now all of ours has arrived, and 1,280 bytes of the buffer are left.
  t.guest({ seq: 1, ack: 20_001, text: 'abcdefghi', window: 10 }).expect({ ack: 10 })
  t.hostSends('y'.repeat(5000))
  assert.equal(t.expect({ seq: 20_001 }).text.length, 1280)
  t.silence().ends()
})

test('fast retransmit works after 2 GiB without a loss (the mark of the last recovery follows)', () => {
  const t = established({ offload: false })
  t.connection.recover = (t.connection.sndUna - 0x7fffff00) | 0
  for (let i = 0; i < 4; i++) {
    t.hostSends('x'.repeat(100)).expect({ seq: 1 + 100 * i })
    if (i < 3) t.guest({ seq: 1, ack: 101 + 100 * i }).silence()
  }
  const duplicate = { seq: 1, ack: 301 }
  t.guest(duplicate, duplicate, duplicate).expect({ seq: 301 })
  t.silence().ends()
})

test('answers to probes of a closed window are no duplicate acknowledgments', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(1000).expect({ text: 'h' })
  const answer = { seq: 1, ack: 1, window: 0 }
  t.guest(answer, answer, answer, answer).silence()
  const before = t.connection.cwnd
  t.guest({ seq: 1, ack: 1, window: 500 }).expect({ text: 'hello' })
  assert.equal(t.connection.cwnd, before)
  t.ends()
})

test('a retransmission stays in a window that the guest has taken back', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(1460 * 6))
  for (let i = 0; i < 6; i++) t.expect({ seq: 1 + 1460 * i })
  const duplicate = { seq: 1, ack: 1 }
  t.guest(duplicate, duplicate, duplicate).expect({ seq: 1 })
  // A partial acknowledgment whose window of 1,280 bytes ends before the segment that is missing next.
  t.guest({ seq: 1, ack: 1461, window: 10 })
  assert.equal(t.expect({ seq: 1461 }).text.length, 1280)
  t.silence()
  t.guest({ seq: 1, ack: 1461, window: 0 }, { seq: 1, ack: 1462, window: 0 }).silence().ends()
})

test('a bare acknowledgment has the highest sequence number sent, also after a timeout, but none beyond the window', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(1460 * 3))
  for (let i = 0; i < 3; i++) t.expect({ seq: 1 + 1460 * i })
  t.wait(1000).expect({ seq: 1 })
  t.guest({ seq: 1, ack: 1, text: 'a' }).expect({ seq: 1 + 1460 * 3, ack: 2, text: '' })
  t.silence().ends()
  const closed = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  closed.wait(1000).expect({ seq: 1, text: 'h' })
  closed.guest({ seq: 1, ack: 1, window: 0, text: 'a' }).expect({ seq: 1, ack: 2, text: '' })
  closed.hostBreaks().expect({ flags: 'R.', seq: 1 })
  closed.silence().ends()
})

test('an acknowledgment that crossed text of its own side counts', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 1, text: 'abc' }, { seq: 1, ack: 6 }).silence()
  assert.equal(t.host.outgoing, '')
  t.wait(10).expect({ ack: 4, text: '' })
  t.silence()
  // Older than our last acknowledgment it is answered, and does not.
  t.guest({ seq: 1, ack: 6 }).expect({ ack: 4 })
  t.silence().ends()
})

test('BIG TCP: more than 64 KiB leave in one frame where the link takes it, with a total length of 0', () => {
  const t = established({ largestDatagram: 200_000 }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(150_000))
  assert.equal(t.expect({ flags: 'P.', gsoSize: 1460 }).text.length, 150_000)
  t.silence().ends()
})

test('a link that cannot take BIG TCP after all gets the same bytes in 64 KiB', () => {
  const t = established({ largestDatagram: 200_000 }).guest({ seq: 1, window: 4000 })
  t.longest = 65_600
  t.hostSends('x'.repeat(100_000))
  const first = t.expect({ seq: 1 }).text.length
  assert.ok(first > 60_000 && first <= 65_535)
  assert.equal(t.expect({ seq: 1 + first }).text.length, 100_000 - first)
  t.silence().ends()
})

test('after a loss there is no more BIG TCP', () => {
  const t = established({ largestDatagram: 200_000 }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(100_000)).expect({ seq: 1 })
  t.wait(1000).expect({ seq: 1 })
  for (let acked = 1461; acked < 100_001; ) {
    t.guest({ seq: 1, ack: acked, window: 4000 })
    let next = acked
    while (t.sent.length > 0) {
      const { seq, text } = t.sent.shift()!
      assert.ok(text.length <= 65_535)
      next = seq + text.length
    }
    acked = next
  }
  t.ends()
})

test('after a loss the window doubles in a round trip, then grows by a segment, however few acknowledgments there are', () => {
  const t = established({}, { mss: 1000 }).guest({ seq: 1, window: 4000 })
  t.hostSends('x'.repeat(32_000)).expect({ seq: 1 })
  t.wait(1000).expect({ seq: 1 })
  const c = t.connection
  assert.deepEqual([c.cwnd, c.ssthresh], [1000, 16_000])
  for (let [acked, cwnd] = [1000, 1000]; acked < 16_000; cwnd *= 2) {
    t.guest({ seq: 1, ack: 1 + acked, window: 4000 })
    assert.equal(c.cwnd, Math.min(2 * cwnd, 16_000))
    acked += c.cwnd
  }
  t.guest({ seq: 1, ack: 32_001, window: 4000 })
  t.sent.length = 0
  t.hostSends('y'.repeat(16_000)).guest({ seq: 1, ack: 48_001, window: 4000 })
  assert.ok(c.cwnd >= 17_000 && c.cwnd <= 19_000, `${c.cwnd}`)
  t.ends()
})
