// slirp4netns from its start to its end, as callers see it: what is there when it says that it is ready, and before; every kind of target; every
// way to end, after which nothing is left.
import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { until } from '../support/program.js'
import { answer, Bare, expectNoTap } from '../support/sandbox.js'
import { askApi, runSlirp, SLIRP, Slirp } from '../support/slirp.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram, userEnvironment, world } from '../support/world.js'

const API = join(world.runtime, 'api.sock')
const ENDED = 'exitfd event\ndo_slirp is exiting\n'

/** The namespace has a network that works. */
async function expectNetwork(scope: Scope, target: Bare, gateway = '10.0.2.2'): Promise<void> {
  await target.must(['ping', '-c', '1', '-W', '5', gateway])
  const host = scope.use(await TcpHost.start())
  const program = target.guest('tcp.py', 'exchange', gateway, host.port, 100_000)
  const peer = await host.accept()
  const received = await peer.receive()
  peer.end()
  const { sent } = await answer<{ sent: unknown }>(program)
  assert.deepEqual(received, sent)
}

/** An executable of the test's own. */
function script(name: string, ...lines: readonly string[]): string {
  const path = join(world.scratch, name)
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  chmodSync(path, 0o755)
  return path
}

const isGone = (path: string) => until(() => !existsSync(path), `${path} is still there`)

e2e('--configure: ready is one byte and the end, with the interface as slirp4netns leaves it', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(new Slirp(['-c', '--macaddress=02:00:00:00:00:07', String(target.inside), 'tap0']))
  assert.equal(await slirp.ready, '1')
  const link = await target.must(['ip', '-o', 'link', 'show', 'tap0'])
  assert.match(link, /<BROADCAST,UP,LOWER_UP> mtu 1500 .*link\/ether 02:00:00:00:00:07/)
  assert.match(
    await target.must(['ip', '-4', '-o', 'address', 'show', 'tap0']),
    /inet 10\.0\.2\.100\/24 brd 10\.0\.2\.255 scope global tap0/,
  )
  assert.match(await target.must(['ip', 'route']), /^default via 10\.0\.2\.2 dev tap0 ?\n10\.0\.2\.0\/24/)
  assert.match(await target.must(['ip', '-o', 'link', 'show', 'lo']), /[<,]UP[,>]/)
  await expectNetwork(scope, target)
  const lines = slirp.program.stdout.split('\n')
  assert.deepEqual(lines.slice(0, 3), ['Starting slirp', '* MTU:             1500', '* Network:         10.0.2.0'])
  assert.equal(lines[8], '* Recommended IP:  10.0.2.100')
  assert.equal(lines[9], '* MAC address:     02:00:00:00:00:07')
  assert.match(lines[10]!, /^WARNING: 127\.0\.0\.1:\* on the host is accessible as 10\.0\.2\.2 /)
  assert.match(slirp.program.stderr, /^sent tapfd=\d+ for tap0\nreceived tapfd=\d+\n$/)
})

e2e('--cidr, --mtu, and a name that is too long', async (scope) => {
  const target = scope.use(await Bare.start())
  scope.use(await Slirp.start(['-c', '--cidr=10.9.0.0/16', '--mtu', '9000', String(target.inside), 'abcdefghijklmnopqrst']))
  const shown = await target.must(['ip', 'address', 'show', 'abcdefghijklmno'])
  assert.match(shown, /mtu 9000[\s\S]*inet 10\.9\.0\.100\/16 brd 10\.9\.255\.255/)
  await expectNetwork(scope, target, '10.9.0.2')
})

e2e('--enable-ipv6: a global address at the first look, and a way to the host', async (scope) => {
  const target = scope.use(await Bare.start())
  await target.must(['sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'])
  scope.use(await Slirp.start(['-c', '-6', String(target.inside), 'tap0']))
  assert.match(await target.must(['ip', '-6', 'address', 'show', 'tap0']), /inet6 fd00::\S+\/64 scope global/)
  assert.match(await target.must(['ip', '-6', 'route']), /^default via fe80::2 dev tap0 proto ra/m)
  await target.must(['ping', '-6', '-c', '1', '-W', '5', 'fd00::2'])
})

