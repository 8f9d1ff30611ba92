// What a process that serves a network has left of its rights, seen from outside: capabilities, files, system calls; and that the network does
// not miss them. Of every system call on the list the running process itself is made to try it.
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { run, until } from '../support/program.js'
import { keepResolvConf, Resolver } from '../support/resolver.js'
import { Attached, answer, Bare, Sandbox } from '../support/sandbox.js'
import { Slirp } from '../support/slirp.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram, world } from '../support/world.js'

const LOW_PORTS = '0000000000000400'
const NOTHING = '0000000000000000'
const SIGSYS = 31

/** One field of proc(5), status, of every thread; the same of all. */
function ofThreads(pid: number, field: string): string {
  const found = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    return new RegExp(`^${field}:\\s*(\\S+)$`, 'm').exec(status)?.[1]
  })
  assert.ok(found.length > 4, 'Node has several threads')
  assert.equal(new Set(found).size, 1, `${field}: ${found}`)
  return found[0]!
}

async function expectTcp(scope: Scope, target: Bare | Sandbox): Promise<void> {
  const host = scope.use(await TcpHost.start())
  const program = target.guest('tcp.py', 'exchange', '10.0.2.2', host.port, 100_000)
  const peer = await host.accept()
  const received = await peer.receive()
  peer.end()
  const { sent } = await answer<{ sent: unknown }>(program)
  assert.deepEqual(received, sent)
}

/** DNS follows the host's resolv.conf when another file takes its place. */
async function expectFollowed(scope: Scope, target: Bare | Sandbox, names: readonly [Resolver, Resolver]): Promise<void> {
  const lookUp = () => target.must(['dig', '+short', '@10.0.2.3', 'site.test'])
  assert.equal(await lookUp(), '192.0.2.1\n')
  writeFileSync('/etc/resolv.conf.next', 'nameserver 127.0.0.3\n')
  symlinkSync('resolv.conf.next', '/etc/resolv.conf.link')
  renameSync('/etc/resolv.conf.link', '/etc/resolv.conf')
  scope.defer(async () => void (await run(['rm', '-f', '/etc/resolv.conf.next'])))
  await until(
    async () => (await lookUp()) === '192.0.2.2\n',
    `the second server is not asked; the first was ${names[0].count('site.test')} times`,
  )
}

async function startResolvers(scope: Scope): Promise<readonly [Resolver, Resolver]> {
  keepResolvConf(scope)
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.2\n')
  const at = (data: string) => ({ 'site.test': [{ type: 'A' as const, name: 'site.test', ttl: 1, data }] })
  return [scope.use(await Resolver.start('127.0.0.2', at('192.0.2.1'))), scope.use(await Resolver.start('127.0.0.3', at('192.0.2.2')))]
}

e2e('slirp4netns --enable-sandbox --enable-seccomp: /etc and /run alone, one capability, a filter, on every thread', async (scope) => {
  const names = await startResolvers(scope)
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', '--enable-sandbox', '--enable-seccomp', String(target.inside), 'tap0']))
  const { pid } = slirp.program
  for (const thread of readdirSync(`/proc/${pid}/task`))
    assert.deepEqual(readdirSync(`/proc/${pid}/task/${thread}/root`).sort(), ['etc', 'run'], thread)
  assert.deepEqual(readdirSync(`/proc/${pid}/cwd`).sort(), ['etc', 'run'])
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) assert.equal(ofThreads(pid, set), LOW_PORTS, set)
  for (const set of ['CapInh', 'CapAmb']) assert.equal(ofThreads(pid, set), NOTHING, set)
  assert.deepEqual([ofThreads(pid, 'NoNewPrivs'), ofThreads(pid, 'Seccomp')], ['1', '2'])
  for (const line of readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trimEnd().split('\n'))
    assert.match(line, /^\d+ \d+ \S+ \S+ \S+ ro,nosuid,nodev,noexec[ ,]/)
  await expectTcp(scope, target)
  await expectFollowed(scope, target, names)
})

e2e('slirp4netns --enable-sandbox: the root of the target can neither look into it nor trace it', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', '--enable-sandbox', String(target.inside), 'tap0']))
  const { pid } = slirp.program
  const namespace = readlinkSync(`/proc/${pid}/ns/user`)
  for (const other of [process.pid, target.inside]) assert.notEqual(namespace, readlinkSync(`/proc/${other}/ns/user`))
  for (const file of ['mem', 'environ', 'maps']) {
    const opened = await target.exec(['sh', '-c', `exec 3< /proc/${pid}/${file} && head -c 1 <&3`])
    assert.match(opened.stderr, /Permission denied/, file)
  }
  for (const link of ['root', 'cwd', 'exe', 'fd/0'])
    assert.notEqual((await target.exec(['readlink', `/proc/${pid}/${link}`])).status, 0, link)
  const traced = await target.exec([...guestProgram('syscall.py'), String(pid), 'kill', 'own', '0'])
  assert.match(traced.stderr, /PermissionError: .* ptrace/)
  await expectTcp(scope, target)
})

