// RFC 9293, 3.9.2.3 (MUST-57): a SYN to a multicast or broadcast address is silently discarded, and so is everything else.
import assert from 'node:assert/strict'
import { begin, script } from '../../support/script.js'

for (const [what, to] of [
  ['224.0.0.1', 0xe0000001 | 0],
  ['239.255.255.250', 0xeffffffa | 0],
  ['255.255.255.255', -1],
  ["the network's broadcast address", 0x0a0002ff],
] as const) {
  script(what, () => {
    const t = begin({}).guest({ flags: 'S', seq: 0, to }, { flags: '.', seq: 1, to, text: 'x' }).wait(1).silence()
    assert.ok(t.isOver)
  })
}
