/*
 * The launcher, for real: what the command finds inside, what the TAP carries, how it ends, what it says when a step fails.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import type { NetworkInterfaceInfo } from 'node:os'
import { constants, networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { LAUNCHER_PATH } from '../../../src/host/native.js'
import { needs } from '../../support/packages.js'
import { launch } from './launch.js'
import { type Bench, EBADFD, EIO, EPOLLIN, makeBench } from './native-bench.js'

const RUN = { map: 'root', dns: '10.0.2.3' }
const importOf = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
/** A module for a Node of its own, to be run as the command. */
const script = (source: string) => [process.execPath, '--input-type=module', '-e', source]

const LOOK = `
  import { readFileSync } from 'node:fs'
  import { constants, networkInterfaces } from 'node:os'
  const read = (path) => readFileSync(path, 'utf8')
  console.log(JSON.stringify({
    ids: [process.getuid(), process.getgid()],
    capabilities: /^CapEff:\\s*(\\w+)/m.exec(read('/proc/self/status'))[1],
    folder: process.cwd(),
    variable: process.env.NETLOOM_TEST,
    interfaces: networkInterfaces(),
    routes: read('/proc/net/route').trim().split('\\n').slice(1).map((line) => line.split('\\t').slice(0, 3).join(' ')),
    resolv: read('/etc/resolv.conf'),
    ping: read('/proc/sys/net/ipv4/ping_group_range').trim(),
  }))`

interface Seen {
  ids: [number, number]
  capabilities: string
  folder: string
  variable: string
  interfaces: Record<string, NetworkInterfaceInfo[]>
  routes: string[]
  resolv: string
  ping: string
}

for (const map of ['root', 'current']) {
  test(`the command finds a configured network, mapped as ${map}`, async (t) => {
    const bench = makeBench(t)
    process.env['NETLOOM_TEST'] = 'kept'
    const here = networkInterfaces()
    const resolv = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : ''
    const started = launch(bench, 'run', { ...RUN, map, mac: '02:00:0a:00:02:64' }, script(LOOK))
    const tap = await started.go()
    const { status, output } = await started.ended()
    assert.equal(status, 0, output)
    const seen = JSON.parse(output) as Seen
    const ids = map === 'root' ? [0, 0] : [process.getuid!(), process.getgid!()]
    assert.deepEqual(seen.ids, ids)
    if (ids[0] === 0) assert.notEqual(Number.parseInt(seen.capabilities, 16), 0)
    else assert.equal(Number.parseInt(seen.capabilities, 16), 0)
    assert.deepEqual([seen.folder, seen.variable], [process.cwd(), 'kept'])
    assert.deepEqual(Object.keys(seen.interfaces).sort(), ['lo', 'tap0'])
    const guest = seen.interfaces['tap0']!.find(({ family }) => family === 'IPv4')!
    assert.deepEqual([guest.cidr, guest.mac], ['10.0.2.100/24', '02:00:0a:00:02:64'])
    assert.deepEqual(seen.routes, ['tap0 00000000 0202000A', 'tap0 0002000A 00000000'])
    assert.equal(seen.resolv, 'nameserver 10.0.2.3\n')
    assert.equal(seen.ping, `${ids[1]}\t${ids[1]}`)
    bench.native.closeDescriptor(tap)
    assert.deepEqual(Object.keys(networkInterfaces()), Object.keys(here), 'the host is as it was')
    assert.equal(existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '', resolv)
  })
}

/** An ARP request for 10.0.2.100 from 10.0.2.2, after a virtio-net header of zeros. */
const ARP_REQUEST = Buffer.from(
  ['00'.repeat(10), 'ffffffffffff02000a0002020806', '0001080006040001', '02000a0002020a000202', '0000000000000a000264'].join(''),
  'hex',
)
/** The start of its answer: opcode 2 in a frame to us. */
const ARP_REPLY = /^0{20}02000a000202(\w{12})08060001080006040002\1/

async function converse(bench: Bench, tap: number): Promise<string> {
  const { native, words, bytes } = bench
  bytes.set(ARP_REQUEST, 0)
  assert.equal(native.tapWrite(tap, 0, ARP_REQUEST.length), ARP_REQUEST.length)
  for (;;) {
    await bench.ready(tap, EPOLLIN)
    const count = native.tapRead(tap, 4096, 1 << 19, 64)
    assert.ok(count > 0, `read: ${count}`)
    for (let i = 0; i < count; i++) {
      const frame = Buffer.from(native.arena, words[2 * i]!, words[2 * i + 1]!).toString('hex')
      if (ARP_REPLY.test(frame)) return frame
    }
  }
}

