// The control socket of a network that is only played: what it answers, what it refuses, and that nobody who holds a connection holds it up.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chooseNetwork, runningNetworks } from '../../../src/app/control-client.js'
import * as schema from '../../../src/app/control-schema.js'
import { ControlServer } from '../../../src/app/control-server.js'
import type { Publication } from '../../../src/app/publications.js'
import type { PublishOptions } from '../../../src/app/publish-spec.js'
import type { Network } from '../../../src/app/types.js'
import { NetloomError } from '../../../src/util/errors.js'

const scratch = mkdtempSync(join(tmpdir(), 'netloom-control-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

let folder = ''
let runs = 0
beforeEach(() => {
  const runtime = join(scratch, String(++runs))
  mkdirSync(runtime)
  process.env['XDG_RUNTIME_DIR'] = runtime
  folder = join(runtime, 'netloom')
})

const COUNTERS = { connections: 3, refused: 1, current: 2, packetsIn: 9, packetsOut: 8, bytesIn: 700, bytesOut: 5_000_000_000 }

class PlayedNetwork {
  readonly name = 'played'
  readonly ifname = 'tap0'
  readonly mtu = 1500
  readonly addresses = { network: '10.0.2.0', prefix: 24, gateway: '10.0.2.2', dns: '10.0.2.3', guest: '10.0.2.100' }
  readonly features = { vnetHeader: true, checksum: true, tso: true, uso: false }
  readonly counters = { framesIn: 1, flowsOpen: 0 }
  readonly published: Publication[] = []
  readonly closed: [number, boolean][] = []
  failure: NetloomError | null = null
  flowCount = 1

  flows() {
    const end = { address: '10.0.2.100', port: 80 }
    const counts = { bytesIn: 1, bytesOut: 2, packetsIn: 1, packetsOut: 1, age: 5, idle: 1 }
    return Array.from({ length: this.flowCount }, () => ({
      protocol: 'tcp',
      state: 'ESTABLISHED',
      guest: end,
      remote: end,
      host: null,
      ...counts,
    }))
  }

  publish(...ports: PublishOptions[]): Publication[] {
    if (this.failure !== null) throw this.failure
    const opened = ports.map(({ hostAddress = '0.0.0.0', hostPort = 0, guestPort }, i) => {
      const id = this.published.length + i + 1
      const rule = {
        id,
        protocol: 'tcp' as const,
        hostInterface: null,
        hostAddresses: [hostAddress],
        hostAddress,
        hostPort: hostPort || 40_000,
        guestAddress: '10.0.2.100',
        guestPort,
        driver: 'auto' as const,
        isAutomatic: false,
      }
      return { ...rule, counters: COUNTERS, close: ({ flows = false } = {}) => void this.closed.push([id, flows]) }
    })
    this.published.push(...opened)
    return opened
  }
}

async function started(limit?: number): Promise<{ played: PlayedNetwork; control: ControlServer } & AsyncDisposable> {
  const played = new PlayedNetwork()
  const control = await ControlServer.start('played', played as unknown as Network, limit === undefined ? {} : { limit })
  return { played, control, [Symbol.asyncDispose]: () => control.close() }
}

interface Answer {
  readonly status: number
  readonly body: never
}

function ask(control: ControlServer, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: control.path, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) as never }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
}

