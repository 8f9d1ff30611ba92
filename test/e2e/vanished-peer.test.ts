// A peer that vanishes without a word: a program in the sandbox that has its kernel ask (keep-alive), or that does not wait for ever (user timeout),
// learns of it as it would without a sandbox. And one that lives, but says nothing, is not ended by it.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS, HOST_ADDRESS6 } from '../support/elsewhere.js'
import { must, type Program } from '../support/program.js'
import { answer, Sandbox } from '../support/sandbox.js'

/** What the guest's kernel asks in, ms: three times as long as its keep-alive takes to end a connection. */
const THRICE = 12_000

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

/** Nothing that the other machine sends arrives any more. */
async function vanish(scope: Scope, address: string): Promise<void> {
  const isIpv6 = address === ELSEWHERE6
  const route = ['blackhole', isIpv6 ? `${HOST_ADDRESS6}/128` : `${HOST_ADDRESS}/32`]
  const ip = isIpv6 ? ['ip', '-6', 'route'] : ['ip', 'route']
  await must(elsewhere().inside(...ip, 'add', ...route))
  scope.defer(async () => {
    await must(elsewhere().inside(...ip, 'del', ...route))
  })
}

async function connect(scope: Scope, address: string, what: string): Promise<Program> {
  const guest = scope.use(sandbox().guest('vanish.py', address, elsewhere().echoPort, what))
  await guest.line(/^ready$/m)
  return guest
}

for (const [version, address] of [
  ['IPv4', ELSEWHERE],
  ['IPv6', ELSEWHERE6],
] as const) {
  for (const what of ['keep-alive', 'user-timeout', 'both'] as const) {
    e2e(`a peer of ${version} that vanishes ends a connection with ${what} as timed out`, async (scope) => {
      const guest = await connect(scope, address, what)
      await vanish(scope, address)
      guest.end()
      assert.deepEqual(await answer(guest), { error: 'ETIMEDOUT', echoed: 1 })
    })
  }
}

e2e('one that lives is not ended, however long it says nothing', async (scope) => {
  const guests = await Promise.all(['keep-alive', 'both'].map((what) => connect(scope, ELSEWHERE, what)))
  await new Promise((resolve) => setTimeout(resolve, THRICE))
  for (const guest of guests) {
    guest.write('\n')
    await guest.line(/^echoed$/m)
    guest.kill('SIGTERM')
  }
})
