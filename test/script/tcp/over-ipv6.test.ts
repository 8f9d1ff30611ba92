// TCP is the same over IPv6 (RFC 8200, 8): one conversation of each kind, with headers that are 20 bytes longer and super-segments of another
// type. Every segment is checked for its IPv6 header and the checksum over that family's pseudo-header (8.1).
import assert from 'node:assert/strict'
import { begin, type Conversation, ours } from '../../support/script.js'
import { connected, established, finWait2, simultaneous, synHeld, synSent } from '../../support/script-states.js'

const WHY = 'a conversation with the kernel is over IPv4'
const family = 6
const over6 = (name: string, body: () => void): void => ours(name, WHY, body)

over6('the guest connects: our MSS is the MTU less 60 (8.3)', () => {
  for (const mtu of [1280, 1500, 9000, 65_520]) {
    const t = begin({ family, mtu }).guest({ flags: 'S', seq: 0 }).hostConnects()
    t.expect({ flags: 'S.', seq: 0, ack: 1, mss: mtu - 60 })
    t.guest({ seq: 1, ack: 1 }).silence()
    assert.equal(t.state, 'ESTABLISHED')
  }
})

over6('the host connects', () => {
  const t = begin({ family }).hostOpens()
  t.expect({ flags: 'S', seq: 0, ack: 0, mss: 1440, sackPermitted: true })
  t.guest({ flags: 'S.', seq: 0, ack: 1 }).expect({ flags: '.', seq: 1, ack: 1 })
  assert.equal(t.state, 'ESTABLISHED')
})

over6('both connect at once', () => {
  simultaneous({ family }).guest({ seq: 1, ack: 1 })
})

over6('refused, before and after the SYN is held', () => {
  const t = synHeld({ family }).hostBreaks()
  t.expect({ flags: 'R.', seq: 0 })
  assert.ok(t.isOver)
  const u = synSent({ family }).guest({ flags: 'R.', seq: 0, ack: 1 })
  assert.deepEqual([u.isOver, u.told], [true, 'reset'])
})

over6('a segment of no connection is reset', () => {
  begin({ family }).guest({ seq: 5, ack: 9 }).expect({ flags: 'R' })
})

over6('text of the guest', () => {
  const t = established({ family }).guest({ seq: 1, text: 'hello' })
  t.expect({ flags: '.', ack: 6 })
  assert.equal(t.received, 'hello')
})

over6('a wrong checksum', () => {
  const t = established({ family }).guest({ seq: 1, text: 'hello', hasBadChecksum: true }).silence()
  assert.equal(t.received, '')
})

over6('text out of order is held, and told of', () => {
  const t = established({ family }).guest({ seq: 6, text: 'world' })
  t.expect({ ack: 1, sack: [[6, 11]] })
  t.guest({ seq: 1, text: 'hello' }).expect({ ack: 11, sack: [] })
  assert.equal(t.received, 'helloworld')
})

over6('text of the host, in one super-segment (TSO6)', () => {
  const t = established({ family }).hostSends('x'.repeat(10_000))
  assert.equal(t.expect({ flags: 'P.', seq: 1, gsoSize: 1440 }).text.length, 10_000)
  t.guest({ seq: 1, ack: 10_001 })
})

over6('timestamps take their bytes of each piece (RFC 6691)', () => {
  const t = established({ family }, { timestamp: [1, 0] }).hostSends('x'.repeat(10_000))
  t.expect({ gsoSize: 1428 })
  t.guest({ seq: 1, ack: 10_001, timestamp: [1, 0] })
})

over6('however large datagrams of IPv4 may be, one of IPv6 has 65,535 bytes at most', () => {
  const t = established({ family, largestDatagram: 196_608 }, { scale: 10, mss: 9000 }).guest({ seq: 1, window: 500 })
  t.hostSends('x'.repeat(200_000))
  const { sent } = t
  assert.ok(sent.length >= 4)
  for (const s of t.sent.splice(0)) assert.ok(40 + 20 + s.text.length <= 65_535, `${s.text.length}`)
  t.guest({ seq: 1, ack: 200_001, window: 500 })
})

over6('without offload every segment is at most an MSS, and no MSS means 1220 bytes (RFC 9293, 3.7.1: MUST-15)', () => {
  for (const [mss, size] of [
    [1460, 1440],
    [1000, 1000],
    [-1, 1220],
  ] as const) {
    const t = established({ family, offload: false }, { mss }).hostSends('x'.repeat(3000))
    assert.equal(t.expect({ seq: 1 }).text.length, size)
    t.ignore().guest({ seq: 1, ack: 3001 })
  }
})

over6('the tail that is lost is probed, and then sent again after the timeout', () => {
  const t = established({ family }, { sackPermitted: false }).hostSends('hello')
  t.expect({ seq: 1, text: 'hello' })
  t.wait(t.rto).expect({ seq: 1, text: 'hello' })
  t.wait(t.rto).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 })
})

over6('a hole that SACK tells of is filled at once', () => {
  const t = established({ family, offload: false }).hostSends('x'.repeat(5 * 1440))
  for (let i = 0; i < 5; i++) t.expect({ seq: 1 + 1440 * i })
  t.guest({ seq: 1, ack: 1, sack: [[1441, 7201]] }).expect({ seq: 1, text: 'x'.repeat(1440) })
  t.guest({ seq: 1, ack: 7201 })
})

over6('a closed window is probed', () => {
  const t = established({ family }).guest({ seq: 1, window: 0 }).hostSends('x')
  t.wait(t.rto).expect({ seq: 1 })
  t.guest({ seq: 1, ack: 2, window: 500 })
})

over6('each way ends by itself', () => {
  const t = finWait2({ family }).guest({ seq: 1, ack: 2, text: 'late' })
  t.expect({ ack: 5 })
  t.guest({ flags: 'F.', seq: 5, ack: 2 }).expect({ ack: 6 })
  assert.deepEqual([t.received, t.state], ['late', 'TIME-WAIT'])
})

over6('a reset of either end is one for the other', () => {
  const reset = (t: Conversation) => t.guest({ flags: 'R', seq: 1 })
  assert.equal(reset(established({ family })).told, 'reset')
  connected({ family }).hostBreaks().expect({ flags: 'R.', seq: 1 })
})
