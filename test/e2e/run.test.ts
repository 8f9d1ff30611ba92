// `netloom run` as a command that runs a command: exit status, standard streams, environment, identity, terminal, all as with
// env(1) or unshare(1).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { e2e } from '../support/e2e.js'
import { run } from '../support/program.js'
import { netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { asUser, guestProgram, NETLOOM, userEnvironment, world } from '../support/world.js'

const sh = (script: string) => ['run', '--', 'sh', '-c', script]

for (const status of [0, 3, 125, 255]) {
  e2e(`exit status ${status} is passed on`, async (scope) => {
    const outcome = await scope.use(netloom(sh(`exit ${status}`), { input: '' })).finished
    assert.deepEqual({ status: outcome.status, signal: outcome.signal, stderr: outcome.stderr }, { status, signal: null, stderr: '' })
  })
}

for (const [name, number] of [
  ['TERM', 15],
  ['KILL', 9],
  ['SEGV', 11],
  ['USR1', 10],
] as const) {
  e2e(`a command that SIG${name} ends gives status 128 + ${number}`, async (scope) => {
    const outcome = await scope.use(netloom(sh(`kill -${name} $$`), { input: '' })).finished
    assert.equal(outcome.status, 128 + number, outcome.stderr)
    assert.equal(outcome.stderr, '')
  })
}

e2e('standard input and output carry every byte', async (scope) => {
  // Larger than any pipe, with every byte value, and not text.
  const input = randomBytes(3_000_001)
  const outcome = await scope.use(netloom(['run', '--', 'cat'], { input })).finished
  assert.equal(outcome.status, 0, outcome.stderr)
  assert.ok(outcome.output.equals(input), `${outcome.output.length} bytes came back, or others`)
})

e2e('standard error is separate from standard output', async (scope) => {
  const outcome = await scope.use(netloom(sh('echo out; echo err >&2'), { input: '' })).finished
  assert.deepEqual([outcome.stdout, outcome.stderr], ['out\n', 'err\n'])
})

e2e('the end of standard input reaches the command, and standard output is its own to close', async (scope) => {
  const program = scope.use(netloom(sh('read line; echo "got $line"; exec >&-; cat >&2')))
  program.write('first\n')
  await program.line(/^got first$/m)
  program.write('rest')
  program.end()
  const outcome = await program.finished
  assert.deepEqual([outcome.status, outcome.stdout, outcome.stderr], [0, 'got first\n', 'rest'])
})

e2e('works with all standard streams closed', async (scope) => {
  const marker = `${world.temporary}/closed`
  const script = `exec "$@" <&- >&- 2>&-`
  const command = ['sh', '-c', script, 'sh', ...NETLOOM, ...sh(`ip -4 -o address show tap0 > ${marker}; exit 7`)]
  const outcome = await scope.use(userProgram(command, { input: '' })).finished
  assert.equal(outcome.status, 7, outcome.stderr)
  const read = await run(['cat', marker])
  await run(['rm', '-f', marker])
  assert.match(read.stdout, /10\.0\.2\.100\/24/)
})

e2e('environment and working directory are kept, and nothing is added', async (scope) => {
  const environment = { ...userEnvironment, ODD: 'a b\n"c"=$d', EMPTY: '' }
  const options = { environment, directory: world.temporary, input: '' }
  const outcome = await scope.use(netloom(['run', '--', '/usr/bin/env', '-0'], options)).finished
  const plain = await run(asUser(['/usr/bin/env', '-0']), options)
  assert.deepEqual(outcome.stdout.split('\0').sort(), plain.stdout.split('\0').sort())
  const directory = await scope.use(netloom(sh('pwd -P'), options)).finished
  assert.equal(directory.stdout, `${world.temporary}\n`)
})

e2e('the command may have as many files open as its caller, not as Node', async (scope) => {
  const limits = async (script: string) => {
    const command = ['sh', '-c', script, 'sh', ...NETLOOM, ...sh('ulimit -Sn; ulimit -Hn')]
    const { status, stdout, stderr } = await scope.use(userProgram(command, { input: '' })).finished
    assert.equal(status, 0, stderr)
    return stdout
  }
  // The shell is there until the end, and is who called.
  assert.equal(await limits('ulimit -Sn 300; ulimit -Hn 900; "$@"; exit $?'), '300\n900\n')
  // Who sets both limits for us alone means us.
  assert.equal(await limits('ulimit -n 600; exec "$@"'), '600\n600\n')
})

e2e('arguments arrive as they were given', async (scope) => {
  const given = ['', ' ', '--mtu', '-x', '$HOME', 'a\nb', '--', 'ü']
  const outcome = await scope.use(netloom(['run', '--', 'printf', '[%s]', ...given], { input: '' })).finished
  assert.equal(outcome.stdout, given.map((argument) => `[${argument}]`).join(''))
})

e2e('options end at the command, with and without --', async (scope) => {
  const outcome = await scope.use(
    netloom(['run', '--mtu', '1400', 'sh', '-c', 'cat /sys/class/net/tap0/mtu || ip link show tap0'], { input: '' }),
  ).finished
  assert.equal(outcome.status, 0, outcome.stderr)
  const option = await scope.use(netloom(['run', 'echo', '--mtu', '9'], { input: '' })).finished
  assert.equal(option.stdout, '--mtu 9\n')
})

e2e('the command is root of its namespace, by its own user outside', async (scope) => {
  const outcome = await scope.use(netloom(sh('id -u; id -g; cat /proc/self/setgroups'), { input: '' })).finished
  assert.equal(outcome.stdout, '0\n0\ndeny\n')
  const sandbox = scope.use(await Sandbox.start())
  const map = readFileSync(`/proc/${sandbox.inside}/uid_map`, 'latin1')
  assert.deepEqual(map.trim().split(/\s+/), ['0', String(world.user.uid), '1'])
})

e2e('--map-current-user keeps uid and gid', async (scope) => {
  const outcome = await scope.use(
    netloom(['run', '--map-current-user', '--', 'sh', '-c', 'id -u; id -g; ping -c 1 -W 5 10.0.2.2'], { input: '' }),
  ).finished
  assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr)
  assert.deepEqual(outcome.stdout.split('\n').slice(0, 2), [String(world.user.uid), String(world.user.gid)])
})

