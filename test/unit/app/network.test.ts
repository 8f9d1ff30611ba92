// The library on the machine's own kernel: namespaces and a TAP, no traffic beyond the sandbox.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
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
const server = createServer()

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
  await using network = await createNetwork({ cidr: '10.9.0.0/16', hostLoopback: false })
  const program = `require('net').connect(9, '${network.addresses.gateway}').on('error', (e) => process.exit(e.code === 'ENETUNREACH' ? 0 : 1))`
  const sandbox = await network.run([process.execPath, '-e', program])
  assert.equal((await sandbox.exited).code, 0)
  const { framesIn, framesOut, flowsOpen, flowsRefused } = network.counters
  assert.ok(framesIn >= 2 && framesOut >= 2)
  assert.deepEqual([flowsOpen, flowsRefused], [0, 1])
})

test('what a command has written and left is whole for a slow reader', { skip }, async () => {
  const bytes = 20_000_000
  const received = new Promise<string>((resolve) => {
    let length = 0
    server.once('connection', (socket) => {
      socket.on('data', (data) => {
        length += data.length
        socket.pause()
        setTimeout(() => socket.resume(), 1)
      })
      socket.once('error', (error) => resolve(`${error.message} after ${length}`))
      socket.once('end', () => resolve(`${length}, and its end`))
    })
  })
  await using network = await createNetwork()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const program = `const s = require('net').connect(${port}, '${network.addresses.gateway}'); s.end(Buffer.alloc(${bytes})); s.on('finish', () => process.exit(0))`
  const sandbox = await network.run([process.execPath, '-e', program])
  assert.equal((await sandbox.exited).code, 0)
  await network.drain()
  await network.close()
  assert.equal(await received, `${bytes}, and its end`)
  server.close()
})