test('the TAP carries frames both ways, is non-blocking, and leaves with its descriptor', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', RUN, ['sleep', '60'])
  const tap = await started.go()
  assert.match(readFileSync(`/proc/self/fdinfo/${tap}`, 'utf8'), /^flags:\s*0?2104002$/m, 'O_RDWR | O_NONBLOCK | O_CLOEXEC')
  await converse(bench, tap)
  assert.equal((await started.message()).text, '', 'the command runs: the launcher and its copy of the descriptor are gone')
  const interfaces = () => readFileSync(`/proc/${started.child.pid}/net/dev`, 'utf8')
  assert.match(interfaces(), /tap0/)
  bench.native.closeDescriptor(tap)
  assert.doesNotMatch(interfaces(), /tap0/)
  started.child.kill('SIGTERM')
  assert.equal((await started.ended()).status, 'SIGTERM')
})

test('an interface that is down and one that is gone are told apart', { skip: needs('ip') }, async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  native.socketPair()
  const [ours, theirs] = [words[0]!, words[1]!]
  const steps = 'ip link set tap0 down && echo down; read line <&4; ip link del tap0 && echo gone; read line <&4'
  const started = launch(bench, 'run', RUN, ['sh', '-c', steps], [theirs])
  native.closeDescriptor(theirs)
  const said = () => once(started.child.stdout!, 'data')
  const down = said()
  const tap = await started.go()
  await down
  assert.equal(native.tapWrite(tap, 0, 64), -EIO)
  const gone = said()
  native.sendMessage(ours, 0, bench.put(0, '\n'), -1)
  await gone
  await bench.ready(tap, EPOLLIN)
  assert.equal(native.tapWrite(tap, 0, 64), -EBADFD)
  assert.equal(native.tapRead(tap, 0, 1 << 19, 64), -EBADFD)
  native.closeDescriptor(ours)
  await started.ended()
  native.closeDescriptor(tap)
})

test('the command inherits what the user gave, and nothing of ours', async (t) => {
  const bench = makeBench(t)
  const given = openSync('/dev/null', 'r')
  const shows = 'for d in 0 1 2 3 4 5 6 7; do [ -e /proc/$$/fd/$d ] && printf "%s " $d; done; exit 7'
  const started = launch(bench, 'run', RUN, ['sh', '-c', shows], [given])
  bench.native.closeDescriptor(await started.go())
  closeSync(given)
  assert.deepEqual(await started.ended(), { status: 7, output: '0 1 2 4 ' })
})

test('the command has the soft limit of open files that it is to have, but no more than the hard one', async (t) => {
  const hard = Number(/^Max open files +\w+ +(\w+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))![1])
  for (const [asked, granted] of [
    [300, 300],
    [0x7fff_ffff, hard],
  ]) {
    const bench = makeBench(t)
    const started = launch(bench, 'run', { ...RUN, 'open-files': String(asked) }, ['sh', '-c', 'ulimit -Sn; ulimit -Hn'])
    const tap = await started.go()
    assert.deepEqual(await started.ended(), { status: 0, output: `${granted}\n${hard}\n` })
    bench.native.closeDescriptor(tap)
  }
})

test('ping sockets work inside', async (t) => {
  const bench = makeBench(t)
  const command = script(`
    import { createContext } from ${importOf('../../../src/host/native.js')}
    const native = createContext(4096)
    const bytes = new Uint8Array(native.arena)
    const words = new Int32Array(native.scratch)
    const socket = native.pingOpen(4, 4711)
    bytes.set([8, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3])
    if (native.udpSend(socket, 0, 11, 0, 0, 0, 0xffff, 0x7f000001, 1) !== 11) throw new Error('send')
    native.epollAdd(socket, 1, 1)
    native.start(() => {
      const length = native.udpReceive(socket, 0, 100)
      console.log(length, bytes[0], bytes[4] << 8 | bytes[5], bytes[7], words[3] === 0x7f000001, words[5])
      native.close()
    })`)
  const started = launch(bench, 'run', RUN, command)
  bench.native.closeDescriptor(await started.go())
  assert.deepEqual(await started.ended(), { status: 0, output: '11 0 4711 9 true 64\n' })
})

