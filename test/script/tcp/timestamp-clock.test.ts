// RFC 7323, 4.1 and 5.4: our timestamps are milliseconds that never go back, and begin somewhere else for each connection.
import assert from 'node:assert/strict'
import { begin, ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const STAMPED = { timestamp: [100, 0] as const }

script('a tick is a millisecond', () => {
  const t = established({}, STAMPED).hostSends('a')
  const [first] = t.expect({ text: 'a' }).timestamp!
  t.guest({ seq: 1, ack: 2, ...STAMPED })
    .wait(400)
    .hostSends('b')
  const [second] = t.expect({ text: 'b' }).timestamp!
  assert.ok(second - first >= 390 && second - first <= 600, `${second - first}`)
  t.guest({ seq: 1, ack: 3, ...STAMPED })
})

ours('another port, another clock', 'each connection of the kernel is in a namespace of its own here', () => {
  const clock = (port: number): number => {
    const t = begin({})
      .guest({ flags: 'S', seq: 0, port, ...STAMPED })
      .hostConnects()
    return t.expect({ flags: 'S.' }).timestamp![0]
  }
  assert.notEqual(clock(40_000), clock(40_001))
  assert.equal(clock(40_002), clock(40_002))
})
