// RFC 9293, 3.8.6 (SHLD-14): the right edge that the guest sees never moves back, whatever the host takes and rounding does to it.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

for (const scale of [7, -1]) {
  ours(`${scale < 0 ? 'unscaled' : 'scaled'}, with a host that takes less and less`, "closes our window by the host's socket", () => {
    const t = established({}, { scale })
    t.ours.host.capacity = 1000
    let edge = 0
    for (let seq = 1; seq < 5000; seq += 7) {
      t.guest({ seq, text: 'x'.repeat(7) }).wait(10)
      for (const s of t.ours.sent.splice(0)) {
        const right = s.ack + (s.window << t.ours.connection.rcvScale)
        assert.ok(right >= edge, `${edge}, then ${right}`)
        edge = right
      }
      if (seq % 1400 === 1) t.ours.hostDrains(900)
    }
    t.ignore()
  })
}
