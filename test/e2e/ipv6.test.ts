// IPv6 in the sandbox, by programs that know nothing of us: its addresses and routes, TCP and DNS by it, and what it is told that cannot be
// reached.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE6, Elsewhere, HOST_ADDRESS6, UNREACHABLE6, UNROUTED6 } from '../support/elsewhere.js'
import { Program, until } from '../support/program.js'
import { keepResolvConf, longText, Resolver, setResolvers } from '../support/resolver.js'
import { answer, netloom, Sandbox } from '../support/sandbox.js'
import { closedPort, TcpHost } from '../support/tcp-peer.js'

const GATEWAY = 'fd00::2'
const DNS = 'fd00::3'

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

interface Address {
  local: string
  prefixlen: number
  scope: string
  dynamic?: boolean
  tentative?: boolean
}

async function addresses(guest: Sandbox): Promise<Address[]> {
  const list: { addr_info: (Address & { family: string })[] }[] = JSON.parse(
    await guest.must(['ip', '-j', '-6', 'address', 'show', 'tap0']),
  )
  return list.flatMap((entry) => entry.addr_info ?? [])
}

interface Route {
  dst: string
  gateway?: string
}

const routes = async (guest: Sandbox): Promise<Route[]> => JSON.parse(await guest.must(['ip', '-j', '-6', 'route', 'show', 'dev', 'tap0']))

/** What a command finds in its sandbox that is there from its first moment on. */
async function found(...args: string[]): Promise<string> {
  const script = 'ip -6 -o address show tap0; ip -6 route show default'
  const outcome = await netloom(['run', ...args, '--', 'sh', '-c', script], { input: '' }).finished
  assert.equal(outcome.status, 0, outcome.stderr)
  return outcome.stdout
}

e2e('a command has fd00::100/64 and a default route from its first moment on', async () => {
  const output = await found()
  assert.match(output, / fd00::100\/64 scope global /)
  assert.doesNotMatch(output, /fd00::100\/64 [^\\]*tentative/)
  assert.match(output, /^default via fe80::2 dev tap0/m)
})

e2e('the sandbox makes an address of the advertised prefix itself', async () => {
  const own = (address: Address) => address.dynamic === true && address.local.startsWith('fd00::') && address.prefixlen === 64
  await until(async () => (await addresses(sandbox())).some((address) => own(address) && address.tentative !== true), 'no address by SLAAC')
  assert.ok((await routes(sandbox())).some(({ dst }) => dst === 'fd00::/64'))
})

e2e('a router solicitation is answered at once, with prefix, MTU and name server', async () => {
  const output = await sandbox().must(['rdisc6', '-1', '-w', '5000', 'tap0'])
  assert.match(output, /from fe80::2$/m)
  assert.match(output, /Prefix +: fd00::\/64/)
  assert.match(output, /MTU +: +1500 bytes/)
  assert.match(output, /Recursive DNS server +: fd00::3/)
})

e2e('--cidr6 moves every address', async (scope) => {
  assert.match(await found('--cidr6', 'fd12:3456:789a:1::/64'), / fd12:3456:789a:1::100\/64 /)
  const guest = scope.use(await Sandbox.start('--cidr6', 'fd12:3456:789a:1::/64'))
  for (const end of ['2', '3']) await guest.must(['ping', '-c', '1', '-W', '5', `fd12:3456:789a:1::${end}`])
  const host = scope.use(await TcpHost.start('::1'))
  assert.deepEqual(await guest.ask('tcp.py', 'connect', 'fd12:3456:789a:1::2', host.port), { error: null, retransmitted: 0 })
  const old = await guest.ask<{ error: string }>('tcp.py', 'connect', GATEWAY, host.port, 5)
  assert.match(old.error, /^(ENETUNREACH|EHOSTUNREACH)$/)
})

e2e('without IPv6 the interface has none, and connections fail at once', async () => {
  for (const args of [['--disable-ipv6'], ['--mtu', '1279']]) {
    const connect = `python3 -c 'import socket; print(socket.socket(socket.AF_INET6).connect_ex(("${UNROUTED6}", 9)))'`
    const outcome = await netloom([
      'run',
      ...args,
      '--',
      'sh',
      '-c',
      `ip -6 -o address show tap0 scope global; ip -6 route show default; ${connect}`,
    ]).finished
    // errno(3): ENETUNREACH.
    assert.equal(outcome.stdout, '101\n', outcome.stderr)
  }
})