/** A network manager's folder in /run: resolv.conf, a socket, and another folder. */
async function startManager(scope: Scope): Promise<string> {
  const folder = mkdtempSync('/run/netloom-test-')
  scope.defer(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const bus = createServer()
  scope.defer(() => void bus.close())
  await new Promise<void>((resolve) => bus.listen(join(folder, 'bus'), resolve))
  mkdirSync(join(folder, 'private'))
  writeFileSync(join(folder, 'private/secret'), '')
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.2\n')
  return folder
}

e2e(
  'slirp4netns --enable-sandbox: of /run there is what resolv.conf leads to, without sockets, and it is followed there',
  async (scope) => {
    const names = await startResolvers(scope)
    const folder = await startManager(scope)
    rmSync('/etc/resolv.conf')
    symlinkSync(`../var/run/${basename(folder)}/resolv.conf`, '/etc/resolv.conf')
    const target = scope.use(await Bare.start())
    const slirp = scope.use(await Slirp.start(['-c', '--enable-sandbox', String(target.inside), 'tap0']))
    const root = `/proc/${slirp.program.pid}/root`
    assert.deepEqual(readdirSync(`${root}/run`), [basename(folder)])
    assert.ok(statSync(`${root}${folder}/bus`).isFile(), 'the socket is covered')
    assert.deepEqual(readdirSync(`${root}${folder}/private`), [])
    const lookUp = () => target.must(['dig', '+short', '@10.0.2.3', 'site.test'])
    assert.equal(await lookUp(), '192.0.2.1\n')
    writeFileSync(join(folder, 'next'), 'nameserver 127.0.0.3\n')
    renameSync(join(folder, 'next'), join(folder, 'resolv.conf'))
    await until(
      async () => (await lookUp()) === '192.0.2.2\n',
      `the second server is not asked; ${names[0].count('site.test')} times the first`,
    )
  },
)

e2e('slirp4netns --enable-sandbox, by path: it ends when the file goes that stands for the namespace', async (scope) => {
  const target = scope.use(await Bare.start())
  const path = join(world.scratch, 'netns')
  writeFileSync(path, '')
  const must = async (...command: string[]) => assert.equal((await run(command)).status, 0, command.join(' '))
  await must('mount', '--bind', `/proc/${target.inside}/ns/net`, path)
  scope.defer(async () => void (await run(['umount', path])))
  const args = [
    '-c',
    '--enable-sandbox',
    '--enable-seccomp',
    '--netns-type=path',
    `--userns-path=/proc/${target.inside}/ns/user`,
    path,
    'tap0',
  ]
  const slirp = scope.use(await Slirp.start(args))
  await expectTcp(scope, target)
  target.program.kill('SIGKILL')
  await target.program.finished
  await must('umount', path)
  assert.equal((await slirp.program.finished).status, 0)
})

e2e('slirp4netns --enable-seccomp alone: all files, and a filter', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', '--enable-seccomp', String(target.inside), 'tap0']))
  assert.ok(readdirSync(`/proc/${slirp.program.pid}/root`).includes('usr'))
  assert.equal(ofThreads(slirp.program.pid, 'Seccomp'), '2')
  // Which would do system calls that the filter does not see; Node 22 and later would have some.
  for (const descriptor of readdirSync(`/proc/${slirp.program.pid}/fd`))
    assert.doesNotMatch(readlinkSync(`/proc/${slirp.program.pid}/fd/${descriptor}`), /io_uring/)
  await expectTcp(scope, target)
})

e2e('slirp4netns --enable-sandbox ends when the process does whose namespace it is', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', '--enable-sandbox', '--enable-seccomp', String(target.inside), 'tap0']))
  target.program.kill('SIGKILL')
  assert.equal((await slirp.program.finished).status, 0)
})

e2e('run and attach: no capability, no new privileges, a filter, on every thread; and the network is as it was', async (scope) => {
  const names = await startResolvers(scope)
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start(String(target.inside)))
  const sandbox = scope.use(await Sandbox.start())
  for (const pid of [attached.program.pid, sandbox.stack]) {
    for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) assert.equal(ofThreads(pid, set), NOTHING, set)
    assert.deepEqual([ofThreads(pid, 'NoNewPrivs'), ofThreads(pid, 'Seccomp')], ['1', '2'])
  }
  await expectTcp(scope, target)
  await expectTcp(scope, sandbox)
  await expectFollowed(scope, sandbox, names)
})

e2e('--no-sandbox and --no-seccomp leave the process as it is', async (scope) => {
  const sandbox = scope.use(await Sandbox.start('--no-sandbox', '--no-seccomp'))
  assert.deepEqual([ofThreads(sandbox.stack, 'NoNewPrivs'), ofThreads(sandbox.stack, 'Seccomp')], ['0', '0'])
})

