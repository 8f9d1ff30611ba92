// RFC 9293, 3.4.2 and 3.6: TIME-WAIT for 2 MSL, so that a repeated FIN finds an answer; a minute, as Linux'.
import assert from 'node:assert/strict'
import { MSL } from '../../../src/tcp/close.js'
import { ours, script } from '../../support/script.js'
import { finWait1, timeWait } from '../../support/script-states.js'

const WHY = 'waits for minutes'

ours('then nothing is left', WHY, () => {
  const t = timeWait()
  assert.deepEqual(t.ours.host.events, ['finish', 'close'])
  t.wait(2 * MSL - 1)
  assert.equal(t.state, 'TIME-WAIT')
  t.wait(1)
  assert.ok(t.isOver)
})

ours('a repeated FIN is acknowledged again, and restarts it (3.10.7.4, eighth)', WHY, () => {
  const t = timeWait()
    .wait(2 * MSL - 1000)
    .guest({ seq: 1, ack: 2, flags: 'F.' })
  t.expect({ flags: '.', seq: 2, ack: 2 })
  t.wait(2 * MSL - 1)
  assert.equal(t.state, 'TIME-WAIT')
  t.wait(1)
  assert.ok(t.isOver)
})

script('a repeated FIN is acknowledged again', () => {
  const t = timeWait().wait(1000).guest({ seq: 1, ack: 2, flags: 'F.' })
  t.expect({ flags: '.', seq: 2, ack: 2 })
  assert.equal(t.state, 'TIME-WAIT')
})

ours('a window that opens in TIME-WAIT, or with the step into it, does not stop its timer', WHY, () => {
  const t = finWait1().guest({ seq: 1, ack: 2, flags: 'F.', window: 0 })
  t.expect({ ack: 2 })
  t.guest({ seq: 2, ack: 2, window: 500 }).wait(2 * MSL)
  assert.ok(t.isOver)
  const both = finWait1().guest({ seq: 1, ack: 1, flags: 'F.', window: 0 })
  both.expect({ ack: 2 })
  both.guest({ seq: 2, ack: 2, window: 500 })
  assert.equal(both.state, 'TIME-WAIT')
  both.wait(2 * MSL)
  assert.ok(both.isOver)
})

ours('it holds no memory', 'looks at our rings', () => {
  assert.equal(timeWait().ours.connection.slab, 0)
})
