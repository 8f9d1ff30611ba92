// RFC 8201: a router in the guest, in front of a link of IPv6 with a smaller MTU, says how long a packet may be. Errors about an open: RFC 4443, 3.1.
import assert from 'node:assert/strict'
import { type Conversation, ours } from '../../support/script.js'
import { established, synSent } from '../../support/script-states.js'

const WHY = 'a conversation with the kernel is over IPv4'
const family = 6
/** As Icmpv6 has translated it (RFC 7915, 5.2). */
const PORT = 3
const HOST = 1
const TOO_BIG = 4

/** Segments of 1440 and 480 bytes are on their way. */
function inFlight(): Conversation {
  const t = established({ family, offload: false }).hostSends('x'.repeat(1920))
  t.expect({ seq: 1, text: 'x'.repeat(1440) })
  t.expect({ seq: 1441, text: 'x'.repeat(480) })
  return t
}

ours('what did not get through is sent again in shorter segments, at once (RFC 8201, 4 and 5.4)', WHY, () => {
  const t = inFlight().guestReports(TOO_BIG, 1, 1400)
  t.expect({ seq: 1, text: 'x'.repeat(1340) })
  t.expect({ seq: 1341, text: 'x'.repeat(580) })
  t.guest({ seq: 1, ack: 1921 })
  t.hostSends('y'.repeat(1400)).expect({ seq: 1921, text: 'y'.repeat(1340) })
  t.expect({ seq: 3261 })
  t.guest({ seq: 1, ack: 3321 })
})

ours('a super-segment is cut into shorter pieces from then on', WHY, () => {
  const t = established({ family }).hostSends('x'.repeat(10_000))
  t.expect({ gsoSize: 1440 })
  t.guestReports(TOO_BIG, 1, 1300).expect({ seq: 1, gsoSize: 1240 })
  t.ignore().guest({ seq: 1, ack: 10_001 })
})

ours('to no less than 1280 bytes a packet (RFC 8201, 4)', WHY, () => {
  for (const mtu of [1279, 576, 68, 0]) {
    const t = inFlight().guestReports(TOO_BIG, 1, mtu)
    t.expect({ seq: 1, text: 'x'.repeat(1220) })
    t.ignore().guest({ seq: 1, ack: 1921 })
  }
})

ours('what is no smaller, or about nothing in flight, changes nothing (RFC 8201, 4; RFC 5927, 4)', WHY, () => {
  const t = inFlight()
  for (const mtu of [1500, 9000, 65_536, 0x7fffffff]) t.guestReports(TOO_BIG, 1, mtu).silence()
  t.guestReports(TOO_BIG, 1921, 1280).guestReports(TOO_BIG, 0, 1280).silence()
  t.guest({ seq: 1, ack: 1921 })
})

ours('port unreachable ends an open, address unreachable does not (RFC 9293, 3.9.2.2)', WHY, () => {
  const t = synSent({ family }).guestReports(PORT, 0).silence()
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
  assert.equal(synSent({ family }).guestReports(HOST, 0).silence().state, 'SYN-SENT')
})