e2e('without --enable-ipv6 there is a link-local address alone', async (scope) => {
  const target = scope.use(await Bare.start())
  scope.use(await Slirp.start(['-c', String(target.inside), 'tap0']))
  assert.doesNotMatch(await target.must(['ip', '-6', 'address', 'show', 'tap0']), /scope global/)
  const ping = await target.exec(['ping', '-6', '-c', '1', '-W', '1', 'fe80::2%tap0'])
  assert.notEqual(ping.status, 0)
})

e2e('--disable-host-loopback: the gateway answers ping and leads nowhere', async (scope) => {
  const target = scope.use(await Bare.start())
  const host = scope.use(await TcpHost.start())
  const slirp = scope.use(await Slirp.start(['-c', '--disable-host-loopback', String(target.inside), 'tap0']))
  await target.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
  const tried = await target.exec(['bash', '-c', `exec 3<>/dev/tcp/10.0.2.2/${host.port}`])
  assert.match(tried.stderr, /Network is unreachable/)
  assert.doesNotMatch(slirp.program.stdout, /WARNING/)
})

e2e('--disable-dns: its address times out, by TCP and by UDP, as one that nobody has', async (scope) => {
  const target = scope.use(await Bare.start())
  scope.use(await Slirp.start(['-c', '-6', '--disable-dns', String(target.inside), 'tap0']))
  for (const dns of ['10.0.2.3', 'fd00::3']) {
    // The second try comes after a second: nobody has refused the first.
    const { error, retransmitted } = await target.ask<{ error: string; retransmitted: number }>('tcp.py', 'connect', dns, 53, 2)
    assert.equal(error, 'ETIMEDOUT')
    assert.ok(retransmitted > 0)
    assert.equal((await target.ask<{ error: string }>('udp.py', 'refused', dns, 53, 0.5)).error, 'silence')
  }
})

e2e('before Node is started the interface is configured and the API socket listens', async (scope) => {
  const target = scope.use(await Bare.start())
  const folder = join(world.scratch, 'without-node')
  mkdirSync(folder)
  copyFileSync(SLIRP, join(folder, 'slirp4netns'))
  script('without-node/node', 'echo "$@"', 'exec sleep 600')
  const slirp = scope.use(new Slirp(['-c', `--api-socket=${API}`, String(target.inside), 'tap0'], { path: join(folder, 'slirp4netns') }))
  const [line] = await slirp.program.line(/^.*slirp4netns\.cjs .*$/m)
  assert.ok(line.startsWith(`--inspect-port=[ff00::]:0 ${join(folder, 'slirp4netns.cjs')} `), line)
  assert.match(await target.must(['ip', 'route']), /^default via 10\.0\.2\.2 dev tap0/)
  const client = connect(API)
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject))
  client.destroy()
  slirp.program.kill('SIGKILL')
  await slirp.program.finished
  await isGone(API)
})

e2e('it stays the process that was started', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0']))
  const { pid } = slirp.program
  assert.equal(statSync(`/proc/${pid}/fd/4`).isSocket(), true, 'the exit descriptor keeps its number')
  assert.equal(await askApi(API, ['{"execute":"list_hostfwd"}']), '{"return":{"entries":[]},"entries":[]}')
  assert.equal(statSync(API).mode & 0o777, 0o600)
})

e2e('the exit descriptor: not by what is written, but by its end; status 0, and nothing is left', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0']))
  slirp.exit.write('data is no event')
  await expectNetwork(scope, target)
  const { status, stderr } = await slirp.end()
  assert.equal(status, 0)
  assert.ok(stderr.endsWith(ENDED), stderr)
  await expectNoTap(target)
  await isGone(API)
})

