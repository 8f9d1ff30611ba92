// RFC 9293, 3.8.6.2.2: the window is never more than ring and host take, closes as they fill, opens when they drain.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'how much is offered is our choice'

ours('it closes as the host fills, and opens when it drains', WHY, () => {
  const t = established()
  const c = t.ours.connection
  t.ours.host.capacity = 1000
  t.guest({ seq: 1, text: 'x'.repeat(1000) })
  const closed = t.expect({ ack: 1001 })
  // The edge offered in the handshake stays where it was: 16 KiB from the first byte, rounded up to what a scaled window can say.
  assert.equal(closed.window << c.rcvScale, (16_384 - 1000 + 31) & ~31)
  assert.equal(c.rcvEdge - c.rcvNxt, (16_384 - 1000 + 31) & ~31)
  t.guest({ seq: 1001, text: 'y'.repeat(15_384) }).silence()
  // Sent again in vain, it is acknowledged as far as the host's kernel has it.
  t.guest({ seq: 900, text: 'x'.repeat(100) }).expect({ ack: 1001, window: closed.window })
  t.ours.hostDrains(1 << 20).expect({ ack: 16_385 })
  assert.equal(t.received.length, 16_384)
})

ours('while the host takes anything a whole segment is offered, and no less than that is left of the window', WHY, () => {
  const t = established()
  const { host, connection } = t.ours
  host.capacity = 100
  t.guest({ seq: 1, text: 'x'.repeat(16_000) })
  // Full, and it says so: closed until the socket drains. What is in the ring waits.
  t.expect({ ack: 101 })
  t.ours.hostDrains(15_900 + 384).expect({ ack: 16_001 })
  t.guest({ seq: 16_001, text: 'x'.repeat(384 + 32) }).expect({ ack: 16_385 })
  assert.deepEqual(host.events, ['want-room', 'want-room'])
  // A little room, of which the kernel would tell nobody later: the guest may send a whole segment for it.
  const open = t.ours.hostDrains(32 + 10).expect({ ack: 16_417 })
  assert.ok(open.window << connection.rcvScale >= 1460)
})

ours('a connection that carries much is offered more', WHY, () => {
  const t = established()
  const c = t.ours.connection
  t.ours.host.capacity = 1 << 30
  let window = 0
  for (let seq = 1; seq < 4_000_000; seq += 8192) {
    t.guest({ seq, text: 'x'.repeat(8192) })
    window = t.expect({ ack: seq + 8192 }).window << c.rcvScale
  }
  assert.ok(window >= 1_000_000 && window <= 1 << 20, `${window}`)
})
