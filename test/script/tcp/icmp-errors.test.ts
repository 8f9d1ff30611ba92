// RFC 9293, 3.9.2.2, RFC 1122, 4.2.3.9 and RFC 5927: what a router in the guest reports shortens segments, or ends an open that cannot be; it never
// ends a connection that has worked. It counts only if it names what is in flight.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, synSent } from '../../support/script-states.js'

/** Codes of destination unreachable (RFC 792). */
const NET = 0
const HOST = 1
const PROTOCOL = 2
const PORT = 3
const FRAGMENTATION_NEEDED = 4

for (const code of [NET, HOST, PROTOCOL, PORT]) {
  script(`code ${code} does not end a connection (MUST-56; RFC 5927, 5.2)`, () => {
    const t = established({}, { sackPermitted: false }).hostSends('hello')
    t.expect({ text: 'hello' })
    t.guestReports(code, 1)
    assert.equal(t.state, 'ESTABLISHED')
    t.wait(t.rto).expect({ seq: 1, text: 'hello' })
    t.guest({ seq: 1, ack: 6 })
  })
}

script('a hard error ends an open (SHLD-26)', () => {
  for (const code of [PROTOCOL, PORT]) {
    const t = synSent().guestReports(code, 0).silence()
    assert.ok(t.isOver)
    assert.equal(t.told, 'reset')
  }
})

ours('a soft one does not (SHLD-25)', 'a socket of Linux is told at once while it connects', () => {
  for (const code of [NET, HOST]) {
    const t = synSent().guestReports(code, 0).silence()
    assert.equal(t.state, 'SYN-SENT')
  }
})

script('fragmentation needed: shorter segments, at once (RFC 1191, 6.3; MUST-16)', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(2920))
  t.expect({ seq: 1, text: 'x'.repeat(1460) })
  t.expect({ seq: 1461 })
  t.guestReports(FRAGMENTATION_NEEDED, 1, 1000)
  t.expect({ seq: 1, text: 'x'.repeat(960) })
  t.ignore().guest({ seq: 1, ack: 2921 })
  t.hostSends('y'.repeat(1500)).expect({ seq: 2921, text: 'y'.repeat(960) })
  t.expect({ seq: 3881, text: 'y'.repeat(540) })
  t.guest({ seq: 1, ack: 4421 })
})

script('of something that is not in flight it is ignored (RFC 5927, 4)', () => {
  const t = established({ offload: false }).guestReports(FRAGMENTATION_NEEDED, 1, 1000).hostSends('x'.repeat(1460))
  t.expect({ seq: 1, text: 'x'.repeat(1460) })
  t.guestReports(FRAGMENTATION_NEEDED, 1461, 1000).guestReports(FRAGMENTATION_NEEDED, -5000, 1000).silence()
  t.guest({ seq: 1, ack: 1461 })
  t.hostSends('y'.repeat(1460)).expect({ seq: 1461, text: 'y'.repeat(1460) })
  t.guest({ seq: 1, ack: 2921 })
})

ours('nor below 576 bytes', 'the least that Linux believes is another', () => {
  const t = established({ offload: false }).hostSends('x'.repeat(1460))
  t.expect({ seq: 1 })
  t.guestReports(FRAGMENTATION_NEEDED, 1, 68).expect({ seq: 1, text: 'x'.repeat(536) })
  t.ignore().guest({ seq: 1, ack: 1461 })
})
