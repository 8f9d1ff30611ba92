// RFC 9293, 3.8.5 (MUST-30 to 33, MUST-62): urgent text is in its place in the stream, and its last byte keeps its mark, both ways; a pointer to
// anywhere does no harm.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { flight } from '../../support/script-flight.js'
import { established } from '../../support/script-states.js'

const WHY = 'a socket of the kernel leaves out the urgent byte'

ours('all of it reaches the host, in order, and the urgent byte as one', WHY, () => {
  const t = established()
  t.guest({ seq: 1, flags: 'U.', urgentPointer: 3, text: 'abc' }).expect({ flags: '.', ack: 4 })
  t.guest({ seq: 4, flags: 'UP.', urgentPointer: 1, text: 'def' }).expect({ flags: '.', ack: 7 })
  assert.equal(t.received, 'abcdef')
  assert.deepEqual(t.ours.host.urgent, [2, 3])
})

ours('told before it comes, and out of order', WHY, () => {
  const t = established()
  t.guest({ seq: 1, flags: 'U.', urgentPointer: 5, text: 'ab' }).expect({ ack: 3 })
  t.guest({ seq: 5, flags: 'U.', urgentPointer: 1, text: 'ef' }).expect({ ack: 3 })
  t.guest({ seq: 3, text: 'cd' }).expect({ ack: 7 })
  assert.deepEqual([t.received, t.ours.host.urgent], ['abcdef', [4]])
})

ours('a later one takes the place of one that was not reached', WHY, () => {
  const t = established()
  t.guest({ seq: 3, flags: 'U.', urgentPointer: 1, text: 'cd' }).expect({ ack: 1 })
  t.guest({ seq: 5, flags: 'U.', urgentPointer: 2, text: 'ef' }).expect({ ack: 1 })
  t.guest({ seq: 1, text: 'ab' }).expect({ ack: 7 })
  assert.deepEqual([t.received, t.ours.host.urgent], ['abcdef', [5]])
})

ours('what came before it fills the host; it goes when there is room, once', WHY, () => {
  const t = established()
  t.ours.host.capacity = 2
  t.guest({ seq: 1, flags: 'U.', urgentPointer: 3, text: 'abcd' }).ignore()
  assert.deepEqual([t.received, t.ours.host.urgent], ['ab', []])
  t.ours.hostDrains(1).ignore()
  assert.deepEqual([t.received, t.ours.host.urgent], ['abc', [2]])
  t.ours.hostDrains(10).ignore()
  assert.deepEqual([t.received, t.ours.host.urgent], ['abcd', [2]])
})

for (const [what, urgentPointer] of [
  ['none', 0],
  ['far ahead', 65_535],
  ['beyond its text', 100],
] as const) {
  ours(`a pointer ${what}`, WHY, () => {
    const t = established().guest({ seq: 1, flags: 'U.', urgentPointer, text: 'abc' })
    t.expect({ flags: '.', ack: 4 })
    t.guest({ seq: 4, text: 'def' }).expect({ flags: '.', ack: 7 })
    assert.equal(t.received, 'abcdef')
  })
}

script('an urgent pointer without the flag means nothing', () => {
  const t = established().guest({ seq: 1, urgentPointer: 2, text: 'abc' })
  t.expect({ flags: '.', ack: 4 })
  assert.equal(t.received, 'abc')
})

script('urgent mode with no text, and with FIN', () => {
  const t = established().guest({ seq: 1, flags: 'U.', urgentPointer: 10 }).silence()
  t.guest({ seq: 1, flags: 'UF.', urgentPointer: 0 }).expect({ flags: '.', ack: 2 })
  assert.equal(t.state, 'CLOSE-WAIT')
})

ours('the urgent byte of the host ends its segment, which has the pointer behind it', WHY, () => {
  const t = established({}, { mss: 1000 })
  t.ours.host.urgentAt = 2500
  t.ours.demux.hostUrgent(1)
  t.hostSends('x'.repeat(4000))
  t.expect({ seq: 1, flags: 'P.', text: 'x'.repeat(2500) })
  t.expect({ seq: 2501, flags: 'PU.', urgentPointer: 1, text: 'x' })
  t.expect({ seq: 2502, flags: 'P.', text: 'x'.repeat(1499) })
  t.guest({ seq: 1, ack: 4001 }).hostSends('y').expect({ flags: 'P.', urgentPointer: 0 })
  t.guest({ seq: 1, ack: 4002 })
})

ours('in a segment of its own size, too', WHY, () => {
  const t = established({ offload: false }, { mss: 1000 })
  t.ours.host.urgentAt = 700
  t.ours.demux.hostUrgent(1)
  t.hostSends('x'.repeat(1500)).expect({ seq: 1, flags: 'PU.', urgentPointer: 701, text: 'x'.repeat(701) })
  t.expect({ seq: 702, flags: 'P.', text: 'x'.repeat(799) })
  t.guest({ seq: 1, ack: 1501 })
})

ours('what is sent again has it again, and the tail is probed behind it', WHY, () => {
  const f = flight(1)
  f.t.ours.host.urgentAt = 1300
  f.t.ours.demux.hostUrgent(1)
  f.t.hostSends('y'.repeat(1000)).expect({ seq: 1001, flags: 'PU.', urgentPointer: 301 })
  f.t.expect({ seq: 1302, flags: 'P.' })
  f.acks(2)
  f.t.wait(62).expect({ seq: 1302, flags: 'P.', urgentPointer: 0 })
  f.t.wait(f.t.rto).expect({ seq: 1001, flags: 'PU.', urgentPointer: 301 })
  f.acks(3)
})
