// Clients of published ports that take all the descriptors there are for them: the sandbox keeps its own network, whoever asks is answered, nobody
// who is connected waits for another one, nothing is busy, and who comes too many is served when others have gone.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { e2e } from '../support/e2e.js'
import { until } from '../support/program.js'
import { netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { everything } from '../support/stream.js'
import { TcpHost } from '../support/tcp-peer.js'
import { NETLOOM } from '../support/world.js'

const PORT = 17_520
/** More than there are descriptors for, and fewer than there are rows for (three quarters of 256). */
const CLIENTS = 180
/** As `ulimit -Hn` of old distributions has it, divided by two, which is as bad and takes less time. */
const LIMIT = 512

async function client(scope: { defer(close: () => void): void }): Promise<Socket> {
  const socket = connect(PORT, '127.0.0.1')
  socket.on('error', () => {})
  scope.defer(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Ticks of processor time of a process. */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function flowsOpen(): Promise<number> {
  const { stdout } = await netloom(['ps', '--json']).finished
  const { networks } = JSON.parse(stdout) as { networks: readonly { name: string; counters: { flowsOpen: number; defects: number } }[] }
  const { counters } = networks.find(({ name }) => name === 'crowd')!
  assert.equal(counters.defects, 0)
  return counters.flowsOpen
}

e2e('clients that read nothing, more of them than there are descriptors', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const command = ['run', '--name=crowd', '--max-flows-per-client=4096', '-p', `127.0.0.1:${PORT}:9000`]
  const waiting = ['--', 'sh', '-c', 'echo "pid $$"; exec cat']
  const program = userProgram(['sh', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', ...NETLOOM, ...command, ...waiting], {
    deadline: 110_000,
  })
  const box = scope.use(await Sandbox.of(program))
  const server = scope.use(box.guest('server.py', 9000))
  await server.line(/^listening$/m)
  // Each has bytes under way in a pipe, as long as there are any.
  const clients: Socket[] = []
  for (let i = 0; i < CLIENTS; i++) {
    const socket = await client(scope)
    socket.pause()
    socket.write('send 8000000\n')
    clients.push(socket)
  }
  let open = 0
  await until(
    async () => {
      const before = open
      open = await flowsOpen()
      return open > 60 && open === before
    },
    () => `${open} flows are open`,
    60_000,
  )
  assert.ok(open < CLIENTS)
  // The sandbox's own: TCP and UDP.
  const reached = box.spawn(['bash', '-c', `exec 3<>/dev/tcp/10.0.2.2/${host.port}; echo hello >&3; cat <&3`], { input: '' })
  const peer = await host.accept()
  assert.equal(String((await once(peer.socket, 'data'))[0]), 'hello\n')
  peer.end()
  assert.equal((await reached.finished).status, 0)
  // All of it is at rest.
  const before = ticks(box.stack)
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  assert.ok(ticks(box.stack) - before <= 20, `${ticks(box.stack) - before} ticks of 200`)
  // One that reads gets its bytes, though the others have all the pipes; and when they have gone, so do those that came too many.
  for (const socket of clients.splice(0, 40)) {
    const length = everything(socket).then((bytes) => bytes.length)
    socket.resume()
    assert.equal(await length, 8_000_000)
  }
  const last = clients.at(-1)!
  for (const socket of clients) if (socket !== last) socket.destroy()
  const length = everything(last).then((bytes) => bytes.length)
  last.resume()
  assert.equal(await length, 8_000_000)
})
