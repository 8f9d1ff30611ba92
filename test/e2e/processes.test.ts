// The processes of a sandbox: what they see and reach of the others on the machine, as an attacker would try it, and what ends them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { e2e } from '../support/e2e.js'
import { findInside } from '../support/processes.js'
import { must, run, until } from '../support/program.js'
import { netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { asUser, NETLOOM, userEnvironment } from '../support/world.js'

/** The version of Landlock that the kernel has (landlock_create_ruleset(2)), -1 without. */
const landlock = Number(
  spawnSync('python3', ['-c', 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))'], { encoding: 'utf8' }).stdout,
)
const noScope = landlock < 6 ? 'this kernel has no scope of signals (Landlock 6, Linux 6.12)' : ''

/** proc(5), stat: its third field. */
const stateOf = (pid: number): string => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''

async function expectNetwork(sandbox: Sandbox): Promise<void> {
  await sandbox.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
}

e2e('the command sees process 1, which is ours, itself, and nothing else', async (scope) => {
  const script = 'echo $$; echo /proc/[0-9]*; ls -d /proc/self/ns/net; tr "\\0" " " < /proc/1/cmdline'
  const outcome = await scope.use(netloom(['run', '--', 'bash', '-c', script], { input: '' })).finished
  assert.equal(outcome.status, 0, outcome.stderr)
  assert.match(outcome.stdout, /^(\d+)\n\/proc\/1 \/proc\/\1\n\/proc\/self\/ns\/net\nnetloom-init *$/)
})

e2e('the host has its own message queues and name', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const ns = (pid: number | 'self', kind: string) => readlinkSync(`/proc/${pid}/ns/${kind}`)
  for (const kind of ['pid', 'ipc', 'uts']) assert.notEqual(ns(sandbox.inside, kind), ns('self', kind), kind)
  const inside = ['nsenter', `--target=${sandbox.inside}`, '--user', '--uts', '--preserve-credentials']
  const name = 'import socket; print(socket.gethostname()); socket.sethostname("other"); print(socket.gethostname())'
  assert.equal(await must(asUser([...inside, 'python3', '-c', name])), `${hostname()}\nother\n`)
  assert.notEqual(hostname(), 'other')
})

e2e('kill -STOP -1 and kill -KILL -1 reach the sandbox alone', async (scope) => {
  const program = scope.use(netloom(['run', '--', 'sh', '-c', 'echo "pid $$"; exec sleep 300']))
  const inside = findInside(program.pid, Number((await program.line(/^pid (\d+)$/m))[1]))
  const other = scope.use(userProgram(['sleep', '300']))
  const attack = (script: string) =>
    run(asUser(['nsenter', `--target=${inside}`, '--user', '--mount', '--pid', '--preserve-credentials', '--', 'bash', '-c', script]))
  await attack('kill -STOP -1')
  await until(() => stateOf(inside) === 'T', 'the command is not stopped')
  for (const pid of [program.pid, other.pid]) assert.notEqual(stateOf(pid), 'T')
  await attack('kill -CONT -1; kill -KILL -1')
  const outcome = await program.finished
  assert.deepEqual([outcome.status, outcome.stderr, other.hasEnded], [137, '', false])
})

e2e(
  'kill -STOP 0 reaches no process of the group outside',
  async (scope) => {
    const script = 'echo "pid $$"; read line; kill -STOP 0; echo went on'
    const program = scope.use(netloom(['run', '--', 'sh', '-c', script]))
    const inside = findInside(program.pid, Number((await program.line(/^pid (\d+)$/m))[1]))
    program.write('\n')
    await until(() => stateOf(inside) === 'T', 'the command did not stop itself')
    assert.notEqual(stateOf(program.pid), 'T', 'netloom is stopped')
    process.kill(inside, 'SIGCONT')
    const outcome = await program.finished
    assert.deepEqual([outcome.status, outcome.stderr], [0, ''])
  },
  { skip: noScope },
)

