// The host's resolv.conf as network managers leave it: a stub on the machine itself, a link that is moved, servers of IPv6 and of one link
// alone, options.
import assert from 'node:assert/strict'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { e2e, type Scope } from '../support/e2e.js'
import { must, until } from '../support/program.js'
import { keepResolvConf, type Records, Resolver } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'

const named = (name: string, data: string): Records => ({ [name]: [{ type: 'A', name, ttl: 60, data }] })
const lookUp = (guest: Sandbox, name: string, ...more: string[]): Promise<string> => guest.must(['dig', '+short', ...more, name])

/** Writes the host's resolv.conf. */
function write(scope: Scope, text: string): void {
  keepResolvConf(scope)
  writeFileSync('/etc/resolv.conf', text)
}

e2e('the stub of systemd-resolved, on 127.0.0.53', async (scope) => {
  write(scope, 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n')
  const stub = scope.use(await Resolver.start('127.0.0.53', named('one.test', '192.0.2.1')))
  const guest = scope.use(await Sandbox.start())
  assert.equal(await lookUp(guest, 'one.test'), '192.0.2.1\n')
  assert.equal(await lookUp(guest, 'one.test', '+tcp', '+cd'), '192.0.2.1\n')
  assert.deepEqual(
    stub.queries.map(({ name }) => name),
    ['one.test', 'one.test'],
  )
})

e2e('a link that is moved to another file, as when a VPN comes up: its servers are asked, and no old answer is given', async (scope) => {
  keepResolvConf(scope)
  const home = scope.use(await Resolver.start('127.0.0.2', named('site.test', '192.0.2.1')))
  const office = scope.use(await Resolver.start('127.0.0.3', named('site.test', '192.0.2.2')))
  for (const [file, server] of [
    ['home', '127.0.0.2'],
    ['office', '127.0.0.3'],
  ]) {
    writeFileSync(`/etc/resolv.conf.${file}`, `nameserver ${server}\n`)
    scope.defer(() => rmSync(`/etc/resolv.conf.${file}`))
  }
  const point = (file: string) => {
    symlinkSync(`resolv.conf.${file}`, '/etc/resolv.conf.new')
    renameSync('/etc/resolv.conf.new', '/etc/resolv.conf')
  }
  point('home')
  const guest = scope.use(await Sandbox.start())
  assert.equal(await lookUp(guest, 'site.test'), '192.0.2.1\n')
  point('office')
  await until(async () => (await lookUp(guest, 'site.test')) === '192.0.2.2\n', 'the office is not asked')
  point('home')
  await until(async () => (await lookUp(guest, 'site.test')) === '192.0.2.1\n', 'home is not asked again')
  assert.deepEqual([home.count('site.test'), office.count('site.test')], [2, 1])
})

e2e('a question that the old servers leave open when a VPN comes up is asked of the new ones, without another try', async (scope) => {
  write(scope, 'nameserver 127.0.0.2\n')
  const gone = scope.use(await Resolver.start('127.0.0.2', 'silent'))
  scope.use(await Resolver.start('127.0.0.3', named('site.test', '192.0.2.2')))
  const guest = scope.use(await Sandbox.start())
  const asking = lookUp(guest, 'site.test', '+time=20', '+tries=1')
  await gone.asked('site.test')
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.3\n')
  assert.equal(await asking, '192.0.2.2\n')
})

for (const before of ['file', 'link'] as const) {
  e2e(`the sandbox's own resolv.conf stays when the host's, a ${before}, is replaced, and names are found still`, async (scope) => {
    keepResolvConf(scope)
    const office = scope.use(await Resolver.start('127.0.0.3', named('site.test', '192.0.2.2')))
    if (before === 'link') {
      writeFileSync('/etc/resolv.conf.home', 'nameserver 127.0.0.2\n')
      scope.defer(() => rmSync('/etc/resolv.conf.home'))
      rmSync('/etc/resolv.conf')
      symlinkSync('resolv.conf.home', '/etc/resolv.conf')
    } else writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.2\n')
    const guest = scope.use(await Sandbox.start())
    assert.equal(await lookUp(guest, 'site.test'), '')
    writeFileSync('/etc/resolv.conf.new', 'nameserver 127.0.0.3\n')
    renameSync('/etc/resolv.conf.new', '/etc/resolv.conf')
    assert.equal(await guest.must(['cat', '/etc/resolv.conf']), 'nameserver 10.0.2.3\n')
    await until(
      async () => (await guest.exec(['getent', 'ahostsv4', 'site.test'])).stdout.startsWith('192.0.2.2'),
      'site.test is not found',
    )
    assert.ok(office.count('site.test') > 0)
  })
}

e2e('what the host searches for short names, the sandbox does', async (scope) => {
  write(scope, 'nameserver 127.0.0.2\nsearch corp.test other.test\n')
  scope.use(await Resolver.start('127.0.0.2', named('db.other.test', '192.0.2.3')))
  const guest = scope.use(await Sandbox.start())
  assert.equal(await guest.must(['cat', '/etc/resolv.conf']), 'nameserver 10.0.2.3\nsearch corp.test other.test\n')
  assert.match(await guest.must(['getent', 'ahostsv4', 'db']), /^192\.0\.2\.3\s/)
})

e2e('the host’s options are the sandbox’s, and with use-vc nobody asks by UDP', async (scope) => {
  write(scope, 'nameserver 127.0.0.2\noptions ndots:2 timeout:3 trust-ad\noptions use-vc edns0\nsearch corp.test\n')
  const server = scope.use(await Resolver.start('127.0.0.2', named('db.other.test', '192.0.2.3')))
  const guest = scope.use(await Sandbox.start())
  assert.equal(
    await guest.must(['cat', '/etc/resolv.conf']),
    'nameserver 10.0.2.3\nsearch corp.test\noptions ndots:2 timeout:3 use-vc edns0\n',
  )
  assert.match(await guest.must(['getent', 'ahostsv4', 'db.other.test']), /^192\.0\.2\.3\s/)
  assert.equal(await lookUp(guest, 'db.other.test'), '192.0.2.3\n')
  assert.ok(server.queries.length > 0)
  assert.deepEqual([...new Set(server.queries.map(({ transport }) => transport))], ['tcp'])
})

e2e('the names of the host are none where it is not to be reached, whatever its name servers say', async (scope) => {
  write(scope, 'nameserver 127.0.0.2\n')
  const server = scope.use(await Resolver.start('127.0.0.2', named('host.containers.internal', '198.51.100.1')))
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  for (const name of ['host.containers.internal', 'host.docker.internal', 'host.netloom.internal'])
    assert.match(await guest.must(['dig', name]), /status: NXDOMAIN/)
  assert.equal(server.queries.length, 0)
})

e2e('servers of IPv6, by UDP and TCP, and failover between families', async (scope) => {
  write(scope, 'nameserver ::1\nnameserver 127.0.0.2\n')
  const six = scope.use(await Resolver.start('::1', named('six.test', '192.0.2.6')))
  const four = scope.use(await Resolver.start('127.0.0.2', named('four.test', '192.0.2.4')))
  const guest = scope.use(await Sandbox.start())
  assert.equal(await lookUp(guest, 'six.test'), '192.0.2.6\n')
  assert.equal(await lookUp(guest, 'six.test', '+tcp', '+cd'), '192.0.2.6\n')
  assert.equal(four.queries.length, 0)
  await six.close()
  assert.equal(await lookUp(guest, 'four.test'), '192.0.2.4\n')
  assert.equal(await lookUp(guest, 'four.test', '+tcp', '+cd'), '192.0.2.4\n')
})

e2e('a server of one link alone, by UDP and TCP', async (scope) => {
  write(scope, 'nameserver fe80::53%dns0\n')
  await must(['ip', 'link', 'add', 'dns0', 'type', 'veth', 'peer', 'name', 'dns1'])
  scope.defer(async () => void (await must(['ip', 'link', 'del', 'dns0'])))
  await must(['ip', 'address', 'add', 'fe80::53/64', 'dev', 'dns0', 'nodad'])
  for (const name of ['dns0', 'dns1']) await must(['ip', 'link', 'set', name, 'up'])
  const server = scope.use(await Resolver.start('fe80::53%dns0', { ...named('link.test', '192.0.2.5'), ...named('tcp.test', '192.0.2.6') }))
  const guest = scope.use(await Sandbox.start())
  assert.equal(await lookUp(guest, 'link.test'), '192.0.2.5\n')
  assert.equal(await lookUp(guest, 'tcp.test', '+tcp'), '192.0.2.6\n')
  assert.deepEqual([server.count('link.test'), server.count('tcp.test')], [1, 1])
})

e2e('options rotate and attempts: every server has its share of the questions, and each question once', async (scope) => {
  write(scope, 'options rotate timeout:1 attempts:1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n')
  const records = {
    ...named('a.test', '192.0.2.1'),
    ...named('b.test', '192.0.2.2'),
    ...named('c.test', '192.0.2.3'),
    ...named('d.test', '192.0.2.4'),
  }
  const servers = [scope.use(await Resolver.start('127.0.0.2', records)), scope.use(await Resolver.start('127.0.0.3', records))]
  const guest = scope.use(await Sandbox.start())
  for (const name of ['a.test', 'b.test', 'c.test', 'd.test']) assert.match(await lookUp(guest, name), /^192\.0\.2\.\d\n$/)
  assert.deepEqual(
    servers.map((server) => server.queries.length),
    [2, 2],
  )
})