/** slirp4netns' list, calls that lead to the same ends, and some that the process has no use for. */
const KILLED = [
  ...['execve', 'execveat', 'lookup_dcookie', 'pidfd_getfd', 'pidfd_open', 'pidfd_send_signal', 'ptrace', 'process_vm_readv'],
  ...['process_vm_writev', 'delete_module', 'finit_module', 'init_module', 'chroot', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'mount'],
  ...['move_mount', 'open_tree', 'pivot_root', 'umount2', 'open_by_handle_at', 'name_to_handle_at', 'setns', 'unshare'],
  ...['kexec_file_load', 'kexec_load', 'reboot', 'bpf', 'keyctl', 'x32 getpid', 'perf_event_open', 'userfaultfd', 'fanotify_init'],
  ...['mount_setattr', 'process_madvise', 'memfd_secret', 'mq_open', 'shmget', 'setuid', 'iopl', 'syslog'],
]
/** clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = ['0x20000', '0x2000000', '0x4000000', '0x8000000', '0x10000000', '0x20000000', '0x40000000']

const EPERM = -1
const ENOSYS = -38
const EPROTONOSUPPORT = -93
const EAFNOSUPPORT = -97

/** What it may try, and is told that it cannot. */
const REFUSED: readonly (readonly [call: string, result: number])[] = [
  ...[['prctl', EPERM] as const, ['personality', EPERM] as const, ['setpriority', EPERM] as const, ['rename', EPERM] as const],
  ...[['clone3', ENOSYS] as const, ['io_uring_setup', ENOSYS] as const, ['none_of_today', ENOSYS] as const],
]
/** No way to a daemon, a bus or the network's card: AF_UNIX, PACKET, ALG, VSOCK; a raw socket, MPTCP, sock_diag; a pair that could be connected elsewhere. */
const SOCKETS: typeof REFUSED = [
  ...['1 1', '1 2', '17 3', '38 5', '40 1'].map((type) => [`socket ${type}`, EAFNOSUPPORT] as const),
  ...['2 3 1', '2 1 262', '10 3 58', '16 3 4'].map((type) => [`socket ${type}`, EPROTONOSUPPORT] as const),
  ['socketpair 1 2', EPERM],
]
/** No signal to anybody, nor a way to have one sent: F_SETOWN, F_SETSIG, FIOSETOWN; TIOCSTI types at the terminal; limits of process 1; a copy of itself. */
const OTHERS: typeof REFUSED = [
  ...['kill 1 0', 'kill 0 0', 'kill -1 0', 'tkill 1 0', 'tgkill 1 1 0', 'rt_sigqueueinfo 1 0', 'fcntl 0 8 1', 'fcntl 0 10 9'],
  ...['ioctl 0 0x8901', 'ioctl 0 0x5412', 'prlimit64 1 7', 'fork', 'clone 17'],
].map((call) => [call, EPERM])
/** What is left: a signal to itself, its own limits; the number of an interface, which is asked for by a name (SIOCGIFINDEX, EFAULT). */
const ALLOWED: typeof REFUSED = [
  ['kill own 0', 0],
  ['tgkill own own 0', 0],
  ['prlimit64 0 7', 0],
  ['ioctl 0 0x8933', -14],
]

const TRACING = { needsRoot: true, architecture: 'x64', timeout: 240_000 }

/** Makes a thread of the process try a call. */
async function attempt(thread: number, ...call: readonly string[]): Promise<{ signal?: number; result?: number }> {
  const outcome = await run([...guestProgram('syscall.py'), String(thread), ...call])
  assert.equal(outcome.status, 0, outcome.stderr)
  return JSON.parse(outcome.stdout)
}

e2e(
  'every system call on the list ends the running process, of a worker thread, too',
  async (scope) => {
    const target = scope.use(await Bare.start())
    const calls = [...KILLED.map((name) => [name]), ...NAMESPACE_FLAGS.map((flag) => ['clone', flag])]
    for (const [i, call] of calls.entries()) {
      const attached = scope.use(await Attached.start('--disable-control', String(target.inside)))
      const threads = readdirSync(`/proc/${attached.program.pid}/task`)
      const thread = Number(i % 2 === 0 ? threads[0] : threads[2])
      assert.deepEqual(await attempt(thread, ...call), { signal: SIGSYS }, call.join(' '))
      assert.equal((await attached.program.finished).signal, 'SIGSYS', call.join(' '))
    }
  },
  TRACING,
)

e2e(
  'what V8, libuv and the C library may try is refused, as are sockets and signals to anybody, and the network goes on',
  async (scope) => {
    const target = scope.use(await Bare.start())
    const attached = scope.use(await Attached.start(String(target.inside)))
    for (const [call, result] of [...REFUSED, ...SOCKETS, ...OTHERS, ...ALLOWED])
      assert.deepEqual(await attempt(attached.program.pid, ...call.split(' ')), { result }, call)
    await expectTcp(scope, target)
  },
  TRACING,
)
