// A process that may have few descriptors: there are fewer flows, whoever asked for more is told, and nobody takes a lack of ours for a
// fault of where he wanted to go.
import assert from 'node:assert/strict'
import { e2e } from '../support/e2e.js'
import { until } from '../support/program.js'
import { answer, Sandbox, userProgram } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { NETLOOM } from '../support/world.js'

const GATEWAY = '10.0.2.2'

/** netloom in a process with `limit` descriptors at most. */
const limited = (limit: number, args: readonly string[]) =>
  userProgram(['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh', ...NETLOOM, 'run', ...args])

/** Opens connections until one fails or is not answered for a second, then says how many there were, and why. */
const CONNECTS = `import errno, socket, sys
c = []
try:
    while len(c) < 500: c.append(socket.create_connection(('${GATEWAY}', int(sys.argv[1])), timeout=1))
    print('all')
except OSError as e: print(len(c), 'timed out' if isinstance(e, TimeoutError) else errno.errorcode[e.errno])`

e2e('with few descriptors there are fewer flows, and a connection too many waits for its turn', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(limited(300, ['--max-flows=4096', '--', 'python3', '-c', CONNECTS, String(host.port)]))
  const { status, stdout, stderr } = await program.finished
  assert.equal(status, 0, program.describe())
  assert.match(stderr, /^netloom: warning: maxFlows is 44, not 4096[^\n]* 300 open files; raise `ulimit -Hn`\n$/)
  assert.equal(stdout, '44 timed out\n')
})

e2e('a default that is lowered is no warning', async (scope) => {
  const program = scope.use(limited(1000, ['--', 'true']))
  const { status, stderr } = await program.finished
  assert.deepEqual([status, stderr], [0, ''], program.describe())
})

e2e('while there are none at all a connect waits, and is not told that the host cannot be reached', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const host = scope.use(await TcpHost.start())
  const allow = async (descriptors: number) => {
    const { status } = await userProgram(['prlimit', `--pid=${sandbox.stack}`, `--nofile=${descriptors}:`], { input: '' }).finished
    assert.equal(status, 0)
  }
  await allow(0)
  const program = scope.use(sandbox.guest('tcp.py', 'connect', GATEWAY, host.port))
  await until(
    async () => (await sandbox.must(['ss', '-Htn', 'state', 'syn-sent'])) !== '',
    () => 'the program did not try to connect',
  )
  await allow(1000)
  const { error, retransmitted } = await answer<{ error: string | null; retransmitted: number }>(program)
  assert.equal(error, null)
  assert.ok(retransmitted >= 1)
})
