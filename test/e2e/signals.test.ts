// Signals: what is sent to netloom reaches the command, once; what ends either of them leaves nothing of the other.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { until } from '../support/program.js'
import { netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { guestProgram, NETLOOM } from '../support/world.js'

e2e('INT, TERM, HUP, QUIT and WINCH are forwarded exactly once each', async (scope) => {
  const program = scope.use(netloom(['run', '--', ...guestProgram('signals.py')]))
  await program.line(/^ready$/m)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH'] as const) {
    program.kill(name)
    await program.line(new RegExp(`^got ${name}$`, 'm'))
  }
  program.end()
  const outcome = await program.finished
  assert.equal(outcome.status, 0, outcome.stderr)
  assert.deepEqual(JSON.parse(outcome.stdout.trimEnd().split('\n').at(-1)!), { SIGINT: 1, SIGTERM: 1, SIGHUP: 1, SIGQUIT: 1, SIGWINCH: 1 })
})

e2e('the same signal many times arrives as often as it is taken', async (scope) => {
  const program = scope.use(netloom(['run', '--', ...guestProgram('signals.py')]))
  await program.line(/^ready$/m)
  for (let i = 1; i <= 5; i += 1) {
    program.kill('SIGTERM')
    await program.line(new RegExp(`(got SIGTERM\\n){${i}}`))
  }
  program.end()
  const outcome = await program.finished
  assert.match(outcome.stdout, /\{"SIGTERM": 5\}\n$/)
})

for (const [name, number] of [
  ['SIGTERM', 15],
  ['SIGINT', 2],
  ['SIGHUP', 1],
  ['SIGQUIT', 3],
] as const) {
  e2e(`a command that ${name} ends gives 128 + ${number}`, async (scope) => {
    const program = scope.use(netloom(['run', '--', 'sh', '-c', 'ulimit -c 0; echo ready; exec sleep 300']))
    await program.line(/^ready$/m)
    program.kill(name)
    const outcome = await program.finished
    assert.deepEqual([outcome.status ?? outcome.signal, outcome.stderr], [128 + number, ''])
  })
}

/** The status of netloom when its terminal is taken away from it and the command. */
async function hangUp(scope: Scope, command: readonly string[]): Promise<number> {
  const steps = [['expect', 'ready'], ['hang up']]
  const line = [...guestProgram('terminal.py'), JSON.stringify(steps), ...NETLOOM, 'run', '--', ...command]
  const program = scope.use(userProgram(line, { input: '' }))
  const outcome = await program.finished
  assert.equal(outcome.status, 0, program.describe())
  return JSON.parse(outcome.stdout).status
}

e2e('when the terminal hangs up the command is told, though only the session leader is', async (scope) => {
  assert.equal(await hangUp(scope, ['sh', '-c', 'echo ready; exec sleep 300']), 129)
})

e2e('a command under nohup outlives its terminal, with its network', async (scope) => {
  const outlive = 'echo ready > /dev/tty; while echo > /dev/tty; do sleep 0.02; done 2> /dev/null; grep -q tap0 /proc/net/dev && exit 5'
  assert.equal(await hangUp(scope, ['sh', '-c', 'exec nohup sh -c "$1" < /dev/null > /dev/null 2>&1', 'sh', outlive]), 5)
})

e2e('the command starts with the default disposition and mask of every signal', async (scope) => {
  const outcome = await scope.use(netloom(['run', '--', 'cat', '/proc/self/status'], { input: '' })).finished
  // Node, which is between the two, ignores SIGPIPE and handles many.
  assert.match(outcome.stdout, /^SigBlk:\t0+\nSigIgn:\t0+\nSigCgt:\t0+$/m)
})

e2e('when netloom is killed, the command is killed with it', async (scope) => {
  const program = scope.use(netloom(['run', '--disable-control', '--', 'sh', '-c', 'echo "pid $$"; exec sleep 300']))
  await program.line(/^pid \d+$/m)
  program.kill('SIGKILL')
  // The sleep would hold standard output open: `finished` waits for it.
  const outcome = await program.finished
  assert.equal(outcome.signal, 'SIGKILL')
})

e2e('SIGTERM at any moment of the start ends it and leaves nothing', async (scope) => {
  for (let delay = 0; delay <= 300; delay += 20) {
    const program = scope.use(netloom(['run', '--', 'sleep', '300'], { deadline: 20_000 }))
    await new Promise((resolve) => setTimeout(resolve, delay))
    program.kill('SIGTERM')
    const outcome = await program.finished
    assert.ok(
      outcome.signal === 'SIGTERM' || outcome.status === 143,
      `after ${delay} ms: ${outcome.status ?? outcome.signal}: ${outcome.stderr}`,
    )
  }
})

e2e('the stack ends when its command does, with connections open', async (scope) => {
  const sandbox = await Sandbox.start()
  scope.use(sandbox)
  const server = scope.use(sandbox.guest('echo.py', '10.0.2.100'))
  await server.line(/^port \d+$/m)
  await sandbox.close()
  await until(() => sandbox.program.hasEnded, 'netloom is still there')
  server.kill('SIGKILL')
})
