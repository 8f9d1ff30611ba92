// The API socket of slirp4netns, byte by byte, beside the real program where that is installed; and what clients do to it that are slow, silent,
// many, or say too much.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { within } from '../support/program.js'
import { Bare } from '../support/sandbox.js'
import { askApi, REFERENCE, Slirp } from '../support/slirp.js'
import { world } from '../support/world.js'

const API = join(world.runtime, 'api.sock')

interface Row {
  readonly request: string
  readonly answer: string | RegExp
  /** Why the reference does something else. */
  readonly differs?: string
}

const bad = (why: string): string => `{"error":{"desc":"bad request: ${why}"}}`
const add = (given: object): string => JSON.stringify({ execute: 'add_hostfwd', arguments: given })
const FORWARD = { proto: 'tcp', host_addr: '127.0.0.1', host_port: 18_080, guest_addr: '10.0.2.100', guest_port: 80 }
const { host_port: _, ...PORTLESS } = FORWARD
const { proto: __, ...UNNAMED } = FORWARD
const ENTRY = '{"id":1,"proto":"tcp","host_addr":"127.0.0.1","host_port":18080,"guest_addr":"10.0.2.100","guest_port":80}'
const ANY = '{"id":3,"proto":"tcp","host_addr":"0.0.0.0","host_port":18082,"guest_addr":"10.0.2.100","guest_port":80}'

/** One conversation, in this order: numbers go up, and are never used again. */
const ROWS: readonly Row[] = [
  { request: 'foo', answer: bad('cannot parse JSON') },
  { request: '{]', answer: bad('cannot parse JSON') },
  { request: '[1]', answer: bad('json_object() failed') },
  { request: '"execute"', answer: bad('json_object() failed') },
  { request: '{}', answer: bad('no execute found') },
  { request: '{"execute":1}', answer: bad('no execute found') },
  { request: '{"execute":"nothing"}', answer: bad('unknown execute') },
  { request: '{"execute":"list_hostfwd"}', answer: '{"return":{"entries":[]},"entries":[]}', differs: 'has no return' },
  { request: '{"execute":"add_hostfwd"}', answer: bad('add_hostfwd: bad arguments.proto'), differs: 'ends' },
  { request: add(UNNAMED), answer: bad('add_hostfwd: bad arguments.proto'), differs: 'ends' },
  { request: add({ ...FORWARD, proto: 'sctp' }), answer: bad('add_hostfwd: bad arguments.proto') },
  { request: add({ ...FORWARD, host_addr: 'localhost' }), answer: bad('add_hostfwd: bad arguments.host_addr') },
  { request: add(PORTLESS), answer: bad('add_hostfwd: bad arguments.host_port') },
  { request: add({ ...FORWARD, host_port: 0 }), answer: bad('add_hostfwd: bad arguments.host_port') },
  { request: add({ ...FORWARD, host_port: '80' }), answer: bad('add_hostfwd: bad arguments.host_port') },
  { request: add({ ...FORWARD, host_port: 70_000 }), answer: bad('add_hostfwd: bad arguments.host_port'), differs: 'takes its lower bits' },
  { request: add({ ...FORWARD, host_port: 80.5 }), answer: bad('add_hostfwd: bad arguments.host_port'), differs: 'takes a whole part' },
  { request: add({ ...FORWARD, guest_addr: 'guest' }), answer: bad('add_hostfwd: bad arguments.guest_addr') },
  {
    request: add({ ...FORWARD, guest_addr: '192.0.2.1' }),
    answer: bad('add_hostfwd: bad arguments.guest_addr'),
    differs: 'listens for nobody',
  },
  { request: add({ ...FORWARD, guest_port: 0 }), answer: bad('add_hostfwd: bad arguments.guest_port') },
  { request: add({ ...FORWARD, proto: 'sctp', host_addr: 'x', host_port: 0 }), answer: bad('add_hostfwd: bad arguments.proto') },
  { request: add({ ...FORWARD, host_addr: 'x', host_port: 0, guest_addr: 'x' }), answer: bad('add_hostfwd: bad arguments.host_addr') },
  { request: add({ ...FORWARD, guest_addr: 'x', guest_port: 0 }), answer: bad('add_hostfwd: bad arguments.guest_addr') },
  { request: add(FORWARD), answer: '{"return":{"id":1}}' },
  {
    request: add(FORWARD),
    answer: /^\{"error":\{"desc":"bad request: add_hostfwd: slirp_add_hostfwd failed: EADDRINUSE: [^"]+"\}\}$/,
    differs: 'does not say why',
  },
  {
    request: add({ ...FORWARD, host_addr: '192.0.2.7' }),
    answer: /^\{"error":\{"desc":"bad request: add_hostfwd: slirp_add_hostfwd failed: EADDRNOTAVAIL: [^"]+"\}\}$/,
    differs: 'does not say why',
  },
  { request: add({ ...FORWARD, proto: 'udp' }), answer: '{"return":{"id":2}}' },
  // As Podman asks.
  {
    request: `${add({ proto: 'tcp', host_addr: '', host_port: 18_082, guest_addr: '', guest_port: 80 })}\n`,
    answer: '{"return":{"id":3}}',
  },
  { request: '{"execute":"remove_hostfwd","arguments":{"id":2}}', answer: '{"return":{}}' },
  {
    request: '{"execute":"list_hostfwd"}',
    answer: `{"return":{"entries":[${ENTRY},${ANY}]},"entries":[${ENTRY},${ANY}]}`,
    differs: 'has no return',
  },
  { request: '{"execute":"remove_hostfwd","arguments":{"id":2}}', answer: bad('remove_hostfwd: bad arguments.id') },
  { request: '{"execute":"remove_hostfwd","arguments":{"id":"1"}}', answer: bad('remove_hostfwd: bad arguments.id') },
  { request: '{"execute":"remove_hostfwd"}', answer: bad('remove_hostfwd: bad arguments.id') },
  { request: add({ proto: 'tcp6', host_port: 18_083, guest_port: 80 }), answer: '{"return":{"id":4}}', differs: 'knows IPv4 alone' },
  { request: add({ ...FORWARD, host_addr: '::1' }), answer: '{"return":{"id":5}}', differs: 'knows IPv4 alone' },
  {
    request: add({ ...FORWARD, proto: 'tcp4', host_addr: '::1' }),
    answer: bad('add_hostfwd: bad arguments.host_addr'),
    differs: 'has no tcp4',
  },
  { request: '{"execute":"list_hostfwd"} and more', answer: /^\{"return":/, differs: 'has no return' },
]

async function start(scope: Scope, path?: string, ...args: readonly string[]): Promise<Bare> {
  const target = scope.use(await Bare.start())
  scope.use(await Slirp.start(['-c', `-a${API}`, ...args, String(target.inside), 'tap0'], path === undefined ? {} : { path }))
  return target
}

async function converse(rows: readonly Row[]): Promise<void> {
  for (const { request, answer } of rows) {
    const given = await askApi(API, [request])
    if (typeof answer === 'string') assert.equal(given, answer, request)
    else assert.match(given, answer, request)
  }
}

const LIST = '{"execute":"list_hostfwd"}'
const EMPTY = '{"return":{"entries":[]},"entries":[]}'

e2e('every request, every mistake, in these very bytes', async (scope) => {
  await start(scope)
  await converse(ROWS)
})

e2e(
  'slirp4netns itself answers the same',
  async (scope) => {
    // A signal may end it before it has heard that its exit descriptor is closed: then its socket stays.
    scope.defer(() => rmSync(API, { force: true }))
    await start(scope, REFERENCE)
    await converse(ROWS.filter(({ differs }) => differs === undefined))
  },
  { needs: ['slirp4netns'] },
)

e2e('a request in pieces, with the writing half closed, empty, and too long', async (scope) => {
  await start(scope)
  assert.equal(await askApi(API, ['{"exec', 'ute":"list_', 'hostfwd"', '}\n']), EMPTY)
  assert.equal(await askApi(API, [LIST], { isHalfClosed: true }), EMPTY)
  assert.equal(await askApi(API, ['{"execute":"list_hostfwd"'], { isHalfClosed: true }), bad('cannot parse JSON'))
  assert.equal(await askApi(API, [], { isHalfClosed: true }), bad('cannot parse JSON'))
  const long = `{"execute":"${'x'.repeat(4096)}"}`
  assert.equal(await askApi(API, [long]), bad('too large message'))
  // More than its socket takes: the answer comes all the same.
  assert.equal(await askApi(API, [`{"execute":"${'x'.repeat(1_000_000)}`]), bad('too large message'))
  assert.equal(await askApi(API, [`{"execute":"list_hostfwd","why":"${'x'.repeat(4000)}"}`]), EMPTY)
})

e2e('clients that say nothing, and many, keep nobody out and no traffic up', async (scope) => {
  const target = await start(scope)
  const silent = Array.from({ length: 100 }, () => connect(API))
  scope.defer(() => {
    for (const socket of silent) socket.destroy()
  })
  for (const socket of silent) socket.on('error', () => {})
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  await target.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => askApi(API, [LIST]))), new Array(20).fill(EMPTY))
})

