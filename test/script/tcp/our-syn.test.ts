// RFC 9293, 3.10.1 (active OPEN): our SYN offers everything, its window is not scaled (RFC 7323, 2.2), and it is sent again until it is given
// up.
import assert from 'node:assert/strict'
import { begin, ours, script } from '../../support/script.js'
import { synSent } from '../../support/script-states.js'

script('it offers MSS, window scale, SACK and timestamps', () => {
  const s = begin({}).hostOpens().expect({ flags: 'S', seq: 0, ack: 0, mss: 1460, sackPermitted: true, text: '' })
  assert.ok(s.scale > 0)
  assert.equal(s.timestamp?.[1], 0)
})

script('again after a second, then two, then four', () => {
  const t = synSent()
  for (const wait of [1000, 2000, 4000]) {
    t.wait(wait - 1).silence()
    t.wait(1).expect({ flags: 'S', seq: 0 })
  }
})

ours('given up after 3 minutes or more (MUST-23), and the host is told', 'minutes of patience more than a test has', () => {
  const t = synSent()
  let waited = 0
  for (; !t.isOver; waited += 1000) {
    assert.ok(waited < 600_000, 'never given up')
    t.wait(1000).ignore()
  }
  assert.ok(waited >= 180_000, `${waited}`)
  assert.equal(t.told, 'reset')
})

ours('text of the host waits for the guest', 'a socket of the kernel that is not connected takes no text', () => {
  const t = synSent().hostSends('hello').silence()
  t.guest({ flags: 'S.', seq: 0, ack: 1 }).expect({ seq: 1, ack: 1, text: 'hello' })
  t.guest({ seq: 1, ack: 6 })
})

ours(
  'a host that breaks meanwhile leaves nothing; what the guest answers is reset',
  'what becomes of an embryonic socket is its own affair',
  () => {
    const t = synSent().hostBreaks().silence()
    assert.ok(t.isOver)
    t.guest({ flags: 'S.', seq: 0, ack: 1 }).expect({ flags: 'R', seq: 1 })
  },
)