test('a command that cannot be executed is told, with the status of env', async (t) => {
  const bench = makeBench(t)
  for (const [command, errno, expected] of [
    ['/nonexistent/command', 2, 127],
    ['/etc/passwd', 13, 126],
    ['/', 13, 126],
  ] as const) {
    const started = launch(bench, 'run', RUN, [command])
    bench.native.closeDescriptor(await started.go())
    assert.deepEqual(await started.message(), { text: `exec ${errno}`, descriptor: -1 })
    assert.deepEqual(await started.ended(), { status: expected, output: '' })
  }
})

test('without go there is no command', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', RUN, ['echo', 'started'])
  const { descriptor } = await started.message()
  started.hangUp()
  assert.deepEqual(await started.ended(), { status: 1, output: '' })
  bench.native.closeDescriptor(descriptor)
})

test('the command dies with the process that gives it a network', async (t) => {
  const bench = makeBench(t)
  const source = `
    import { launch } from ${importOf('./launch.js')}
    import { makeBench } from ${importOf('./native-bench.js')}
    const started = launch(makeBench({ after() {} }), 'run', ${JSON.stringify(RUN)}, ['sleep', '60'])
    await started.go()
    console.log(started.child.pid)
    setInterval(() => {}, 1000)`
  const [program, ...args] = script(source)
  const parent = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = (await once(parent.stdout!, 'data')) as [Buffer]
  const descriptor = bench.native.pidfdOpen(Number(printed))
  assert.ok(descriptor >= 0)
  parent.kill('SIGKILL')
  await bench.ready(descriptor, EPOLLIN)
  bench.native.closeDescriptor(descriptor)
})

test('a step that fails is named with its errno', async (t) => {
  const bench = makeBench(t)
  for (const [options, expected] of [
    [{ mtu: '65522' }, 'error mtu 22'],
    [{ mac: '03:00:00:00:00:01' }, 'error mac 99'],
    [{ gateway: '192.0.2.1' }, 'error route 101'],
    [{ address: '224.0.0.1' }, 'error address 22'],
    [{ ifname: 'lo' }, 'error tun-create 22'],
  ] as const) {
    const started = launch(bench, 'run', { ...RUN, ...options }, ['true'])
    assert.deepEqual(await started.message(), { text: expected, descriptor: -1 })
    assert.deepEqual(await started.ended(), { status: 1, output: '' })
  }
})

test('wrong arguments are status 2', () => {
  const most = ['--socket=0', '--ifname=tap0', '--mtu=1500', '--address=10.0.2.100', '--prefix=24', '--gateway=10.0.2.2']
  for (const [args, expected] of [
    [[], /usage/],
    [['run', '--mtu'], /not an option: --mtu/],
    [['run', '--nope=1'], /no such option: --nope=1/],
    [['attach', ...most.slice(1)], /missing option: socket/],
    [['attach', ...most, '--pid=1'], /socket: 0/],
  ] as const) {
    const { status, stderr } = spawnSync(LAUNCHER_PATH, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    assert.equal(status, 2)
    assert.match(stderr, expected)
    assert.match(stderr, /^netloom-launcher: .*\n$/)
  }
})

test('resolv.conf has the names to search, if there are any', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', { ...RUN, search: 'a.test b.test' }, ['cat', '/etc/resolv.conf'])
  bench.native.closeDescriptor(await started.go())
  assert.deepEqual(await started.ended(), { status: 0, output: 'nameserver 10.0.2.3\nsearch a.test b.test\n' })
})

test('resolv.conf has the resolver’s options, if there are any', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', { ...RUN, 'resolver-options': 'ndots:3 use-vc' }, ['cat', '/etc/resolv.conf'])
  bench.native.closeDescriptor(await started.go())
  assert.deepEqual(await started.ended(), { status: 0, output: 'nameserver 10.0.2.3\noptions ndots:3 use-vc\n' })
})

