// What lies before the guest's RCV.NXT is not acceptable to it (RFC 9293, 3.10.7.4), so an acknowledgment has SND.NXT for its number; after
// a timeout still the highest that was sent, but none beyond the window (as Linux: tcp_acceptable_seq).
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('with text in flight', () => {
  const t = established({ offload: false }, { sackPermitted: false }).hostSends('x'.repeat(1460 * 3))
  for (let i = 0; i < 3; i++) t.expect({ seq: 1 + 1460 * i })
  t.guest({ seq: 3, ack: 1, text: 'c' }).expect({ seq: 1 + 1460 * 3, ack: 1, text: '' })
  t.guest({ seq: 1, ack: 1 + 1460 * 3, text: 'ab' })
    .wait(50)
    .expect({ seq: 1 + 1460 * 3, ack: 4 })
})

script('after a timeout', () => {
  const t = established({ offload: false }, { sackPermitted: false }).hostSends('x'.repeat(1460 * 3))
  for (let i = 0; i < 3; i++) t.expect({ seq: 1 + 1460 * i })
  t.wait(t.rto).expect({ seq: 1 })
  t.guest({ seq: 3, ack: 1, text: 'c' }).expect({ seq: 1 + 1460 * 3, ack: 1, text: '' })
})

ours('not beyond a closed window, though a byte was sent there to probe it', 'Linux probes with an old number and no text', () => {
  const t = established().guest({ seq: 1, window: 0 }).hostSends('hello')
  t.wait(t.rto).expect({ seq: 1, text: 'h' })
  t.guest({ seq: 1, ack: 1, window: 0, text: 'a' }).wait(10).expect({ seq: 1, ack: 2, text: '' })
  t.hostBreaks().expect({ flags: 'R.', seq: 1 })
})
