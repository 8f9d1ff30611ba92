// `--publish-auto`: what programs in the sandbox listen on is on the host's loopback as long as they do.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { e2e } from '../support/e2e.js'
import { type Program, until } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'

const LISTEN =
  "import socket, sys; s = socket.create_server((sys.argv[1], int(sys.argv[2]))); print('listening', flush=True); sys.stdin.read()"

async function listen(box: Sandbox, address: string, port: number): Promise<Program> {
  const program = box.spawn(['python3', '-c', LISTEN, address, String(port)])
  await program.line(/^listening$/m)
  return program
}

/** What becomes of a connection. */
async function reach(port: number, host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  } finally {
    socket.destroy()
  }
}

const becomes = (port: number, outcome: string, host?: string): Promise<void> =>
  until(async () => (await reach(port, host)) === outcome, `${port} does not become ${outcome}`)

e2e('a port comes with its listener and goes with it', async (scope) => {
  const box = scope.use(await Sandbox.start('--publish-auto'))
  const programs = [await listen(box, '0.0.0.0', 23_001), await listen(box, '10.0.2.100', 23_002)]
  for (const port of [23_001, 23_002]) {
    await becomes(port, 'connected')
    await becomes(port, 'connected', '::1')
  }
  for (const program of programs) await program.close()
  for (const port of [23_001, 23_002]) await becomes(port, 'ECONNREFUSED')
  // And again.
  scope.use(await listen(box, '0.0.0.0', 23_001))
  await becomes(23_001, 'connected')
})

e2e('ports outside the range, and on the sandbox’s own loopback, are left alone', async (scope) => {
  const box = scope.use(await Sandbox.start('--publish-auto=23100-23199'))
  for (const [address, port] of [
    ['0.0.0.0', 23_200],
    ['127.0.0.1', 23_101],
    ['0.0.0.0', 23_102],
  ] as const)
    scope.use(await listen(box, address, port))
  await becomes(23_102, 'connected')
  assert.deepEqual([await reach(23_200), await reach(23_101)], ['ECONNREFUSED', 'ECONNREFUSED'])
})

e2e('with --direct-loopback those on the loopback are published as well', async (scope) => {
  const box = scope.use(await Sandbox.start('--publish-auto', '--direct-loopback'))
  scope.use(await listen(box, '127.0.0.1', 23_301))
  await becomes(23_301, 'connected')
})

e2e('a port that the host has already is told once, and left alone', async (scope) => {
  const taken = createServer((socket) => socket.end('host')).listen(23_401, '127.0.0.1')
  await once(taken, 'listening')
  scope.defer(() => void taken.close())
  const box = scope.use(await Sandbox.start('--publish-auto'))
  scope.use(await listen(box, '0.0.0.0', 23_401))
  scope.use(await listen(box, '0.0.0.0', 23_402))
  await becomes(23_402, 'connected')
  const lines = box.program.stderr.trimEnd().split('\n')
  assert.equal(lines.length, 1)
  assert.match(
    lines[0]!,
    /^netloom: (?:warning: )?port 23401 of the sandbox is not published: cannot listen on 127\.0\.0\.1:23401: the port is in use/,
  )
})

e2e('while nothing happens it takes next to no processor time', async (scope) => {
  const box = scope.use(await Sandbox.start('--publish-auto'))
  const ticks = (): number => {
    const stat = readFileSync(`/proc/${box.stack}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  }
  // The least of a few tries: what is done once after the start counts for one of them.
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 4 && least > 3; i++) {
    const before = ticks()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    least = Math.min(least, ticks() - before)
  }
  // Of 300 ticks: 1 %, which rounding and the machine's own noise may take.
  assert.ok(least <= 3, `${least} ticks of 300`)
})