e2e('a server has port 80, whoever it runs as', async (scope) => {
  const listen = [
    'python3',
    '-c',
    'import socket; socket.create_server(("10.0.2.100", 80)); socket.create_server(("::", 1), family=socket.AF_INET6)',
  ]
  const outcome = await scope.use(netloom(['run', '--map-current-user', '--', ...listen], { input: '' })).finished
  assert.deepEqual([outcome.status, outcome.stderr], [0, ''])
})

e2e("without a command it starts the user's shell", async (scope) => {
  const environment = { ...userEnvironment, SHELL: '/bin/sh' }
  const outcome = await scope.use(netloom(['run'], { environment, input: 'echo "$0"; ip -4 -o address show tap0; exit 5\n' })).finished
  assert.equal(outcome.status, 5, outcome.stderr)
  assert.match(outcome.stdout, /sh\n.*10\.0\.2\.100\/24/)
})

e2e('a command that daemonises does not keep netloom, and what it leaves behind ends with it', async (scope) => {
  const outcome = await scope.use(netloom(sh('setsid sleep 300 > /dev/null 2>&1 < /dev/null & echo left'), { input: '' })).finished
  // That nothing is left, the frame of every test looks.
  assert.deepEqual([outcome.status, outcome.stdout, outcome.stderr], [0, 'left\n', ''])
})

e2e('what the command leaves behind keeps no pipe open, and may finish what it has in hand', async (scope) => {
  // The shell does not wait for the second one, which holds standard output.
  const script = 'sleep 300 & echo finished & exit 4'
  const outcome = await scope.use(netloom(sh(script), { input: '' })).finished
  assert.deepEqual([outcome.status, outcome.stdout], [4, 'finished\n'])
})

e2e('with --share-pid it lives on, without a network', async (scope) => {
  const script = 'setsid sleep 300 > /dev/null 2>&1 < /dev/null & echo $!'
  const outcome = await scope.use(netloom(['run', '--share-pid', '--', 'sh', '-c', script], { input: '' })).finished
  assert.equal(outcome.status, 0, outcome.stderr)
  const left = outcome.stdout.trim()
  scope.defer(async () => void (await run(['kill', '-KILL', left])))
  assert.match((await run(['cat', `/proc/${left}/cmdline`])).stdout, /^sleep/)
  assert.doesNotMatch((await run(['cat', `/proc/${left}/net/dev`])).stdout, /tap0/)
})

e2e('under a terminal the command has the terminal, its size and its changes', async (scope) => {
  const script =
    'test -t 0 && test -t 1 && test -t 2 && stty size; trap "echo changed; stty size" WINCH; echo ready; read line; echo "line $line"; read line'
  const steps = [
    ['expect', '40 100'],
    ['expect', 'ready'],
    ['size', 50, 132],
    ['expect', 'changed'],
    ['expect', '50 132'],
    ['type', 'a\nb\nc\n'],
  ]
  const program = scope.use(
    userProgram([...guestProgram('terminal.py'), JSON.stringify(steps), ...NETLOOM, ...sh(`${script}; exit 9`)], { input: '' }),
  )
  const outcome = await program.finished
  assert.equal(outcome.status, 0, program.describe())
  assert.equal(JSON.parse(outcome.stdout).status, 9)
})

e2e('^C at the terminal reaches the command exactly once', async (scope) => {
  const steps = [['expect', 'ready'], ['type', '\x03'], ['expect', 'got SIGINT'], ['eof'], ['expect', '}']]
  const inside = [...NETLOOM, 'run', '--', ...guestProgram('signals.py')]
  const program = scope.use(userProgram([...guestProgram('terminal.py'), JSON.stringify(steps), ...inside], { input: '' }))
  const outcome = await program.finished
  assert.equal(outcome.status, 0, program.describe())
  const played: { status: number; output: string } = JSON.parse(outcome.stdout)
  assert.equal(played.status, 0)
  assert.match(played.output, /\{"SIGINT": 1(, "SIGWINCH": \d+)?\}|\{"SIGWINCH": \d+, "SIGINT": 1\}/)
})
