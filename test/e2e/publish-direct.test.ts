// Published ports past the interface, from kernel to kernel: with programs that people publish, and where servers may be reached.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { e2e, shared } from '../support/e2e.js'
import { must, until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { everything } from '../support/stream.js'
import { world } from '../support/world.js'

const LOOPBACK_SERVER =
  "import socket, sys; s = socket.create_server(('127.0.0.1', 7000)); print('listening', flush=True)\nwhile True: c, a = s.accept(); c.recv(9); c.sendall(a[0].encode()); c.close()"
const HTTP_PORT = 17_080
const IPERF_PORT = 17_201
const IDLE_PORT = 17_300

const sandbox = shared(async (scope) => {
  const box = scope.use(
    await Sandbox.start(
      // Servers that are stopped by a signal: what nsenter(1) starts is its own process then.
      '--share-pid',
      '--name',
      'direct',
      '-p',
      `127.0.0.1:${HTTP_PORT}:8080`,
      '-p',
      `127.0.0.1:${IPERF_PORT}:5201`,
      '-p',
      `127.0.0.1:${IDLE_PORT}:9000`,
    ),
  )
  const server = scope.use(box.guest('server.py', 9000))
  await server.line(/^listening$/m)
  return box
})

const descriptors = (): number => readdirSync(`/proc/${sandbox().stack}/fd`).length

interface Listed {
  readonly publications: readonly { readonly hostPort: number; readonly counters: Readonly<Record<string, number>> }[]
}

async function countersOf(port: number): Promise<Readonly<Record<string, number>>> {
  const { stdout } = await netloom(['publish', 'ls', '--json', '--network', 'direct']).finished
  return (JSON.parse(stdout) as Listed).publications.find(({ hostPort }) => hostPort === port)!.counters
}

/** What a server answers, to the end of it; an error by its code. */
async function ask(port: number, question: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(question)
  return String(await everything(socket))
}

e2e('nginx in the sandbox answers curl on the host, again and again', async (scope) => {
  const box = sandbox()
  const folder = mkdtempSync(join(world.scratch, 'nginx-'))
  scope.defer(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o777)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  const http = `access_log off; ${paths} server { listen 8080; location / { return 200 "hello\\n"; } }`
  writeFileSync(join(folder, 'nginx.conf'), `user root; daemon off; pid ${folder}/pid; events {} http { ${http} }`)
  const server = scope.use(box.spawn(['nginx', '-e', 'stderr', '-c', join(folder, 'nginx.conf')]))
  // It resets as long as nobody listens; then it answers what is no HTTP.
  const isUp = async () => (await ask(HTTP_PORT, '?\r\n\r\n')).includes('400 Bad Request') || server.hasEnded
  await until(isUp, () => server.describe())
  assert.ok(!server.hasEnded, server.describe())
  const before = await countersOf(HTTP_PORT)
  for (let i = 0; i < 3; i++) {
    const answer = await must(['curl', '-s', '-i', `http://127.0.0.1:${HTTP_PORT}/`])
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nServer: nginx[\s\S]*hello\n$/)
  }
  const after = await countersOf(HTTP_PORT)
  assert.equal(after['connections']! - before['connections']!, 3)
})

e2e('iperf3 both ways, and its bytes are counted', async (scope) => {
  const box = sandbox()
  const server = scope.use(box.spawn(['iperf3', '-s', '--forceflush']))
  await server.line(/Server listening/)
  for (const [way, option] of [
    ['bytesOut', '--bidir'],
    ['bytesIn', '-R'],
  ] as const) {
    const before = (await countersOf(IPERF_PORT))[way]!
    const report = JSON.parse(await must(['iperf3', '-c', '127.0.0.1', '-p', String(IPERF_PORT), '-n', '200M', '-J', option])) as {
      end: { sum_received: { bytes: number } }
    }
    assert.ok((await countersOf(IPERF_PORT))[way]! - before >= Math.min(report.end.sum_received.bytes, 200_000_000))
  }
})

e2e('500 connections that say nothing cost the others nothing, and leave nothing', async () => {
  sandbox()
  const before = descriptors()
  const sockets = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const socket = connect(IDLE_PORT, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }),
  )
  await until(async () => (await countersOf(IDLE_PORT))['current'] === 500, 'they are not all open')
  const socket = connect(IDLE_PORT, '127.0.0.1')
  socket.write('whoami\n')
  assert.match(String((await once(socket, 'data'))[0]), /^10\.0\.2\.100 /)
  socket.destroy()
  for (const one of sockets) one.destroy()
  await until(async () => (await countersOf(IDLE_PORT))['current'] === 0, 'they are not all gone')
  // What is kept for the next: sixteen pipes, twenty-four sockets.
  await until(
    () => descriptors() <= before + 2 * 16 + 24,
    () => `${descriptors()} descriptors, ${before} before`,
  )
})

e2e('readers that do not read hold up nobody else', async () => {
  sandbox()
  const stuck = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = connect(IDLE_PORT, '127.0.0.1')
      await once(socket, 'connect')
      socket.write('send 20000000\n')
      socket.pause()
      return socket
    }),
  )
  const socket = connect(IDLE_PORT, '127.0.0.1')
  socket.write('send 30000000\n')
  let length = 0
  socket.on('data', (data) => {
    length += data.length
  })
  await once(socket, 'end')
  assert.equal(length, 30_000_000)
  for (const one of stuck) one.resetAndDestroy()
  await until(async () => (await countersOf(IDLE_PORT))['current'] === 0, 'they are not all gone')
})

e2e('a server on the sandbox’s own loopback is reached where that is allowed, and only there', async (scope) => {
  sandbox()
  for (const [option, expected] of [
    ['--direct-loopback', '127.0.0.1'],
    ['--quiet', 'ECONNRESET'],
  ] as const) {
    const inside = ['python3', '-c', LOOPBACK_SERVER]
    const box = netloom(['run', option, '--disable-control', '-p', '127.0.0.1:17400:7000', '--', ...inside])
    scope.use({ close: () => box.close() })
    await box.line(/^listening$/m)
    assert.equal(await ask(17_400, 'hello'), expected)
    await box.close()
  }
})

e2e('what a command has sent before it ended arrives, past the interface too', async () => {
  sandbox()
  const script =
    "import socket; s = socket.create_server(('', 7001)); print('listening', flush=True); c, a = s.accept(); c.sendall(bytes(4000000))"
  const box = netloom(['run', '--disable-control', '-p', '127.0.0.1:17401:7001', '--', 'python3', '-c', script])
  await box.line(/^listening$/m)
  const socket = connect(17_401, '127.0.0.1')
  let length = 0
  await once(socket, 'connect')
  socket.on('data', (data) => {
    length += data.length
  })
  await once(socket, 'end')
  assert.equal(length, 4_000_000)
  assert.equal((await box.finished).status, 0)
})

e2e('an unknown driver is one line', async () => {
  const { status, stderr } = await netloom(['run', '--publish-driver', 'fast', '--', 'true']).finished
  assert.deepEqual([status, stderr], [2, "netloom: there is no driver 'fast' for published ports; use auto, tap, direct\n"])
})
