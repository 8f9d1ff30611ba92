// RFC 9293, 3.8.4 and RFC 5482, 2, from a guest's side: what it asks is passed on to the host's peer, and answered when that has answered; text is not
// acknowledged beyond what the host's socket sends in vain. So its own kernel ends what its program wants ended, and nothing else.
import assert from 'node:assert/strict'
import { type Conversation, ours } from '../../support/script.js'
import { closeWait, established } from '../../support/script-states.js'

const WHY = 'no kernel asks for another host'
const PROBE = { seq: 0, ack: 1 }

/** Time passes, and the host's peer is not heard in it. */
function silent(t: Conversation, ms: number): Conversation {
  t.ours.host.heard = t.ours.now
  return t.wait(ms)
}

ours('the peer is asked, and the probe is answered when it has answered', WHY, () => {
  const t = silent(established(), 5000).guest(PROBE).silence()
  assert.deepEqual(t.ours.host.events, ['ask'])
  t.wait(35).silence()
  t.ours.host.heard = t.ours.now
  t.wait(40).expect({ flags: '.', seq: 1, ack: 1 })
  t.wait(10_000).silence()
})

ours('a peer that does not answer leaves it unanswered, and each later one', WHY, () => {
  const t = silent(established(), 5000)
  for (let i = 0; i < 9; i++) t.guest(PROBE).wait(75_000).silence()
  assert.equal(t.ours.host.events.length, 9)
  assert.equal(t.state, 'ESTABLISHED')
  // The guest's kernel has given up.
  t.guest({ seq: 1, ack: 1, flags: 'R.' })
  assert.equal(t.told, 'reset')
})

ours('one that answers late does so for the next probe', WHY, () => {
  const t = silent(established(), 5000).guest(PROBE).wait(10_000).silence()
  t.ours.host.heard = t.ours.now - 500
  t.guest(PROBE).expect({ flags: '.', seq: 1, ack: 1 })
})

ours('one that was heard a moment ago is not asked', WHY, () => {
  const t = silent(established(), 999).guest(PROBE)
  t.expect({ flags: '.', seq: 1, ack: 1 })
})

ours('a probe with a byte of garbage is one, too', WHY, () => {
  const t = silent(established(), 5000)
    .guest({ ...PROBE, text: '?' })
    .silence()
  assert.deepEqual([t.ours.host.events, t.received], [['ask'], ''])
  t.ours.host.heard = t.ours.now
  t.wait(10).expect({ flags: '.', seq: 1, ack: 1 })
})

ours('and in CLOSE-WAIT, where ours go on as before', WHY, () => {
  const t = silent(closeWait(), 5000).guest({ seq: 1, ack: 1 }).silence()
  t.ours.host.heard = t.ours.now
  t.wait(10).expect({ flags: '.', seq: 1, ack: 2 })
  t.wait(59_000).silence()
  t.wait(16_000).expect({ flags: '.', seq: 0, ack: 2 })
  t.guest({ seq: 2, ack: 1 })
})

ours('what the probe acknowledges counts, although it is not answered', WHY, () => {
  const t = established().hostSends('hello')
  t.expect({ seq: 1, text: 'hello' })
  silent(t, 10).ours.host.heard = t.ours.now - 5000
  t.guest({ seq: 0, ack: 6 }).wait(100_000).silence()
})

ours('text is dropped while the host sends in vain, and taken when it no longer does', WHY, () => {
  const t = established()
  t.guest({ seq: 1, text: 'a' }).expect({ ack: 2 })
  t.ours.host.isStalled = true
  // A silence has to last.
  t.guest({ seq: 2, text: 'b' }).expect({ ack: 3 })
  t.wait(1000).guest({ seq: 3, text: 'c' }).silence()
  t.wait(200).guest({ seq: 3, text: 'c' }).silence()
  assert.equal(t.received, 'ab')
  t.ours.host.isStalled = false
  t.wait(400).guest({ seq: 3, text: 'c' }).expect({ ack: 4 })
  assert.equal(t.received, 'abc')
})

ours('nor is the FIN behind it', WHY, () => {
  const t = established().wait(1000)
  t.ours.host.isStalled = true
  t.guest({ seq: 1, text: 'bye', flags: 'F.' }).ignore()
  assert.deepEqual([t.received, t.told, t.state], ['', 'nothing', 'ESTABLISHED'])
  t.ours.host.isStalled = false
  t.guest({ seq: 1, text: 'bye', flags: 'F.' }).expect({ ack: 5 })
  assert.deepEqual([t.received, t.told, t.state], ['bye', 'end', 'CLOSE-WAIT'])
})
