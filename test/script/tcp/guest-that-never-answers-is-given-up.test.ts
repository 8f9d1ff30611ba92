// RFC 9293, 3.8.3 (MUST-20 to 23): R2 is 100 s at least; then the connection is given up, and the host told by a reset.
import assert from 'node:assert/strict'
import { ours } from '../../support/script.js'
import { closing, established, finWait1, lastAck } from '../../support/script-states.js'

const WHY = 'waits for minutes'

ours('text', WHY, () => {
  const t = established().hostSends('hello')
  let waited = 0
  for (; !t.isOver; waited += 1000) {
    assert.ok(waited < 3_600_000, 'never given up')
    t.wait(1000).ignore()
  }
  assert.ok(waited >= 100_000, `${waited}`)
  assert.equal(t.told, 'reset')
})

for (const [state, begin] of [
  ['FIN-WAIT-1', finWait1],
  ['CLOSING', closing],
  ['LAST-ACK', lastAck],
] as const) {
  ours(`a FIN, in ${state}`, WHY, () => {
    const t = begin()
    let waited = 0
    for (; !t.isOver; waited += 1000) {
      assert.ok(waited < 3_600_000, 'never given up')
      t.wait(1000).ignore()
    }
    assert.ok(waited >= 100_000, `${waited}`)
  })
}

ours('the guest hears of it, should it live', WHY, () => {
  const t = established().hostSends('hello')
  let last = t.expect({ text: 'hello' })
  while (!t.isOver) {
    t.wait(1000)
    last = t.ours.sent.splice(0).at(-1) ?? last
  }
  assert.equal(last.flags, 'R.')
})
