// DNS as real programs use it in the sandbox: dig, the C library, busybox (which asks for both families at once, as musl does), curl. The
// name server behind it is the tests' own.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { e2e, type Scope } from '../support/e2e.js'
import { keepResolvConf, longText, type Records, Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'

const RECORDS: Records = {
  'both.test': [
    { type: 'A', name: 'both.test', ttl: 60, data: '192.0.2.1' },
    { type: 'AAAA', name: 'both.test', ttl: 60, data: '2001:db8::1' },
    { type: 'TXT', name: 'both.test', ttl: 60, data: 'some text' },
  ],
  'long.test': longText('long.test'),
  '9.2.0.192.in-addr.arpa': [{ type: 'PTR', name: '9.2.0.192.in-addr.arpa', ttl: 60, data: 'nine.test' }],
}

interface Setting {
  resolver: Resolver
  guest: Sandbox
  /** What dig prints; it must have had an answer. */
  dig: (...args: string[]) => Promise<string>
}

async function start(scope: Scope, servers: readonly string[] = ['127.0.0.2'], ...args: string[]): Promise<Setting> {
  keepResolvConf(scope)
  const resolver = scope.use(await Resolver.start('127.0.0.2', RECORDS))
  setResolvers(servers)
  const guest = scope.use(await Sandbox.start(...args))
  return { resolver, guest, dig: (...words) => guest.must(['dig', ...words]) }
}

e2e('dig: addresses of both families, text, and names of addresses', async (scope) => {
  const { dig, resolver } = await start(scope)
  assert.equal(await dig('+short', 'both.test', 'A', 'both.test', 'AAAA', 'both.test', 'TXT'), '192.0.2.1\n2001:db8::1\n"some text"\n')
  assert.equal(await dig('+short', '-x', '192.0.2.9'), 'nine.test.\n')
  assert.match(await dig('both.test', 'MX'), /status: NOERROR[\s\S]*ANSWER: 0,/)
  assert.match(await dig('missing.test'), /status: NXDOMAIN/)
  const asked = resolver.queries.length
  assert.equal(await dig('+short', '-x', '10.0.2.2', '-x', '10.0.2.3'), 'host.netloom.internal.\ndns.netloom.internal.\n')
  assert.equal(resolver.queries.length, asked, 'our own addresses were asked of the host')
})

e2e('dig: a long answer comes by TCP, or in one datagram of many fragments to who has room for it', async (scope) => {
  const { dig } = await start(scope)
  const lines = (output: string) => output.split('\n').filter((line) => line.startsWith('long.test.')).length
  const retried = await dig('long.test', 'TXT')
  assert.match(retried, /Truncated, retrying in TCP mode/)
  assert.match(retried, /SERVER: 10\.0\.2\.3#53\(10\.0\.2\.3\) \(TCP\)/)
  assert.equal(lines(retried), 10)
  const whole = await dig('+bufsize=4096', 'long.test', 'TXT')
  assert.doesNotMatch(whole, /Truncated/)
  assert.match(whole, /SERVER: 10\.0\.2\.3#53\(10\.0\.2\.3\) \(UDP\)/)
  assert.equal(lines(whole), 10)
  assert.match(await dig('+noedns', '+ignore', 'long.test', 'TXT'), /flags: qr[^;]* tc[^;]*;[^;]*ANSWER: 0,/)
  const byTcp = await dig('+tcp', 'long.test', 'TXT')
  assert.match(byTcp, /\(TCP\)/)
  assert.equal(lines(byTcp), 10)
})

e2e('dig: EDNS options and versions, other classes and types pass, and so does what is said of them', async (scope) => {
  const { dig, resolver } = await start(scope)
  assert.match(
    await dig('+subnet=198.51.100.0/24', '+nsid', '+dnssec', 'both.test'),
    /status: NOERROR[\s\S]*both\.test\.[^\n]*192\.0\.2\.1/,
  )
  assert.match(await dig('CH', 'TXT', 'version.bind'), /status: NXDOMAIN/)
  assert.match(await dig('both.test', 'TYPE65280'), /status: NOERROR/)
  assert.deepEqual(
    resolver.queries.map(({ name, type }) => [name, type]),
    [
      ['both.test', 'A'],
      ['version.bind', 'TXT'],
      ['both.test', 'UNKNOWN_65280'],
    ],
  )
})

e2e('over IPv6: by UDP and TCP, and the names and addresses of the host and of the network', async (scope) => {
  const server = createServer((_, response) => response.end('over IPv6\n'))
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
  scope.defer(() => new Promise((resolve) => server.close(() => resolve())))
  const { guest, dig, resolver } = await start(scope, ['127.0.0.2'], '--cidr6', 'fd00::/64')
  for (const transport of ['+notcp', '+tcp']) {
    assert.equal(await dig('@fd00::3', transport, '+short', 'both.test', 'AAAA'), '2001:db8::1\n')
    assert.match(await dig('@fd00::3', transport, 'missing.test'), /status: NXDOMAIN/)
  }
  const asked = resolver.queries.length
  for (const name of ['host.netloom.internal', 'host.containers.internal', 'host.docker.internal']) {
    assert.equal(await dig('@fd00::3', '+short', name, 'A', name, 'AAAA'), '10.0.2.2\nfd00::2\n')
  }
  assert.equal(await dig('+short', '-x', 'fd00::2', '-x', 'fd00::3'), 'host.netloom.internal.\ndns.netloom.internal.\n')
  assert.equal(resolver.queries.length, asked, 'our own names were asked of the host')
  const { port } = server.address() as AddressInfo
  assert.equal(await guest.must(['curl', '-6', '-sS', '--max-time', '20', `http://host.docker.internal:${port}/`]), 'over IPv6\n')
})

e2e('busybox nslookup: both families, asked for at once from one socket', async (scope) => {
  const { guest, resolver } = await start(scope)
  const output = await guest.must(['busybox', 'nslookup', 'both.test', '10.0.2.3'])
  assert.match(output, /Address: 192\.0\.2\.1\n/)
  assert.match(output, /Address: 2001:db8::1\n/)
  assert.deepEqual(resolver.queries.map(({ type }) => type).sort(), ['A', 'AAAA'])
  const host = await guest.must(['busybox', 'nslookup', 'host.docker.internal'])
  assert.match(host, /Address: 10\.0\.2\.2\n/)
})

e2e('the C library: both families, and names of addresses', async (scope) => {
  const { guest } = await start(scope)
  const all = await guest.must(['getent', 'ahosts', 'both.test'])
  assert.match(all, /^192\.0\.2\.1\s/m)
  assert.match(all, /^2001:db8::1\s/m)
  assert.match(await guest.must(['getent', 'hosts', '192.0.2.9']), /^192\.0\.2\.9\s+nine\.test$/m)
  assert.match(await guest.must(['getent', 'hosts', '10.0.2.2']), /^10\.0\.2\.2\s+host\.netloom\.internal$/m)
})

for (const name of ['host.containers.internal', 'host.docker.internal', 'host.netloom.internal']) {
  e2e(`curl finds a server on the host's loopback as ${name}`, async (scope) => {
    const server = createServer((_, response) => response.end(`hello from ${name}\n`))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    scope.defer(() => new Promise((resolve) => server.close(() => resolve())))
    const { guest } = await start(scope)
    const { port } = server.address() as AddressInfo
    assert.equal(await guest.must(['curl', '-sS', '--max-time', '20', `http://${name}:${port}/`]), `hello from ${name}\n`)
  })
}

e2e('a name server that ends while it is asked is followed by the next, and no name is said to be missing', async (scope) => {
  const { guest, dig, resolver } = await start(scope, ['127.0.0.3', '127.0.0.2'])
  const dying = scope.use(await Resolver.start('127.0.0.3', 'silent'))
  const asking = guest.must(['dig', '+short', '+time=20', '+tries=1', 'both.test'])
  await dying.asked('both.test')
  await dying.close()
  assert.equal(await asking, '192.0.2.1\n')
  assert.equal(await dig('+short', 'both.test', 'AAAA'), '2001:db8::1\n')
  await resolver.close()
  for (const transport of ['+notcp', '+tcp']) {
    const last = await dig(transport, '+time=20', '+tries=1', 'other.test')
    assert.match(last, /status: SERVFAIL/)
  }
  // What is known is still known.
  assert.equal(await dig('+short', 'both.test'), '192.0.2.1\n')
})
