// RFC 9293, 3.1: a bad checksum (MUST-3) or a header that is shorter than one can be, or longer than the segment, drops it; reserved bits and
// those of ECN mean nothing, and are never sent.
import assert from 'node:assert/strict'
import { begin, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('a bad checksum', () => {
  const t = established().guest({ seq: 1, text: 'abc', hasBadChecksum: true }).silence()
  assert.equal(t.received, '')
  t.guest({ seq: 1, text: 'abc' }).expect({ ack: 4 })
})

script('a SYN with a bad checksum', () => {
  const t = begin({}).guest({ seq: 0, flags: 'S', hasBadChecksum: true }).silence()
  assert.ok(t.isOver)
})

for (const dataOffset of [0, 4, 15]) {
  script(`a header of ${dataOffset} words`, () => {
    const t = established().guest({ seq: 1, text: 'abc', dataOffset }).silence()
    assert.equal(t.received, '')
  })
}

script('reserved bits', () => {
  const t = established().guest({ seq: 1, text: 'abc', reserved: 15 })
  t.expect({ ack: 4, reserved: 0 })
  assert.equal(t.received, 'abc')
})

script('a SYN that asks for ECN is answered without (RFC 3168, 6.1.1)', () => {
  const t = begin({}).guest({ seq: 0, flags: 'SEW' }).hostConnects()
  t.expect({ flags: 'S.', reserved: 0 })
  t.guest({ seq: 1, ack: 1 }).guest({ seq: 1, flags: 'E.', text: 'abc' }).expect({ flags: '.', ack: 4 })
})
