// The library on the machine's own kernel: namespaces and a TAP, no traffic beyond the sandbox.
import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { test } from 'node:test'
import { createNetwork } from '../../../src/index.js'

function cannotRun(): string | false {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return false
  } catch {
    return '/dev/net/tun is not there, or not for us'
  }
}
const skip = cannotRun()

test('a command that cannot run leaves the network ready for the next, however often', { skip }, async () => {
  await using network = await createNetwork()
  for (let attempt = 0; attempt < 12; attempt++) {
    await assert.rejects(network.run(['/no/such/command']), { code: 'ENOENT', exitCode: 127 })
  }
  const sandbox = await network.run(['sh', '-c', 'exit 7'])
  assert.deepEqual(await sandbox.exited, { code: 7, signal: null })
})

test('a network that is closed says so, and can be closed again', { skip }, async () => {
  const network = await createNetwork()
  await network.close()
  await network.close()
  await assert.rejects(network.run(['true']), { code: 'ERR_CLOSED' })
})

test('closing ends a command that still runs', { skip }, async () => {
  const network = await createNetwork()
  const sandbox = await network.run(['sleep', '600'])
  await network.close()
  assert.deepEqual(await sandbox.exited, { code: null, signal: 'SIGKILL' })
})

test('the gateway answers, and the counters know', { skip }, async () => {
  await using network = await createNetwork({ cidr: '10.9.0.0/16' })
  const sandbox = await network.run(['ping', '-c1', '-W2', network.addresses.gateway], { stdio: 'ignore' })
  assert.equal((await sandbox.exited).code, 0)
  assert.ok(network.counters.framesIn >= 2 && network.counters.framesOut >= 2)
  assert.deepEqual(network.counters.flowsOpen, 0)
})