async function connected(control: ControlServer): Promise<Socket> {
  const socket = connect(control.path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

test('each answer is what the OpenAPI document says', async () => {
  await using world = await started()
  const { control } = world
  assert.equal(
    (await ask(control, 'POST', '/v1/publications', { ports: [{ guestPort: 80 }, { hostAddress: '::1', guestPort: 81 }] })).status,
    201,
  )
  const { name, pid } = schema.network.parse((await ask(control, 'GET', '/v1/network')).body)
  assert.deepEqual([name, pid], ['played', process.pid])
  assert.equal(schema.flows.parse((await ask(control, 'GET', '/v1/flows')).body).flows.length, 1)
  const { publications } = schema.publications.parse((await ask(control, 'GET', '/v1/publications')).body)
  assert.deepEqual([publications.length, publications[1]!.guestPort, publications[1]!.counters], [2, 81, COUNTERS])
  const { body } = await ask(control, 'GET', '/openapi.json')
  const { openapi, paths, components } = body as { openapi: string; paths: Record<string, unknown>; components: { schemas: object } }
  assert.match(openapi, /^3\.1\./)
  assert.deepEqual(Object.keys(paths), ['/v1/network', '/v1/flows', '/v1/publications', '/v1/publications/{ids}'])
  for (const [, name] of JSON.stringify(paths).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(Object.hasOwn(components.schemas, name!))
})

test('who comes while there are no descriptors is cut off, and the network goes on', async () => {
  const child = fork(fileURLToPath(new URL('../../support/starved-control.js', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [path] = (await once(child, 'message')) as [string]
  const socket = connect(path)
  socket.on('error', () => {})
  await once(socket, 'close')
  child.send('enough')
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 0)
})

test('publications are taken back all or none, and their connections with them where that is asked for', async () => {
  await using world = await started()
  const { control, played } = world
  played.publish({ guestPort: 80 }, { guestPort: 81 }, { guestPort: 82 })
  assert.equal((await ask(control, 'DELETE', '/v1/publications/1,9')).status, 404)
  assert.deepEqual(played.closed, [])
  assert.equal((await ask(control, 'DELETE', '/v1/publications/1,3?close=true')).status, 200)
  assert.equal((await ask(control, 'DELETE', '/v1/publications/2')).status, 200)
  assert.deepEqual(played.closed, [
    [1, true],
    [3, true],
    [2, false],
  ])
})

const REFUSED: readonly (readonly [string, string, unknown, number, string, RegExp])[] = [
  ['GET', '/nothing', undefined, 404, 'ERR_PATH', /^there is no \/nothing; see/],
  ['GET', '//', undefined, 400, 'ERR_REQUEST', /cannot be read/],
  ['PUT', '/v1/flows', undefined, 405, 'ERR_METHOD', /^PUT is not for \/v1\/flows; use GET$/],
  ['POST', '/v1/publications', '{', 400, 'ERR_INPUT', /^the body is no JSON/],
  ['POST', '/v1/publications', { ports: [] }, 400, 'ERR_INPUT', /^body\.ports: /],
  ['POST', '/v1/publications', { ports: [{ guestPort: 80, hostPort: 1.5 }] }, 400, 'ERR_INPUT', /^body\.ports\[0\]\.hostPort: /],
  ['POST', '/v1/publications', { ports: [{ guestPort: 0 }] }, 400, 'ERR_INPUT', /^body\.ports\[0\]\.guestPort: /],
  ['POST', '/v1/publications', { ports: [{ guestPort: 80, port: 1 }] }, 400, 'ERR_INPUT', /^body\.ports\[0\]: .*port/],
  ['POST', '/v1/publications', { ports: [{ guestPort: 80 }], __proto__x: 1 }, 400, 'ERR_INPUT', /^body: /],
  ['POST', '/v1/publications', 'x'.repeat((1 << 20) + 1), 413, 'ERR_REQUEST', /more than 1048576 bytes/],
  ['DELETE', '/v1/publications/x', undefined, 400, 'ERR_INPUT', /^ids: is not a number/],
  ['DELETE', '/v1/publications/', undefined, 400, 'ERR_INPUT', /^ids: is not a number/],
  ['DELETE', '/v1/publications/1?close=perhaps', undefined, 400, 'ERR_INPUT', /^close: /],
]
for (const [method, path, input, status, code, message] of REFUSED) {
  test(`refused: ${method} ${path} ${JSON.stringify(input)?.slice(0, 60) ?? ''}`, async () => {
    await using world = await started()
    const answer = await ask(world.control, method, path, input)
    const failure = schema.failure.parse(answer.body)
    assert.deepEqual([answer.status, failure.code], [status, code])
    assert.match(failure.message, message)
    assert.doesNotMatch(failure.message, /\n/)
    assert.equal(world.played.published.length, 0)
  })
}

const FAILURES: readonly (readonly [NetloomError, number])[] = [
  [new NetloomError('EADDRINUSE', 'the port is in use', 'choose another'), 409],
  [new NetloomError('EACCES', 'not so low', 'higher'), 403],
  [new NetloomError('ERR_PUBLISH', 'no address', 'give one', 2), 400],
]
for (const [failure, status] of FAILURES) {
  test(`what cannot be published is told as it is: ${failure.code}`, async () => {
    await using world = await started()
    world.played.failure = failure
    const answer = await ask(world.control, 'POST', '/v1/publications', { ports: [{ guestPort: 80 }] })
    const { code, message, hint } = failure
    assert.deepEqual(answer, { status, body: { code, message, hint } })
  })
}

test('the socket is the user’s alone, and goes with its folder', async () => {
  const { control } = await started()
  assert.equal(statSync(control.path).mode & 0o777, 0o600)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.deepEqual(await runningNetworks(), ['played'])
  await control.close()
  assert.ok(!existsSync(folder))
})

test('a name is refused while a network has it, and free again after that', async () => {
  const world = await started()
  await assert.rejects(started(), {
    code: 'ERR_NAME_IN_USE',
    message: /^a network with the name 'played' is running; choose another --name/,
  })
  assert.equal((await ask(world.control, 'GET', '/v1/network')).status, 200)
  await world.control.close()
  await using _again = await started()
})

test('the socket of a process that was killed is replaced', async () => {
  mkdirSync(folder, { mode: 0o700 })
  const path = join(folder, 'played.sock')
  // A file that nobody listens on, as a kill leaves it: a listener whose file outlives it under another name.
  const gone = createServer().listen(`${path}.gone`)
  await once(gone, 'listening')
  linkSync(`${path}.gone`, path)
  gone.close()
  await using world = await started()
  assert.equal((await ask(world.control, 'GET', '/v1/network')).status, 200)
})

test('a folder that others may enter, or that is a link, is not used', async () => {
  mkdirSync(folder)
  chmodSync(folder, 0o755)
  await assert.rejects(started(), { code: 'ERR_CONTROL', message: /others may enter it; chmod 700/ })
  rmSync(folder, { recursive: true })
  symlinkSync(scratch, folder)
  await assert.rejects(started(), { code: 'ERR_CONTROL', message: /it is no folder; remove it/ })
  rmSync(folder)
  writeFileSync(folder, '')
  await assert.rejects(started(), { code: 'ERR_CONTROL', message: /it is no folder; remove it/ })
})

test('which network is meant, where one runs, none, or several', async () => {
  await assert.rejects(chooseNetwork(undefined), { code: 'ERR_NO_NETWORK', exitCode: 1 })
  await using _one = await started()
  assert.equal(await chooseNetwork(undefined), 'played')
  const other = await ControlServer.start('other', new PlayedNetwork() as unknown as Network)
  await assert.rejects(chooseNetwork(undefined), {
    code: 'ERR_NO_NETWORK',
    exitCode: 2,
    message: /^2 networks run: other, played; say which/,
  })
  await assert.rejects(chooseNetwork('../x'), { code: 'ERR_NAME', exitCode: 2 })
  await other.close()
})

test('a client that says nothing is cut off, and so is one that never ends', async () => {
  await using world = await started(20)
  const silent = await connected(world.control)
  const endless = await connected(world.control)
  endless.write('POST /v1/publications HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{')
  await Promise.all([once(silent, 'close'), once(endless, 'close')])
  assert.equal((await ask(world.control, 'GET', '/v1/network')).status, 200)
})

test('a client that does not read its answer is cut off', async () => {
  await using world = await started(50)
  world.played.flowCount = 32_768
  const socket = await connected(world.control)
  socket.pause()
  // Not one that the server has yet to see.
  while (world.control.clients === 0) await new Promise((resolve) => setImmediate(resolve))
  socket.write('GET /v1/flows HTTP/1.1\r\nhost: x\r\n\r\n')
  // Some of it is in the kernel's buffers; reading that shows that it ends before all has come.
  while (world.control.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  let length = 0
  socket.on('data', (data) => {
    length += data.length
  })
  socket.resume()
  await once(socket, 'close')
  assert.ok(length < 32_768 * 100)
})

test('clients that hold all places keep nobody out', async () => {
  await using world = await started()
  const silent = await Promise.all(Array.from({ length: 100 }, () => connected(world.control)))
  assert.equal((await ask(world.control, 'GET', '/v1/network')).status, 200)
  assert.ok(world.control.clients <= 32)
  for (const socket of silent) socket.destroy()
})

test('a client that goes in the middle of its request leaves nothing', async () => {
  await using world = await started()
  for (let i = 0; i < 200; i++) {
    const socket = await connected(world.control)
    socket.write('POST /v1/publications HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"ports":[{"guestPort":80}')
    socket.destroy()
  }
  assert.equal((await ask(world.control, 'GET', '/v1/network')).status, 200)
  while (world.control.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(world.played.published.length, 0)
})

test('what is no HTTP is answered as that', async () => {
  await using world = await started()
  const socket = await connected(world.control)
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  socket.end('\x16\x03\x01 hello\r\n\r\n')
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1\.1 400 [\s\S]*"code":"ERR_REQUEST"/)
})
