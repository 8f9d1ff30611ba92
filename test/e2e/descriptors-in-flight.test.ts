// Descriptors on their way from one program to another, which nobody takes: the kernel counts them by user (unix(7), ETOOMANYREFS). A hostile
// program of the same user can keep others from passing any. Who starts netloom then is told why it does not; a network that runs already finds
// out all the same when its namespace has no process left.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { Bare, userProgram } from '../support/sandbox.js'
import { NETLOOM } from '../support/world.js'

/** Of netloom and of the hostile program: what may be open, and in flight. */
const LIMIT = 600

const limited = (...command: readonly string[]) => userProgram(['sh', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', ...command])

/** Sends descriptors to itself until the kernel takes no more, and keeps them there. */
const FILLS = `import errno, socket, sys
pairs = []
try:
    while True:
        pairs.append(socket.socketpair())
        for i in range(4): socket.send_fds(pairs[-1][0], [b'x'], [0] * 250)
except OSError as e: print(errno.errorcode[e.errno], flush=True)
sys.stdin.read()`

async function fill(scope: Scope): Promise<void> {
  const program = scope.use(limited('python3', '-c', FILLS))
  await program.line(/^ETOOMANYREFS$/m)
}

e2e('with too many in flight run fails, and says why', async (scope) => {
  await fill(scope)
  const program = scope.use(limited(...NETLOOM, 'run', '--', 'true'))
  const { status, stderr } = await program.finished
  assert.equal(status, 1, program.describe())
  assert.match(stderr, /^netloom: no descriptor reaches netloom, for this user's programs have too many [^\n]*ETOOMANYREFS[^\n]*\n$/)
})

e2e('with too many in flight attach ends with the last process of its namespace', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(limited(...NETLOOM, 'attach', String(target.inside)))
  await attached.line(/ready/)
  await fill(scope)
  // What the network does after it has learnt of the first one's end.
  const script = `echo there; while test -d /proc/${target.inside}; do sleep 0.05; done; ping -c 1 -W 5 10.0.2.2 > /dev/null; echo "status $?"; exec cat`
  const second = scope.use(target.spawn(['sh', '-c', script]))
  await second.line(/^there$/m)
  await target.close()
  await second.line(/^status 0$/m)
  await second.close()
  const { status } = await attached.finished
  assert.equal(status, 0, attached.describe())
})