/** What a client on the host's loopback is told. */
function hear(scope: Scope, protocol: string, port: number): Promise<string> {
  const heard = new Promise<string>((resolve, reject) => {
    if (protocol === 'tcp') {
      const socket = connect(port, '127.0.0.1').on('error', reject)
      scope.defer(() => void socket.destroy())
      return void socket.once('data', (data) => resolve(data.toString()))
    }
    const socket = createSocket('udp4').on('error', reject)
    scope.defer(() => void socket.close())
    socket.once('message', (data) => resolve(data.toString()))
    socket.send('?', port, '127.0.0.1')
  })
  return within(heard, `a client of ${protocol} was told nothing`)
}

e2e('published ports, the host closed to the guest as Podman has it: clients on loopback are the gateway, each time', async (scope) => {
  const target = await start(scope, undefined, '--disable-host-loopback')
  const server = scope.use(target.guest('udp_server.py', '0.0.0.0', 80))
  await server.line(/^listening$/m)
  for (const proto of ['tcp', 'udp']) {
    assert.match(await askApi(API, [add({ ...FORWARD, proto })]), /^\{"return":\{"id":\d\}\}$/)
    for (let i = 0; i < 2; i++) assert.match(await hear(scope, proto, FORWARD.host_port), /^10\.0\.2\.2 \d+/)
  }
})

e2e('a port that was removed can be listened on by others', async (scope) => {
  await start(scope)
  await askApi(API, [add(FORWARD)])
  await askApi(API, ['{"execute":"remove_hostfwd","arguments":{"id":1}}'])
  const again = createServer()
  await new Promise<void>((resolve, reject) => again.once('error', reject).listen(FORWARD.host_port, '127.0.0.1', resolve))
  again.close()
})
