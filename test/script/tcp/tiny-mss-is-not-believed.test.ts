// An MSS of a few bytes would only make work: as in Linux, the least is 88 (TCP_MIN_MSS and the options).
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

for (const mss of [0, 1, 87]) {
  ours(`${mss} bytes`, 'Linux has another least', () => {
    const t = established({ offload: false }, { mss }).hostSends('x'.repeat(2000))
    assert.equal(t.expect({ seq: 1 }).text.length, mss === 0 ? 536 : 88)
    t.guest({ seq: 1, ack: 2001 }).ignore()
  })
}
