// RFC 9293, 3.8.6.3: an acknowledgment rides on the answer when one is likely, and never waits long.
import { test } from 'node:test'
import { established } from '../../support/tcp-script.js'

test('request and response: the acknowledgment rides on the response', () => {
  const t = established().guest({ seq: 1, text: 'one' })
  t.expect({ ack: 4, text: '' })
  t.hostSends('reply').expect({ text: 'reply', ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'two' }).silence()
  t.hostSends('reply').expect({ text: 'reply', ack: 7 })
  t.silence().ends()
})

test('a response that does not come in time leaves the acknowledgment by itself', () => {
  const t = established().guest({ seq: 1, text: 'one' })
  t.expect({ ack: 4 })
  t.hostSends('reply').expect({ ack: 4 })
  t.guest({ seq: 4, ack: 6, text: 'two' }).silence()
  t.wait(9).silence().wait(1).expect({ ack: 7, text: '' })
  t.guest({ seq: 7, ack: 6, text: 'three' }).expect({ ack: 12 })
  t.silence().ends()
})

test('timestamps are echoed, and old ones refused (RFC 7323, 5.3)', () => {
  const t = established({}, { timestamp: [100, 0] })
  t.guest({ seq: 1, text: 'a', timestamp: [200, 0] })
  const echoed = t.expect({ ack: 2 })
  if (echoed.options[5] !== 200) throw new Error(`echoed ${echoed.options[5]}`)
  t.guest({ seq: 2, text: 'b', timestamp: [150, 0] }).expect({ ack: 2 })
  t.guest({ seq: 2, text: 'b', timestamp: [201, 0] }).expect({ ack: 3 })
  t.ends()
})

test('after 24 days a timestamp counts no longer (RFC 7323, 5.5), nor after 25, when the clock has come half round', () => {
  for (const days of [24, 30, 48]) {
    const t = established({}, { timestamp: [100, 0] })
    for (let day = 0; day < days; day++) t.wait(24 * 3600 * 1000)
    t.guest({ seq: 1, text: 'a', timestamp: [50, 0] }).expect({ ack: 2 })
    t.silence().ends()
  }
})

test('the clock wraps', () => {
  const t = established({ start: 0x7fffffff - 50 }).hostSends('hello')
  t.expect({ text: 'hello' })
  t.wait(1000).expect({ text: 'hello' })
  t.guest({ seq: 1, ack: 6 }).silence()
  t.ends()
})
