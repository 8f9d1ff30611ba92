// RFC 9293, 3.4.1 (MUST-8, SHLD-1) and RFC 6528: a clock of 4 us and a keyed hash of both ends: they grow for one connection, and say nothing
// about another.
import assert from 'node:assert/strict'
import { begin, ours } from '../../support/script.js'
import { REMOTE, type SegmentText } from '../../support/script-segment.js'
import type { ScriptOptions } from '../../support/tcp-script.js'

const WHY = 'looks at our numbers'

function iss(syn: SegmentText = {}, o: ScriptOptions = {}, wait = 0): number {
  const t = begin(o)
    .wait(wait)
    .guest({ flags: 'S', seq: 0, ...syn })
    .hostConnects()
    .ignore()
  return t.ours.connection.iss
}

ours('250 a millisecond', WHY, () => {
  for (const wait of [1, 40, 1000]) assert.equal((iss({}, {}, wait) - iss()) | 0, 250 * wait)
})

ours('another port or address, another place', WHY, () => {
  const far = (a: number, b: number): boolean => Math.abs((a - b) | 0) > 1 << 20
  assert.ok(far(iss(), iss({ port: 40_001 })))
  assert.ok(far(iss(), iss({ to: REMOTE + 1 })))
  assert.ok(far(iss({ port: 40_001 }), iss({ port: 40_002 })))
})

ours("nothing of the guest's choosing beside that", WHY, () => {
  assert.equal(iss({ seq: 5, mss: 600, timestamp: [7, 0] }), iss())
})

ours('another secret, another place', WHY, () => {
  assert.notEqual(iss({}, { secret: [1, 2] }), iss({}, { secret: [1, 3] }))
  assert.notEqual(iss({}, { secret: [1, 2] }), iss({}, { secret: [3, 2] }))
})