e2e('an exit descriptor that is not open ends it at once, with status 0', async (scope) => {
  const target = scope.use(await Bare.start())
  const { status, stderr } = await runSlirp(['-c', '--exit-fd=77', `-a${API}`, String(target.inside), 'tap0'])
  assert.deepEqual([status, stderr.endsWith(ENDED)], [0, true], stderr)
  await isGone(API)
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGKILL'] as const) {
  e2e(`${signal} has its usual effect, and the API socket is gone`, async (scope) => {
    const target = scope.use(await Bare.start())
    const slirp = scope.use(await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0']))
    slirp.program.kill(signal)
    assert.equal((await slirp.program.finished).signal, signal)
    await isGone(API)
    await expectNoTap(target)
  })
}

/** The processes that `pid` has started and that hold a pipe as their input: of this program the one that removes its API socket. */
const helpersOf = (pid: number): number[] =>
  readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const isChild = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid
      return isChild && readlinkSync(`/proc/${name}/fd/0`).startsWith('pipe:') ? [Number(name)] : []
    } catch {
      return []
    }
  })

e2e('the API socket of a successor stays, even where its file has the inode number that the first one had', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0']))
  const { ino } = statSync(API)
  const [helper] = helpersOf(slirp.program.pid)
  assert.ok(helper !== undefined)
  // It comes to its work late, as on a busy machine.
  process.kill(helper, 'SIGSTOP')
  scope.defer(() => {
    if (existsSync(`/proc/${helper}`)) process.kill(helper, 'SIGKILL')
  })
  slirp.program.kill('SIGKILL')
  await slirp.program.finished
  // Many a file system gives the number of a file that is gone to the next one.
  unlinkSync(API)
  for (let i = 0; i < 64 && (!existsSync(API) || statSync(API).ino !== ino); i++) {
    rmSync(API, { force: true })
    writeFileSync(API, 'of the successor')
  }
  scope.defer(() => rmSync(API, { force: true }))
  process.kill(helper, 'SIGCONT')
  await until(() => !existsSync(`/proc/${helper}`), 'the helper does not end')
  assert.ok(existsSync(API), 'it has removed what is not its own')
})

e2e('it ends when the namespace ends', async (scope) => {
  const target = scope.use(await Bare.start())
  const slirp = scope.use(await Slirp.start(['-c', String(target.inside), 'tap0']))
  target.program.kill('SIGKILL')
  assert.equal((await slirp.program.finished).status, 0)
  assert.match(slirp.program.stderr, /the network namespace of .* has no process left\ndo_slirp is exiting\n$/)
})

