// --outbound-addr IFNAME: the interface is followed. When its address changes, as that of a VPN that comes back, new flows of TCP, UDP and ping leave
// from the new one; while it has none, nothing leaves. The process is hardened, as by default.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS6 } from '../support/elsewhere.js'
import { must, Program, until } from '../support/program.js'
import { Bare, Sandbox } from '../support/sandbox.js'
import { Slirp } from '../support/slirp.js'
import { userEnvironment } from '../support/world.js'

/** Of the host, one after the other, on an interface that leads nowhere. */
const FIRST = { ipv4: '198.51.100.2', ipv6: '2001:db8:ee::2' }
const SECOND = { ipv4: '198.51.100.3', ipv6: '2001:db8:ee::3' }
type Pair = typeof FIRST

const elsewhere = shared(async (scope) => {
  const there = scope.use(await Elsewhere.start())
  for (const { ipv6 } of [FIRST, SECOND]) await must(there.inside('ip', 'route', 'add', `${ipv6}/128`, 'via', HOST_ADDRESS6))
  return there
})

const add = async (device: string, { ipv4, ipv6 }: Pair): Promise<void> => {
  await must(['ip', 'address', 'add', `${ipv4}/32`, 'dev', device])
  await must(['ip', 'address', 'add', `${ipv6}/128`, 'dev', device, 'nodad'])
}

const remove = async (device: string, { ipv4, ipv6 }: Pair): Promise<void> => {
  await must(['ip', 'address', 'del', `${ipv4}/32`, 'dev', device])
  await must(['ip', 'address', 'del', `${ipv6}/128`, 'dev', device])
}

/** An interface with the first pair of addresses, which goes with the test. */
async function vpn(scope: Scope): Promise<string> {
  await must(['ip', 'link', 'add', 'vpn0', 'type', 'veth', 'peer', 'name', 'far0'])
  scope.defer(async () => void (await must(['ip', 'link', 'del', 'vpn0'])))
  for (const device of ['vpn0', 'far0']) await must(['ip', 'link', 'set', device, 'up'])
  await add('vpn0', FIRST)
  return 'vpn0'
}

/** The source of each packet that comes to the host elsewhere. */
async function watch(scope: Scope): Promise<Program> {
  const filter = 'icmp[icmptype] == icmp-echo or (icmp6 and ip6[40] == 128) or tcp dst port 9 or udp dst port 9'
  const dump = `exec tcpdump -Q in -lnqi uplink '${filter}' 2>&1`
  const program = scope.use(new Program(elsewhere().inside('sh', '-c', dump), { environment: userEnvironment }))
  await program.line(/^listening on/m)
  return program
}

type Asker = Pick<Sandbox, 'ask' | 'must'>

/** What a connection to the other host comes to. */
const connect = async (guest: Asker, target: string): Promise<string | null> =>
  (await guest.ask<{ error: string | null }>('tcp.py', 'connect', target, 9)).error

const literally = (text: string) => text.replaceAll('.', '\\.')

/** Sends by TCP, UDP and ping, and waits for what is seen of that. */
async function expectSource(scope: Scope, guest: Asker, target: string, source: string): Promise<void> {
  const dump = await watch(scope)
  const version = source.includes(':') ? 'IP6' : 'IP'
  assert.equal(await connect(guest, target), 'ECONNREFUSED')
  assert.deepEqual(await guest.ask('udp.py', 'refused', target, 9), { error: 'ECONNREFUSED' })
  await guest.must(['ping', '-c', '1', '-W', '5', target])
  await dump.line(new RegExp(` ${version} ${literally(source)}\\.\\d+ > .*\\.9: tcp`))
  await dump.line(new RegExp(` ${version} ${literally(source)}\\.\\d+ > .*\\.9: UDP`))
  await dump.line(new RegExp(` ${version} ${literally(source)} > .*: ICMP6?,? echo request`))
  await dump.close()
}

const becomes = (guest: Asker, target: string, wanted: string) =>
  until(async () => (await connect(guest, target)) === wanted, `${target}: no ${wanted}`)

e2e('new flows leave from the address that the interface has now, and none while it has none', async (scope) => {
  elsewhere()
  const device = await vpn(scope)
  const guest = scope.use(await Sandbox.start('--outbound-addr', device, '--outbound-addr6', device))
  await expectSource(scope, guest, ELSEWHERE, FIRST.ipv4)
  await expectSource(scope, guest, ELSEWHERE6, FIRST.ipv6)
  await remove(device, FIRST)
  for (const target of [ELSEWHERE, ELSEWHERE6]) {
    await becomes(guest, target, 'ENETUNREACH')
    assert.deepEqual(await guest.ask('udp.py', 'refused', target, 9), { error: 'ENETUNREACH' })
  }
  // The old address on another interface is none of this one's.
  await add('elsewhere', FIRST)
  scope.defer(async () => void (await remove('elsewhere', FIRST)))
  for (const target of [ELSEWHERE, ELSEWHERE6]) assert.equal(await connect(guest, target), 'ENETUNREACH')
  await add(device, SECOND)
  for (const target of [ELSEWHERE, ELSEWHERE6]) await becomes(guest, target, 'ECONNREFUSED')
  await expectSource(scope, guest, ELSEWHERE, SECOND.ipv4)
  await expectSource(scope, guest, ELSEWHERE6, SECOND.ipv6)
})

e2e('a UDP port of the sandbox that has sent from the old address goes on from the new one', async (scope) => {
  const there = elsewhere()
  const device = await vpn(scope)
  const guest = scope.use(await Sandbox.start('--outbound-addr', device))
  const script = `import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.settimeout(0.2)
for line in sys.stdin:
  try:
    s.sendto(b'x',('${ELSEWHERE}',${there.echoPort}))
    s.recv(9)
    print('echoed',flush=True)
  except OSError as e:
    print('failed',flush=True)
`
  const program = scope.use(guest.spawn(['python3', '-c', script]))
  const isEchoed = async (): Promise<boolean> => {
    const count = program.stdout.split('\n').length
    program.write('go\n')
    await until(() => program.stdout.split('\n').length > count, 'the program says nothing')
    return program.stdout.trimEnd().endsWith('echoed')
  }
  await until(isEchoed, 'there is no echo to the first address')
  await add(device, SECOND)
  await remove(device, FIRST)
  await until(isEchoed, 'there is no echo to the second address')
})

e2e('the command slirp4netns follows an interface as well', async (scope) => {
  elsewhere()
  const device = await vpn(scope)
  const target = scope.use(await Bare.start())
  const flags = ['-c', '--enable-sandbox', '--enable-seccomp', `--outbound-addr=${device}`]
  scope.use(await Slirp.start([...flags, String(target.inside), 'tap0']))
  const answer = async (): Promise<string> => {
    const program = target.guest('tcp.py', 'connect', ELSEWHERE, 9)
    await program.finished
    return program.stdout
  }
  await until(async () => (await answer()).includes('ECONNREFUSED'), 'the other host is not reached')
  await remove(device, FIRST)
  await until(async () => (await answer()).includes('ENETUNREACH'), 'something still leaves')
  await add(device, SECOND)
  await until(async () => (await answer()).includes('ECONNREFUSED'), 'nothing leaves from the new address')
})
