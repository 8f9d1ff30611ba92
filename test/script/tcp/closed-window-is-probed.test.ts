// RFC 9293, 3.8.6.1 (MUST-35, SHLD-29, SHLD-30): a closed window is probed after a timeout, ever less often, until it opens.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('after a timeout, then twice as late each time, until it opens', () => {
  const t = established().guest({ seq: 1, window: 0 })
  const { rto } = t
  t.hostSends('hello').silence()
  for (const times of [1, 2, 4]) {
    t.wait(times * rto - 1).silence()
    const probe = t.wait(1).expect({ ack: 1 })
    assert.ok(probe.seq === 0 || (probe.seq === 1 && probe.text.length <= 1), `${JSON.stringify(probe)}`)
    t.guest({ seq: 1, ack: 1, window: 0 }).silence()
  }
  t.guest({ seq: 1, ack: 1, window: 500 }).expect({ seq: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).wait(3000)
})

ours('with the next byte, which the guest may take', 'Linux probes with an old number and no text', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(t.rto).expect({ seq: 1, text: 'h' })
  t.guest({ seq: 1, ack: 2, window: 500 }).expect({ seq: 2, text: 'ello' })
  t.guest({ seq: 1, ack: 6 })
  assert.equal(t.ours.host.outgoing, '')
})

ours('it is not probed when there is nothing to send, until there is', 'waits for minutes', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('')
  t.wait(600_000).silence()
  assert.equal(t.ours.connection.backoff, 0)
  t.hostSends('x').wait(t.rto).expect({ text: 'x' })
  t.guest({ seq: 1, ack: 2, window: 0 }).silence()
  t.hostEnds().wait(t.rto).expect({ flags: 'F.', seq: 2 })
  t.guest({ seq: 1, ack: 3, window: 0 })
})

ours('answers to probes are no duplicate acknowledgments', 'looks at the congestion window', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(t.rto).expect({ text: 'h' })
  const answer = { seq: 1, ack: 1, window: 0 }
  t.guest(answer, answer, answer, answer).silence()
  const before = t.ours.connection.cwnd
  t.guest({ seq: 1, ack: 1, window: 500 }).expect({ text: 'hello' })
  assert.equal(t.ours.connection.cwnd, before)
  t.guest({ seq: 1, ack: 6 })
})
