// RFC 7323, 2.3: a shift beyond 14 is taken as 14.
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

for (const scale of [14, 15, 255]) {
  script(`a shift of ${scale}`, () => {
    const t = established({ offload: false }, { mss: 1460, scale }).guest({ seq: 1, window: 1 })
    t.hostSends('x'.repeat(30_000))
    // 11 full segments are in a window of 16,384 bytes, and 324 bytes that wait for more.
    for (let i = 0; i < 11; i++) t.expect({ seq: 1 + 1460 * i, text: 'x'.repeat(1460) })
    t.silence()
    t.guest({ seq: 1, ack: 1 + 11 * 1460, window: 2 })
    for (let i = 11; i < 20; i++) t.expect({ seq: 1 + 1460 * i })
    t.expect({ seq: 1 + 1460 * 20, text: 'x'.repeat(800) })
    t.guest({ seq: 1, ack: 30_001 })
  })
}
