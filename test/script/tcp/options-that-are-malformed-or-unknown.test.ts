// RFC 9293, 3.1 and 3.2: unknown options are skipped (MUST-6), impossible lengths survived (MUST-7), padding is anything behind END;
// what belongs into a SYN means nothing elsewhere.
import assert from 'node:assert/strict'
import { begin, ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const MSS_1000 = [2, 4, 0x03, 0xe8]

function segmentSize(raw: readonly number[]): number {
  const t = begin({ offload: false }).guest({ flags: 'S', seq: 0, raw }).hostConnects()
  t.expect({ flags: 'S.', ack: 1 })
  t.guest({ seq: 1, ack: 1, window: 60_000 }).hostSends('x'.repeat(3000))
  const { length } = t.expect({ seq: 1 }).text
  t.guest({ seq: 1, ack: 3001 }).ignore()
  return length
}

script('an unknown option is skipped by its length', () => {
  assert.equal(segmentSize([254, 6, 1, 2, 3, 4, ...MSS_1000]), 1000)
  assert.equal(segmentSize([...MSS_1000, 77, 2]), 1000)
})

script('NOPs stand anywhere, and END ends', () => {
  assert.equal(segmentSize([1, 1, 1, ...MSS_1000]), 1000)
  assert.equal(segmentSize([0, ...MSS_1000]), 536)
  assert.equal(segmentSize([...MSS_1000, 0, 255, 255, 255]), 1000)
})

for (const [what, raw] of [
  ['0', [99, 0]],
  ['1', [99, 1]],
  ['past the end', [99, 40]],
  ['the last byte', [1, 1, 1, 99]],
] as const) {
  script(`a length that cannot be: ${what}`, () => {
    assert.equal(segmentSize([...MSS_1000, ...raw]), 1000)
    assert.equal(segmentSize(raw), 536)
  })
}

ours('an MSS option of another length is none', 'whether the options behind it count is a choice', () => {
  assert.equal(segmentSize([2, 3, 9, 1]), 536)
  assert.equal(segmentSize([2, 6, 0x03, 0xe8, 0, 0]), 536)
})

script('options of a SYN mean nothing in other segments', () => {
  const t = established({ offload: false }).guest({ seq: 1, ack: 1, raw: [...MSS_1000, 1, 3, 3, 14, 4, 2, 1, 1] })
  t.hostSends('x'.repeat(3000))
  assert.equal(t.expect({ seq: 1 }).text.length, 1460)
  t.guest({ seq: 1, ack: 3001 }).ignore()
})

script('forty bytes of junk in a segment with text', () => {
  const t = established().guest({ seq: 1, text: 'abc', raw: Array.from({ length: 40 }, (_, i) => (i * 37) & 255) })
  t.expect({ ack: 4 })
  assert.equal(t.received, 'abc')
})
