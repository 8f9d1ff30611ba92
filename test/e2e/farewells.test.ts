// What a kernel has accepted from the sandbox arrives, however the connection ends there: with the command, the network or the publication, past the
// interface and over it; and who reads slowly gets it, too.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { e2e, type Scope } from '../support/e2e.js'
import { until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'

const BYTES = 6_000_000
/** Sends so much to its one client, and ends without reading what that has said. */
const ONE_SHOT = `import socket
s = socket.create_server(('', 7000))
print('listening', flush=True)
c, a = s.accept()
c.sendall(bytes(${BYTES}))`
/** Sends so much and lives on. */
const STAYS = `${ONE_SHOT}\nprint('sent', flush=True)\nimport sys\nsys.stdin.read()`

/** A client that reads nothing until it is told. */
async function slowClient(scope: Scope, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  scope.defer(() => void socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  return socket
}

/** Reads a little at a time, with breaks; how much there was, and how it ended. */
function readsSlowly(socket: Socket): Promise<readonly [number, string]> {
  let length = 0
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve([length, String(error.code)]))
    socket.on('end', () => resolve([length, 'end']))
    socket.on('data', (data: Buffer) => {
      length += data.length
      socket.pause()
      setImmediate(() => socket.resume())
    })
    socket.resume()
  })
}

let port = 17_540
for (const driver of ['direct', 'tap'] as const) {
  e2e(`the command ends before its client has read (${driver})`, async (scope) => {
    const own = ++port
    const publish = ['--publish-driver', driver, '-p', `127.0.0.1:${own}:7000`]
    const box = netloom(['run', '--disable-control', ...publish, '--', 'python3', '-c', ONE_SHOT])
    scope.use({ close: () => box.close() })
    await box.line(/^listening$/m)
    const socket = await slowClient(scope, own)
    assert.deepEqual(await readsSlowly(socket), [BYTES, 'end'])
    assert.equal((await box.finished).status, 0)
  })

  e2e(`the command has ended, and its client reads when the network is long gone (${driver})`, async (scope) => {
    const own = ++port
    const bytes = 400_000
    const publish = ['--publish-driver', driver, '-p', `127.0.0.1:${own}:7000`]
    const script = ONE_SHOT.replace(String(BYTES), String(bytes))
    const box = netloom(['run', '--disable-control', ...publish, '--', 'python3', '-c', script])
    scope.use({ close: () => box.close() })
    await box.line(/^listening$/m)
    const socket = await slowClient(scope, own)
    assert.equal((await box.finished).status, 0)
    assert.deepEqual(await readsSlowly(socket), [bytes, 'end'])
  })

  e2e(`the publication is taken back with its connections (${driver})`, async (scope) => {
    const own = ++port
    const name = `taken-${driver}`
    const box = scope.use(await Sandbox.start('--name', name, '--publish-driver', driver, '-p', `127.0.0.1:${own}:7000`))
    const server = scope.use(box.spawn(['python3', '-c', STAYS.replace(String(BYTES), '2000000')]))
    await server.line(/^listening$/m)
    const socket = await slowClient(scope, own)
    await server.line(/^sent$/m)
    const given = async (): Promise<number> => {
      const { stdout } = await netloom(['publish', 'ls', '--json', '--network', name]).finished
      return (JSON.parse(stdout) as { publications: readonly { counters: { bytesIn: number } }[] }).publications[0]!.counters.bytesIn
    }
    // What of it is in this side's kernels when nothing moves any more.
    let before = -1
    let now = -1
    await until(
      async () => {
        before = now
        now = await given()
        return now > 0 && now === before
      },
      () => `${now} bytes`,
    )
    const { status } = await netloom(['publish', 'rm', '--close', '--network', name, '1']).finished
    assert.equal(status, 0)
    const [length, how] = await readsSlowly(socket)
    assert.ok(length >= now, `${length} of ${now}`)
    assert.equal(how, 'ECONNRESET')
  })
}