test('resolv.conf is covered whatever it is, and nothing under it changes', async (t) => {
  const bench = makeBench(t)
  const command = script(`
    import { spawnSync } from 'node:child_process'
    import * as fs from 'node:fs'
    import { launch } from ${importOf('./launch.js')}
    import { makeBench } from ${importOf('./native-bench.js')}
    const bench = makeBench({ after() {} })
    const mount = (where) => { if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', where]).status !== 0) throw new Error('mount') }
    mount('/etc')
    const path = '/etc/resolv.conf'
    // Of the launcher that this runs in.
    const here = fs.readFileSync('/proc/self/mounts', 'utf8').split('\\n').filter((line) => line.startsWith('overlay /etc ')).length
    const makers = {
      file: () => fs.writeFileSync(path, 'original'),
      link: () => { fs.writeFileSync('/etc/target', 'original'); fs.symlinkSync('target', path) },
      'link to nowhere': () => fs.symlinkSync('../run/netloom-test/nothing', path),
      missing: () => {},
      // As in a container: no overlay can lie on it.
      'beside a mount': () => { fs.mkdirSync('/etc/mount'); mount('/etc/mount'); fs.writeFileSync(path, 'original') },
    }
    for (const [kind, make] of Object.entries(makers)) {
      fs.rmSync(path, { force: true })
      make()
      const before = fs.readdirSync('/etc')
      const started = launch(bench, 'run', ${JSON.stringify(RUN)}, ['sh', '-c', 'cat /etc/resolv.conf; grep "^overlay /etc " /proc/self/mounts | wc -l'])
      await started.go()
      const { status, output } = await started.ended()
      const after = fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : 'nothing'
      const [server, overlays] = output.split('\\n')
      console.log(kind + ':', status, server + ',', overlays - here, after, fs.readdirSync('/etc').length - before.length)
    }
    bench.native.close()`)
  const started = launch(bench, 'run', RUN, command)
  bench.native.closeDescriptor(await started.go())
  const { status, output } = await started.ended()
  assert.equal(status, 0, output)
  assert.deepEqual(output.trim().split('\n'), [
    'file: 0 nameserver 10.0.2.3, 1 original 0',
    'link: 0 nameserver 10.0.2.3, 1 original 0',
    'link to nowhere: 0 nameserver 10.0.2.3, 1 nothing 0',
    'missing: 0 nameserver 10.0.2.3, 1 nothing 0',
    'beside a mount: 0 nameserver 10.0.2.3, 0 original 0',
  ])
})

const OWN = { ...RUN, processes: 'own' }

/** Takes what comes before the command: its PID. The TAP is closed. */
async function begin(bench: Bench, started: ReturnType<typeof launch>): Promise<number> {
  const { text } = await started.message()
  bench.native.closeDescriptor(await started.go())
  return Number(/^command (\d+)$/.exec(text)?.[1])
}

test('with processes of its own the command is told by its PID here, and that it runs', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', OWN, ['sh', '-c', 'read line < /proc/1/comm; echo $line; exit 5'])
  const pid = await begin(bench, started)
  assert.notEqual(pid, started.child.pid)
  assert.equal((await started.message()).text, 'runs')
  assert.deepEqual(await started.ended(), { status: 5, output: 'netloom-init\n' })
})

test('there it inherits what the user gave, and nothing of ours', async (t) => {
  const bench = makeBench(t)
  const given = openSync('/dev/null', 'r')
  const shows = 'for d in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$d ] && printf "%s " $d; done; exit 7'
  const started = launch(bench, 'run', OWN, ['sh', '-c', shows], [given])
  await begin(bench, started)
  closeSync(given)
  assert.deepEqual(await started.ended(), { status: 7, output: '0 1 2 4 ' })
})

test('there signals reach it that are named, and the launcher ends as it does', async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGUSR2', 'SIGSEGV'] as const) {
    const bench = makeBench(t)
    const started = launch(bench, 'run', OWN, ['sleep', '60'])
    await begin(bench, started)
    assert.equal((await started.message()).text, 'runs')
    // Not the launcher's concern.
    for (const other of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGTSTP'] as const) started.child.kill(other)
    started.say(`signal ${constants.signals[signal]}`)
    assert.equal((await started.ended()).status, signal)
  }
})

test('there a command that cannot be executed is told, with the status of env', async (t) => {
  const bench = makeBench(t)
  const started = launch(bench, 'run', OWN, ['/nonexistent/command'])
  await begin(bench, started)
  assert.equal((await started.message()).text, 'exec 2')
  assert.deepEqual(await started.ended(), { status: 127, output: '' })
})

test('there everything ends with the channel, before go and after', async (t) => {
  for (const isBegun of [false, true]) {
    const bench = makeBench(t)
    const started = launch(bench, 'run', OWN, ['sh', '-c', 'setsid sleep 60 & exec sleep 60'])
    if (isBegun) {
      await begin(bench, started)
      assert.equal((await started.message()).text, 'runs')
    } else {
      await started.message()
      bench.native.closeDescriptor((await started.message()).descriptor)
    }
    started.hangUp()
    // The sleeps would hold the output open.
    assert.deepEqual(await started.ended(), { status: 'SIGKILL', output: '' })
  }
})
