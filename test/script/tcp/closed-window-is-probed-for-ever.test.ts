// RFC 9293, 3.8.6.1 (MUST-37), 3.8.3 (MUST-20) and RFC 1122, 4.2.2.17: as long as the guest answers, its window may stay closed; a minute at most lies between two
// probes.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const HOUR = 3_600_000

ours('for a day, if it must be', 'waits for hours', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  let probes = 0
  for (let waited = 0; waited < 24 * HOUR; waited += 1000) {
    t.wait(1000)
    for (const _ of t.ours.sent.splice(0)) {
      probes++
      t.guest({ seq: 1, ack: 1, window: 0 }).silence()
    }
  }
  assert.equal(t.state, 'ESTABLISHED')
  assert.ok(probes >= (24 * HOUR) / 60_000, `${probes}`)
  t.guest({ seq: 1, ack: 1, window: 500 }).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 })
})

ours('a guest that no longer answers is given up', 'waits for hours', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(HOUR)
  assert.ok(t.isOver)
  assert.equal(t.told, 'reset')
  t.ignore()
})

ours('nor is one waited for that dies with nothing but our FIN to come (MUST-20)', 'waits for hours', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostEnds()
  t.wait(HOUR)
  assert.deepEqual([t.isOver, t.told], [true, 'reset'])
  t.ignore()
})

ours('as long as it answers, our FIN is offered again', 'waits for hours', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostEnds()
  for (let waited = 0; waited < HOUR; waited += 1000) {
    t.wait(1000)
    for (const _ of t.ours.sent.splice(0)) t.guest({ seq: 1, ack: 1, window: 0 }).silence()
  }
  assert.equal(t.state, 'FIN-WAIT-1')
  t.guest({ seq: 1, ack: 1, window: 500 }).ignore().guest({ seq: 1, ack: 2 })
  assert.equal(t.state, 'FIN-WAIT-2')
})

ours('a host that breaks while its text waits for a window is a reset for the guest', 'a relay whose other end breaks', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('x')
  t.ours.host.isBroken = true
  t.wait(t.rto).expect({ flags: 'R.' })
})
