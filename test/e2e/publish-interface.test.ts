// -p IFNAME:...: a port is published on an interface, at whatever addresses it has. When they change, as those of a VPN that comes back, the port is
// reached at the new ones and not at the old ones, and is still one publication. The process is hardened, as by default.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { Elsewhere } from '../support/elsewhere.js'
import { must, until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { everything } from '../support/stream.js'

/** Of the host, one after the other, on an interface that leads nowhere. */
const FIRST = { ipv4: '198.51.100.2', ipv6: '2001:db8:ee::2' }
const SECOND = { ipv4: '198.51.100.3', ipv6: '2001:db8:ee::3' }
type Pair = typeof FIRST
const SERVER = 8000

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))

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
  elsewhere()
  await must(['ip', 'link', 'add', 'vpn0', 'type', 'veth', 'peer', 'name', 'far0'])
  scope.defer(async () => void (await must(['ip', 'link', 'del', 'vpn0'])))
  for (const device of ['vpn0', 'far0']) await must(['ip', 'link', 'set', device, 'up'])
  await add('vpn0', FIRST)
  return 'vpn0'
}

async function box(scope: Scope, ...flags: readonly string[]): Promise<Sandbox> {
  const guest = scope.use(await Sandbox.start('--name', 'followed', ...flags))
  const server = scope.use(guest.guest('server.py', SERVER))
  await server.line(/^listening$/m)
  return guest
}

interface Listed {
  readonly id: number
  readonly hostInterface: string | null
  readonly hostAddresses: readonly string[]
  readonly hostPort: number
  readonly counters: { readonly connections: number }
}

async function publish(...args: readonly string[]): Promise<Listed[]> {
  const { status, stdout, stderr } = await netloom(['publish', ...args, '--network', 'followed', '--json']).finished
  assert.equal(status, 0, stderr)
  return (JSON.parse(stdout) as { publications: Listed[] }).publications
}

/** What a client sees: what it has sent, or why it is not connected. */
async function echo(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true })
  const failure = new Promise<string>((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')))
  const answer = new Promise<string>((resolve) => socket.once('connect', () => void everything(socket).then((all) => resolve(String(all)))))
  socket.end('echo\nhello')
  return Promise.race([answer, failure])
}

const listensAt = async (pair: Pair | null): Promise<boolean> => {
  const [one] = await publish('ls')
  return JSON.stringify([...one!.hostAddresses].sort()) === JSON.stringify(pair === null ? [] : [pair.ipv6, pair.ipv4].sort())
}

for (const how of ['run', 'publish add'] as const)
  e2e(`by ${how}: it is reached at the addresses that the interface has now, and is one publication`, async (scope) => {
    const device = await vpn(scope)
    const spec = `${device}::${SERVER}`
    await box(scope, ...(how === 'run' ? ['-p', spec] : []))
    if (how !== 'run') await publish('add', spec)
    const [first, ...more] = await publish('ls')
    assert.deepEqual([first!.hostInterface, more], [device, []])
    const port = first!.hostPort
    for (const address of Object.values(FIRST)) assert.equal(await echo(address, port), 'hello')
    await remove(device, FIRST)
    await until(() => listensAt(null), 'it listens at an address that has gone')
    // Whoever has the old addresses now is not listened for.
    await add('elsewhere', FIRST)
    scope.defer(() => remove('elsewhere', FIRST))
    for (const address of Object.values(FIRST)) assert.equal(await echo(address, port), 'ECONNREFUSED')
    assert.match((await netloom(['publish', 'ls']).finished).stdout, new RegExp(`tcp ${device}:${port} \\(no address now\\) -> `))
    await add(device, SECOND)
    await until(() => listensAt(SECOND), 'it does not listen at the new addresses')
    for (const address of Object.values(SECOND)) assert.equal(await echo(address, port), 'hello')
    for (const address of Object.values(FIRST)) assert.equal(await echo(address, port), 'ECONNREFUSED')
    const [last] = await publish('ls')
    assert.deepEqual([last!.id, last!.hostPort, last!.counters.connections], [first!.id, port, 4])
    assert.match((await netloom(['publish', 'ls']).finished).stdout, new RegExp(`${device}:${port} \\(198.51.100.3, 2001:db8:ee::3\\)`))
    await publish('rm', `${device}:${port}:${SERVER}`)
    for (const address of Object.values(SECOND)) assert.equal(await echo(address, port), 'ECONNREFUSED')
    assert.deepEqual(await publish('ls'), [])
  })

e2e('by UDP as well', async (scope) => {
  const device = await vpn(scope)
  const guest = await box(scope, '-p', `${device}::${SERVER}/udp4`)
  const script = `import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.bind(('',${SERVER}))
print('ready',flush=True)
while True:
  data,peer=s.recvfrom(99)
  s.sendto(data,peer)
`
  await scope.use(guest.spawn(['python3', '-c', script])).line(/^ready$/m)
  const [{ hostPort } = assert.fail('nothing is published')] = await publish('ls')
  const ask = (address: string) =>
    must([
      'python3',
      '-c',
      `import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.settimeout(5)
try:
  s.connect(('${address}',${hostPort})); s.send(b'hello'); print(s.recv(9).decode())
except OSError as e:
  print(e.strerror)
`,
    ])
  assert.equal((await ask(FIRST.ipv4)).trim(), 'hello')
  await add(device, SECOND)
  await remove(device, FIRST)
  const isMoved = async () => String((await publish('ls'))[0]!.hostAddresses) === SECOND.ipv4
  await until(isMoved, 'it does not listen at the new address')
  assert.equal((await ask(SECOND.ipv4)).trim(), 'hello')
  // And back, where the sockets of its clients of then are still bound.
  await remove(device, SECOND)
  await add(device, FIRST)
  const isBack = async () => String((await publish('ls'))[0]!.hostAddresses) === FIRST.ipv4
  await until(isBack, 'it does not listen at the first address again')
  assert.equal((await ask(FIRST.ipv4)).trim(), 'hello')
})

e2e('an interface without an address is one line and status 2 at the start', async (scope) => {
  const device = await vpn(scope)
  await remove(device, FIRST)
  const outcome = await scope.use(netloom(['run', '-p', `${device}:8080:80`, '--', 'true'], { input: '' })).finished
  assert.equal(outcome.status, 2, outcome.stderr)
  assert.match(outcome.stderr, /^netloom: [^\n]*vpn0[^\n]*no address[^\n]*\n$/)
})
