// `netloom publish` and the control socket of a network that runs: ports come and go while traffic flows, what went through them is counted,
// and what a client of the socket does or leaves undone is nobody else's matter.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { e2e, shared } from '../support/e2e.js'
import { Program, until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { everything } from '../support/stream.js'
import { world } from '../support/world.js'

const SERVER = 8000
const FOLDER = join(world.runtime, 'netloom')

const sandbox = shared(async (scope) => {
  const box = scope.use(await Sandbox.start('--name', 'box'))
  const server = scope.use(box.guest('server.py', SERVER))
  await server.line(/^listening$/m)
  return box
})

interface Publication {
  readonly id: number
  readonly hostAddress: string
  readonly hostPort: number
  readonly counters: Readonly<Record<string, number>>
}

async function publish(...args: readonly string[]): Promise<Publication[]> {
  sandbox()
  const { status, stdout, stderr } = await netloom(['publish', ...args, '--json']).finished
  assert.equal(status, 0, stderr)
  return (JSON.parse(stdout) as { publications: Publication[] }).publications
}

/** One request over the control socket, as any program could make it. */
function ask(method: string, path: string, body?: object): Promise<{ status: number; body: { publications: Publication[] } }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: join(FOLDER, 'box.sock'), method, path, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function echo(port: number, bytes: number): Promise<void> {
  const socket = await client(port)
  const text = 'x'.repeat(bytes)
  socket.end(`echo\n${text}`)
  assert.equal(String(await everything(socket)), text)
}

const descriptors = (): number => readdirSync(`/proc/${sandbox().stack}/fd`).length

e2e('a port that is published while the sandbox runs works, and each connection raises its own line', async () => {
  const [one, other] = await publish('add', `127.0.0.1::${SERVER}`, `127.0.0.1::${SERVER}`)
  await echo(one!.hostPort, 1000)
  await echo(one!.hostPort, 2000)
  const listed = await publish('ls')
  const { counters } = listed.find(({ id }) => id === one!.id)!
  assert.deepEqual([counters['connections'], counters['refused'], counters['current']], [2, 0, 0])
  assert.deepEqual([counters['bytesIn'], counters['bytesOut']], [3000, 3000 + 2 * 'echo\n'.length])
  assert.ok(counters['packetsIn']! > 0 && counters['packetsOut']! > 0)
  assert.deepEqual(new Set(Object.values(listed.find(({ id }) => id === other!.id)!.counters)), new Set([0]))
  const { stdout } = await netloom(['publish', 'ls']).finished
  assert.match(
    stdout,
    new RegExp(
      `^id +conns +current +refused .*rule\\n[\\s\\S]*^ *${one!.id} +2 +0 +0 .*tcp 127\\.0\\.0\\.1:${one!.hostPort} -> 10\\.0\\.2\\.100:8000$`,
      'm',
    ),
  )
  await publish('rm', String(one!.id), String(other!.id))
  assert.deepEqual(await publish('ls'), [])
  assert.equal(await everything(connect(one!.hostPort, '127.0.0.1')), 'ECONNREFUSED')
})

e2e('what the sandbox refuses is counted as that', async () => {
  const [one] = await publish('add', '127.0.0.1::81')
  assert.equal(await everything(connect(one!.hostPort, '127.0.0.1')), 'ECONNRESET')
  const [listed] = await publish('ls')
  assert.deepEqual([listed!.counters['connections'], listed!.counters['refused'], listed!.counters['current']], [1, 1, 0])
  await publish('rm', `127.0.0.1:${one!.hostPort}:81`)
})

e2e('taken back, a port’s connections go on; with --close both ends see a reset', async () => {
  const [kept, closed] = await publish('add', `127.0.0.1::${SERVER}`, `127.0.0.1::${SERVER}`)
  const sockets = await Promise.all([client(kept!.hostPort), client(closed!.hostPort)])
  for (const socket of sockets) {
    socket.write('echo\nx')
    await once(socket, 'data')
  }
  const [gone] = await publish('rm', String(kept!.id))
  assert.equal(gone!.counters['connections'], 1)
  const reset = everything(sockets[1])
  await publish('rm', '--close', String(closed!.id))
  assert.equal(await reset, 'ECONNRESET')
  sockets[0].end('y')
  assert.equal(String(await everything(sockets[0])), 'y')
})

e2e('all or none: where the last port is in use nothing is published', async (scope) => {
  const taken = createServer().listen(28_009, '127.0.0.1')
  await once(taken, 'listening')
  scope.defer(() => void taken.close())
  const { status, stderr } = await netloom(['publish', 'add', '127.0.0.1:28000-28009:80-89']).finished
  assert.equal(status, 1)
  assert.match(stderr, /^netloom: cannot listen on 127\.0\.0\.1:28009: the port is in use/)
  assert.deepEqual(await publish('ls'), [])
})

e2e('1,000 ports at once, and away again', async () => {
  const opened = await publish('add', '127.0.0.1:29000-29999:7000-7999')
  assert.equal(opened.length, 1000)
  assert.equal((await publish('rm', '127.0.0.1:29000-29999:7000-7999')).length, 1000)
  assert.deepEqual(await publish('ls'), [])
})

e2e('10,000 ports come and go while a transfer runs, and leave nothing', async () => {
  const [main] = await publish('add', `127.0.0.1::${SERVER}`)
  const socket = await client(main!.hostPort)
  const bytes = 400_000_000
  socket.write(`send ${bytes}\n`)
  let length = 0
  socket.on('data', (data) => {
    length += data.length
  })
  const ended = once(socket, 'end')
  const before = descriptors()
  const ports = Array.from({ length: 100 }, () => ({ hostAddress: '127.0.0.1', guestPort: 81 }))
  for (let i = 0; i < 100; i++) {
    const added = await ask('POST', '/v1/publications', { ports })
    assert.equal(added.status, 201)
    const removed = await ask('DELETE', `/v1/publications/${added.body.publications.map(({ id }) => id).join(',')}`)
    assert.equal(removed.status, 200)
  }
  await ended
  assert.equal(length, bytes)
  socket.end()
  await publish('rm', String(main!.id))
  await until(
    () => descriptors() <= before,
    () => `${descriptors()} descriptors, ${before} before`,
  )
})

e2e('clients that are killed, silent or slow are nobody else’s matter', async () => {
  const [one] = await publish('add', `127.0.0.1::${SERVER}`)
  const before = descriptors()
  const path = join(FOLDER, 'box.sock')
  const silent = connect(path)
  await once(silent, 'connect')
  const body = '{"ports":[{"guestPort":80'
  const head = `POST /v1/publications HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 100\\r\\n\\r\\n${body}`
  const script = `s = require('net').connect('${path}'); s.write('${head}', () => process.stdout.write('sent\\n'))`
  const killed = new Program([world.node, '-e', script])
  await killed.line(/^sent$/m)
  killed.kill('SIGKILL')
  await killed.finished
  await echo(one!.hostPort, 1000)
  assert.equal((await publish('ls')).length, 1)
  await publish('rm', String(one!.id))
  silent.destroy()
  await until(
    () => descriptors() <= before,
    () => `${descriptors()} descriptors, ${before} before`,
  )
})

e2e('the socket of a network that was killed is taken away by the next who looks', async () => {
  sandbox()
  const program = netloom(['run', '--name', 'killed', '--', 'sh', '-c', 'echo up; exec sleep 300'])
  await program.line(/^up$/m)
  program.kill('SIGKILL')
  await program.finished
  assert.ok(existsSync(join(FOLDER, 'killed.sock')))
  const { stdout } = await netloom(['ps']).finished
  assert.match(stdout, /^name +pid +sandbox +interface +flows\nbox +\d+ +10\.0\.2\.100\/24 +tap0 +\d+\n$/)
  assert.ok(!existsSync(join(FOLDER, 'killed.sock')))
})

const BAD: readonly (readonly [readonly string[], number, RegExp])[] = [
  [['publish'], 2, /it is not said what to do; use `netloom publish add`, `rm` or `ls`/],
  [['publish', 'list'], 2, /'list' is nothing that can be done/],
  [['publish', 'add'], 2, /no port to publish is given/],
  [['publish', 'add', '8000-7000:1-2'], 2, /ends before it begins/],
  [['publish', 'add', '80:80/sctp'], 2, /asks for 'sctp'/],
  [['publish', 'add', '203.0.113.9:8000:80'], 1, /the address is none of this host/],
  [['publish', 'rm', '999'], 1, /there is no publication 999/],
  [['publish', 'rm', '127.0.0.1:1:1'], 2, /127\.0\.0\.1:1:1 is not published; see `netloom publish ls`/],
  [['publish', 'ls', '--network', 'nobody'], 1, /no network with the name 'nobody' runs; see `netloom ps`/],
  [['publish', 'ls', '--network', '../x'], 2, /'\.\.\/x' cannot be the name of a network/],
  [['run', '--name', 'box', '--', 'true'], 1, /a network with the name 'box' is running; choose another --name/],
  [['run', '--name', 'a/b', '--', 'true'], 2, /'a\/b' cannot be the name of a network/],
]
for (const [args, status, line] of BAD) {
  e2e(`${args.join(' ')}: one line`, async () => {
    sandbox()
    const outcome = await netloom(args).finished
    assert.match(outcome.stderr, line)
    assert.equal(outcome.stderr.trimEnd().split('\n').length, 1)
    assert.equal(outcome.status, status)
  })
}