e2e('root of the sandbox cannot take away what covers the host’s /proc, resolv.conf and message queues', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const attack = `
for place in /proc /etc /etc/resolv.conf /dev/mqueue; do umount $place && echo "no $place"; umount --lazy $place && echo "no $place"; done
unshare --mount umount --lazy /proc && echo "no /proc for somebody else"
mount --bind / /mnt && ls /mnt/proc
mount -t tmpfs none /mnt && echo mounts
cat /etc/resolv.conf; cat /proc/1/comm`
  const outcome = await sandbox.exec(['sh', '-c', attack])
  const expected = 'mounts\nnameserver 10.0.2.3\nnetloom-init\n'
  assert.equal(outcome.stdout.replace(/^(search|options) .*\n/gm, ''), expected, outcome.stderr)
})

e2e('process 1 is not ended, stopped, traced or written to by root of the sandbox', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const attack = `
import ctypes, os, signal
for number in range(1, 32): os.kill(1, number)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(16, 1, None, None), libc.ptrace(0x4206, 1, None, None))
for file in ('mem', 'environ', 'root', 'fd/0'):
  try: os.open('/proc/1/' + file, os.O_RDONLY); print('opened', file)
  except OSError: pass
print('alive' if open('/proc/1/stat').read().split()[2] in 'RSD' else 'stopped or ended')`
  assert.equal(await sandbox.must(['python3', '-c', attack]), '-1 -1\nalive\n')
  await expectNetwork(sandbox)
})

for (const [what, share] of [
  ['netloom', 0],
  ['its supervisor', 1],
] as const)
  e2e(`when ${what} is killed, what the command has started ends with it`, async (scope) => {
    const script = 'setsid sleep 300 < /dev/null & echo started; exec sleep 300'
    const program = scope.use(netloom(['run', '--disable-control', '--', 'sh', '-c', script]))
    await program.line(/^started$/m)
    const children = readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'latin1').trim().split(' ').map(Number)
    const supervisor = children.find((pid) => /^netloom-super/.test(readFileSync(`/proc/${pid}/comm`, 'latin1')))!
    process.kill(share === 0 ? program.pid : supervisor, 'SIGKILL')
    // Both sleeps would hold standard output open: `finished` waits for them.
    const outcome = await program.finished
    assert.equal(outcome.status ?? outcome.signal, share === 0 ? 'SIGKILL' : 137)
  })

e2e(
  'where a new /proc is refused the command has processes in common with the host, one line says so, and --share-pid says nothing',
  async () => {
    // As container engines do it.
    const masked = (...args: string[]) => {
      const command = ['unshare', '--mount', 'sh', '-c', 'mount --bind /dev/null /proc/uptime && exec "$@"', 'sh']
      return run([...command, ...asUser([...NETLOOM, 'run', ...args])], { environment: userEnvironment, directory: '/' })
    }
    const looks = ['--', 'sh', '-c', 'readlink /proc/self/ns/pid; cat /proc/1/comm; ip -4 -o address show tap0; exit 6']
    for (const flags of [[], ['--share-pid']]) {
      const outcome = await masked(...flags, ...looks)
      assert.equal(outcome.status, 6, outcome.stderr)
      const [namespace, first, address] = outcome.stdout.split('\n')
      assert.equal(namespace, readlinkSync('/proc/self/ns/pid'))
      assert.notEqual(first, 'netloom-init')
      assert.match(address!, /10\.0\.2\.100/)
      if (flags.length === 0) assert.match(outcome.stderr, /^netloom: warning: [^\n]*\/proc[^\n]*--share-pid[^\n]*\n$/)
      else assert.equal(outcome.stderr, '')
    }
  },
  { needsRoot: true },
)

e2e('--share-pid is the way without a PID namespace: the command is a process among the others, and netloom its parent', async (scope) => {
  const sandbox = scope.use(await Sandbox.start('--share-pid'))
  for (const kind of ['pid', 'ipc', 'uts'])
    assert.equal(readlinkSync(`/proc/${sandbox.inside}/ns/${kind}`), readlinkSync(`/proc/self/ns/${kind}`))
  assert.match(readFileSync(`/proc/${sandbox.inside}/status`, 'latin1'), new RegExp(`^PPid:\\t${sandbox.stack}$`, 'm'))
  assert.ok(readdirSync('/proc').includes(String(sandbox.stack)))
  await expectNetwork(sandbox)
})
