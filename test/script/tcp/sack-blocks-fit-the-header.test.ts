// RFC 2018, 3: four blocks fit into a header, three beside timestamps; they are sent only to who permitted it (RFC 2018, 2).
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import type { SegmentText } from '../../support/script-segment.js'
import { established } from '../../support/script-states.js'

function blocks(syn: SegmentText): number {
  const t = established({}, syn)
  let count = 0
  for (let i = 1; i <= 6; i++) {
    t.guest({ seq: 10 * i, text: 'x', ...(syn.timestamp ? { timestamp: syn.timestamp } : {}) })
    count = t.expect({ flags: '.', ack: 1 }).sack.length
  }
  return count
}

script('four', () => assert.equal(blocks({}), 4))
script('three beside timestamps', () => assert.equal(blocks({ timestamp: [1, 0] }), 3))
script('none for a guest that does not know them', () => assert.equal(blocks({ sackPermitted: false }), 0))
