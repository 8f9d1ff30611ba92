// The tests' own frame: one that hangs fails, says what it has started, and leaves the next one neither a process nor a port.
import assert from 'node:assert/strict'
import { attempt, e2e } from '../support/e2e.js'
import { must, Program } from '../support/program.js'
import { guestProgram } from '../support/world.js'

/** Of the test that hangs, ms. */
const LIMIT = 2_000
const PORT = 18_199

const serve = () => new Program([...guestProgram('server.py'), String(PORT)])

e2e('a test that hangs fails at its limit, with what it has started, and its port is free again', async (scope) => {
  // Nobody closes it.
  const hanging = attempt(async () => {
    await serve().line(/^listening$/m)
    await new Promise(() => {})
  }, LIMIT)
  await assert.rejects(hanging, /the test is still running, with\n[^\n]*server\.py 18199\nstdout: listening/)
  await scope.use(serve()).line(/^listening$/m)
})

e2e('a test that fails leaves no process, nor what a process of its own has started', async () => {
  const failing = attempt(async () => {
    await new Program(['sh', '-c', 'sleep 300 & echo started; exec sleep 300']).line(/^started$/m)
    throw new Error('as it should be')
  }, LIMIT * 10)
  await assert.rejects(failing, /as it should be/)
  assert.doesNotMatch(await must(['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "']), /sleep 300/)
})

e2e('what cannot be closed keeps nothing else open', async () => {
  let isClosed = false
  const failing = attempt(async (inner) => {
    inner.defer(() => {
      isClosed = true
    })
    inner.defer(() => {
      throw new Error('does not close')
    })
  }, LIMIT * 10)
  await assert.rejects(failing, /does not close/)
  assert.ok(isClosed)
})
