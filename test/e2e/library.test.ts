// The library in programs of its users: everything that was begun comes to an end, and so does the program.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { answer, userProgram } from '../support/sandbox.js'
import { guestProgram } from '../support/world.js'

async function program<T>(scope: Scope, what: string): Promise<T> {
  const { result } = await answer<{ result: T }>(
    scope.use(userProgram([...guestProgram('library.js'), what], { input: '', deadline: 110_000 })),
  )
  return result
}

for (const what of ['run', 'attach'])
  e2e(`close() at any millisecond of ${what}() rejects it, and leaves no process`, async (scope) => {
    const seen = await program<{ outcome: string; left: number }[]>(scope, `close-${what}`)
    for (const [delay, { outcome, left }] of seen.entries()) {
      assert.ok(outcome === 'ERR_CLOSED' || outcome === 'ran', `after ${delay} ms: ${outcome}`)
      assert.equal(left, 0, `after ${delay} ms`)
    }
    assert.equal(seen[0]!.outcome, 'ERR_CLOSED')
  })

e2e('close() of the sandbox or the network, and the end of the command, end all that it has started', async (scope) => {
  assert.deepEqual(await program(scope, 'everything'), [
    'sandbox: SIGKILL, ready, 0 left, false',
    'network: SIGKILL, ready, 0 left, false',
    'kill: SIGKILL, ready, 0 left, false',
  ])
})

e2e('kill() is for the command alone', async (scope) => {
  assert.deepEqual(await program(scope, 'kill'), [true, 7, 'ready\ntold\n', false])
})

e2e('who connects to a published port before run() is served by it, or reset', async (scope) => {
  assert.deepEqual(await program(scope, 'publish-first'), { early: ['ECONNRESET', 'ECONNRESET'], answers: 'served' })
})

e2e('a network that only published lets its program end', async (scope) => {
  await program(scope, 'publish-only')
})
