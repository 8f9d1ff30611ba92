// Node's debugger stays closed. A sandbox may send SIGUSR1, at which Node opens it on the host's loopback; whoever connects to that runs what they like in the
// process. The signal comes at every instant of a start: to each program, and to the one that a hook leaves behind.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { e2e, type Scope } from '../support/e2e.js'
import { type Program, until } from '../support/program.js'
import { Bare, netloom, userProgram } from '../support/sandbox.js'
import { Slirp } from '../support/slirp.js'
import { NETLOOM, userEnvironment, world } from '../support/world.js'

/** When the signal is sent, ms after the start. */
const INSTANTS = Array.from({ length: 40 }, (_, i) => 5 * (i + 1))
const TIMEOUT = 900_000
/** proc(5), net/tcp: TCP_LISTEN. */
const LISTENING = '0A'

/** The local addresses that somebody listens on in this namespace, as /proc writes them. */
function listeners(): string[] {
  return ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/self/net/${name}`, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[3] === LISTENING)
      .map((words) => words[1]!),
  )
}

interface Started {
  readonly program: Program
  readonly ready: Promise<unknown>
}

/** Both ends are right: the network is there, or the signal had its usual effect. Either way nobody listens. */
async function signalled({ program, ready }: Started, instant: number): Promise<void> {
  await delay(instant)
  program.kill('SIGUSR1')
  await Promise.race([ready.catch(() => {}), program.finished])
  assert.deepEqual(listeners(), [], `after ${instant} ms: ${program.describe()}`)
  program.kill('SIGUSR1')
  const { status, signal } = await program.finished
  // A shell's status for it is that of the command, which the signal is passed on to.
  assert.ok(signal === 'SIGUSR1' || status === 138, `after ${instant} ms: ${status ?? signal}: ${program.describe()}`)
  assert.deepEqual(listeners(), [])
}

function startSlirp(scope: Scope, target: Bare, ...options: readonly string[]): Started {
  const slirp = scope.use(new Slirp(['-c', ...options, String(target.inside), 'tap0']))
  return { program: slirp.program, ready: slirp.ready }
}

function startNetloom(scope: Scope, line: RegExp, ...args: readonly string[]): Started {
  const program = scope.use(netloom(args))
  return { program, ready: program.line(line) }
}

const PROGRAMS: Readonly<Record<string, (scope: Scope, target: Bare) => Started>> = {
  run: (scope) => startNetloom(scope, /^inside$/m, 'run', '--disable-control', '--', 'sh', '-c', 'echo inside; exec cat'),
  attach: (scope, target) => startNetloom(scope, /ready/, 'attach', '--disable-control', String(target.inside)),
  'netloom-slirp4netns': (scope, target) => startSlirp(scope, target),
  'netloom-slirp4netns, hardened': (scope, target) => startSlirp(scope, target, '--enable-sandbox', '--enable-seccomp'),
}

for (const [name, start] of Object.entries(PROGRAMS)) {
  e2e(
    `${name}: SIGUSR1 at any instant opens nothing`,
    async (scope) => {
      const target = scope.use(await Bare.start())
      for (const instant of INSTANTS) await signalled(start(scope, target), instant)
    },
    { timeout: TIMEOUT },
  )
}

/** The first child of a process, null before it has one. */
function childOf(pid: number): number | null {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')
    return child === undefined || child === '' ? null : Number(child)
  } catch {
    return null
  }
}

/** A first thread that has ended is not the end: others may hold the interface still. Then nobody has reaped it. */
const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`)

/** False when it has ended before. */
function send(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGUSR1')
  } catch {
    return false
  }
}

e2e(
  'oci-hook: SIGUSR1 to what it leaves behind opens nothing, at any instant',
  async (scope) => {
    const target = scope.use(await Bare.start())
    scope.defer(() => rmSync(join(world.runtime, 'netloom'), { recursive: true, force: true }))
    const state = JSON.stringify({ ociVersion: '1.0.0', id: 'debugged', status: 'created', pid: target.inside, bundle: '/' })
    for (const instant of INSTANTS) {
      const hook = scope.use(userProgram([...NETLOOM, 'oci-hook'], { input: state }))
      await until(() => childOf(hook.pid) !== null || hook.hasEnded, 'the hook starts nothing')
      const attach = childOf(hook.pid)
      assert.ok(attach !== null, hook.describe())
      await delay(instant)
      assert.ok(send(attach), hook.describe())
      await hook.finished
      assert.deepEqual(listeners(), [], `after ${instant} ms: ${hook.describe()}`)
      send(attach)
      await until(() => !isThere(attach), `it is not ended by SIGUSR1, nor by the one after ${instant} ms`)
    }
  },
  { timeout: TIMEOUT },
)

e2e('NODE_OPTIONS opens nothing either, and reaches the command as it was', async (scope) => {
  const environment = { ...userEnvironment, NODE_OPTIONS: '--inspect=127.0.0.1:9339' }
  const program = scope.use(netloom(['run', '--', 'sh', '-c', 'echo "$NODE_OPTIONS"; env; exec cat'], { environment }))
  await program.line(/^--inspect=127\.0\.0\.1:9339$/m)
  assert.deepEqual(listeners(), [])
  program.end()
  const { status, stdout, stderr } = await program.finished
  assert.deepEqual([status, stderr], [0, ''])
  assert.doesNotMatch(stdout, /NETLOOM_NODE_OPTIONS/)
})