e2e('an API socket of before is replaced, a path that cannot be or is too long is told', async (scope) => {
  const target = scope.use(await Bare.start())
  writeFileSync(API, 'something else')
  scope.use(await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0']))
  assert.match(await askApi(API, ['{"execute":"list_hostfwd"}']), /entries/)
  const tail = 'do_slirp is exiting\ndo_slirp failed\nparent failed\n'
  const nowhere = await runSlirp(['-c', '-a/nope/x', String(target.inside), 'tap1'])
  assert.deepEqual([nowhere.status, nowhere.stderr], [1, `api_bindlisten: bind: No such file or directory\n${tail}`])
  const long = await runSlirp(['-c', '-a', `/${'x'.repeat(107)}`, String(target.inside), 'tap1'])
  assert.deepEqual([long.status, long.stderr], [1, `the specified API socket path is too long (>= 108)\n${tail}`])
})

e2e('by path: a namespace file, one in /proc, and an inherited descriptor', async (scope) => {
  const target = scope.use(await Bare.start())
  const folder = `/proc/${target.inside}/ns`
  const path = script('by-descriptor', `exec 9<${folder}/net`, `exec ${SLIRP} "$@"`)
  for (const [netns, options] of [
    [`${folder}/net`, {}],
    ['/proc/self/fd/9', { path }],
  ] as const) {
    const slirp = scope.use(await Slirp.start(['-c', '--netns-type=path', `--userns-path=${folder}/user`, netns, 'tap0'], options))
    await expectNetwork(scope, target)
    assert.equal((await slirp.end()).status, 0)
    await expectNoTap(target)
  }
})

e2e('by an inherited descriptor it ends with the process that was there', async (scope) => {
  const target = scope.use(await Bare.start())
  const path = script('by-descriptor-too', `exec 9</proc/${target.inside}/ns/net`, `exec ${SLIRP} "$@"`)
  const args = ['-c', '--netns-type=path', `--userns-path=/proc/${target.inside}/ns/user`, '/proc/self/fd/9', 'tap0']
  const slirp = scope.use(await Slirp.start(args, { path }))
  target.program.kill('SIGKILL')
  assert.equal((await slirp.program.finished).status, 0)
})

e2e('a TAP that is there already: attached to, left as it is, and attached to again', async (scope) => {
  const target = scope.use(await Bare.start())
  for (const command of [
    ['tuntap', 'add', 'name', 'tap0', 'mode', 'tap'],
    ['link', 'set', 'lo', 'up'],
    ['link', 'set', 'tap0', 'up'],
    ['address', 'add', '10.0.2.100/24', 'dev', 'tap0'],
    ['route', 'add', 'default', 'via', '10.0.2.2'],
  ])
    await target.must(['ip', ...command])
  for (let i = 0; i < 2; i++) {
    const slirp = scope.use(await Slirp.start([String(target.inside), 'tap0']))
    await expectNetwork(scope, target)
    await slirp.end()
    assert.match(await target.must(['ip', 'link', 'show', 'tap0']), /NO-CARRIER/)
  }
})

for (const kind of ['vnet', 'plain']) {
  e2e(`a TAP that the caller has opened (${kind})`, async (scope) => {
    const target = scope.use(await Bare.start())
    const path = script(`by-tap-${kind}`, `exec ${guestProgram('tapfd.py').join(' ')} ${target.inside} tap0 ${kind} ${SLIRP} "$@"`)
    scope.use(await Slirp.start([], { path }))
    for (const command of ['link set lo up', 'link set tap0 up', 'address add 10.0.2.100/24 dev tap0', 'route add default via 10.0.2.2'])
      await target.must(['ip', ...command.split(' ')])
    await expectNetwork(scope, target)
  })
}

e2e('wherever it is started from: a link of the name it replaces, PATH, any folder, no environment', async (scope) => {
  const target = scope.use(await Bare.start())
  const folder = join(world.scratch, 'links')
  mkdirSync(folder)
  symlinkSync(SLIRP, join(folder, 'slirp4netns'))
  const args = ['-c', String(target.inside), 'tap0']
  const { HOME: _, ...homeless } = userEnvironment
  const ways = [
    { path: join(folder, 'slirp4netns'), environment: {} },
    { path: 'slirp4netns', environment: { PATH: [folder, userEnvironment['PATH']].join(delimiter) } },
    { path: './netloom-slirp4netns', directory: dirname(SLIRP), environment: homeless },
    { path: SLIRP, environment: { ...userEnvironment, NODE_OPTIONS: '--require=/nope', NODE_PATH: '/nope' } },
  ]
  for (const way of ways) {
    const slirp = scope.use(await Slirp.start(args, way))
    await target.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
    assert.equal((await slirp.end()).status, 0)
  }
})

e2e('started and ended twenty times, it leaves nothing', async (scope) => {
  const target = scope.use(await Bare.start())
  for (let i = 0; i < 20; i++) {
    const slirp = await Slirp.start(['-c', `-a${API}`, String(target.inside), 'tap0'])
    if (i % 2 === 0) slirp.program.kill('SIGTERM')
    await slirp.end()
  }
  await expectNoTap(target)
  await isGone(API)
})