/** A web server on an address, which says who asks. */
async function serve(scope: Scope, host: string): Promise<number> {
  const server = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress}`))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  scope.defer(() => new Promise((resolve) => server.close(() => resolve())))
  return (server.address() as AddressInfo).port
}

e2e('curl -6 reaches the host’s ::1 by fd00::2, and hosts beyond', async (scope) => {
  const port = await serve(scope, '::1')
  assert.equal(await sandbox().must(['curl', '-6', '-sS', `http://[${GATEWAY}]:${port}/`]), 'hello ::1')
  const beyond = await serve(scope, HOST_ADDRESS6)
  assert.equal(await sandbox().must(['curl', '-6', '-sS', `http://[${HOST_ADDRESS6}]:${beyond}/`]), `hello ${HOST_ADDRESS6}`)
  const echoed = await sandbox().ask('tcp.py', 'parallel', ELSEWHERE6, elsewhere().echoPort, 4, 500_000)
  assert.deepEqual(echoed, { equal: 4, received: 2_000_000 })
})

for (const mtu of [1280, 1500, 65520]) {
  e2e(`data is whole by IPv6 at MTU ${mtu}`, async (scope) => {
    const guest = scope.use(await Sandbox.start('--mtu', String(mtu)))
    const host = scope.use(await TcpHost.start('::1'))
    const program = guest.guest('tcp.py', 'exchange', GATEWAY, host.port, 5_000_000)
    const peer = await host.accept()
    const exchanged = await peer.exchange(5_000_000)
    assert.deepEqual(await answer(program), exchanged)
  })
}

e2e('iperf3 -6 moves super-segments both ways', async (scope) => {
  const server = scope.use(new Program(['iperf3', '-s', '-B', '::1', '--forceflush'], { deadline: 120_000 }))
  const port = 5201
  await server.line(/Server listening/)
  for (const way of [[], ['--reverse']]) {
    const before = await frames()
    const report = JSON.parse(await sandbox().must(['iperf3', '-6', '-c', GATEWAY, '-p', String(port), '-n', '200M', '-J', ...way]))
    const bytes = report.end.sum_received.bytes
    assert.ok(bytes >= 200_000_000, `${bytes} bytes`)
    // Far fewer frames than segments of 1,440 bytes, each way alone.
    const moved = (await frames()) - before
    assert.ok(moved < bytes / 1440 / 4, `${moved} frames for ${bytes} bytes`)
  }

  async function frames(): Promise<number> {
    const [{ stats64 }] = JSON.parse(await sandbox().must(['ip', '-j', '-s', 'link', 'show', 'tap0']))
    return stats64.rx.packets + stats64.tx.packets
  }
})

e2e('what refuses or has no route is told at once, by TCP and UDP', async () => {
  const port = await closedPort()
  for (const [address, error] of [
    [GATEWAY, 'ECONNREFUSED'],
    [ELSEWHERE6, 'ECONNREFUSED'],
    [UNREACHABLE6, 'EHOSTUNREACH'],
    [UNROUTED6, 'ENETUNREACH'],
  ] as const) {
    assert.deepEqual(await sandbox().ask('tcp.py', 'connect', address, port), { error, retransmitted: 0 })
    assert.deepEqual(await sandbox().ask('udp.py', 'refused', address, port), { error })
  }
})

e2e('dig asks fd00::3 by UDP and by TCP', async (scope) => {
  keepResolvConf(scope)
  const records = {
    'six.test': [{ type: 'AAAA' as const, name: 'six.test', ttl: 60, data: '2001:db8::6' }],
    'long.test': longText('long.test'),
  }
  scope.use(await Resolver.start('127.0.0.2', records))
  setResolvers(['127.0.0.2'])
  const guest = scope.use(await Sandbox.start())
  const dig = (...args: string[]) => guest.must(['dig', `@${DNS}`, ...args])
  for (const way of ['+notcp', '+tcp']) assert.equal(await dig('+short', way, 'six.test', 'AAAA'), '2001:db8::6\n')
  assert.match(await dig('long.test', 'TXT'), /Truncated, retrying in TCP mode[\s\S]*SERVER: fd00::3#53\(fd00::3\) \(TCP\)/)
  assert.equal(await dig('+short', '-x', GATEWAY), 'host.netloom.internal.\n')
})
