// --outbound-addr and --outbound-addr6 of slirp4netns, by address and by interface, as a server of the host sees them, on its loopback too.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { must } from '../support/program.js'
import { Bare } from '../support/sandbox.js'
import { Slirp } from '../support/slirp.js'
import { TcpHost } from '../support/tcp-peer.js'

/** Of the host, on an interface that leads nowhere. */
const SECOND = '198.51.100.2'
const SECOND6 = '2001:db8:ee::2'
const DEVICE = 'second'

shared(async (scope) => {
  await must(['ip', 'link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', 'third'])
  scope.defer(async () => {
    await must(['ip', 'link', 'del', DEVICE])
  })
  await must(['ip', 'address', 'add', `${SECOND}/32`, 'dev', DEVICE])
  await must(['ip', 'address', 'add', `${SECOND6}/128`, 'dev', DEVICE, 'nodad'])
  for (const device of [DEVICE, 'third']) await must(['ip', 'link', 'set', device, 'up'])
})

/** Where a connection to the gateway comes from, as the server on the host's loopback sees it. */
async function source(scope: Scope, target: Bare, gateway: string): Promise<string | undefined> {
  const host = scope.use(await TcpHost.start(gateway.includes(':') ? '::1' : '127.0.0.1'))
  const program = target.guest('tcp.py', 'connect', gateway, host.port)
  const peer = await host.accept()
  const { remoteAddress } = peer.socket
  peer.socket.destroy()
  await program.finished
  return remoteAddress
}

for (const [what, ...args] of [
  ['an address', `--outbound-addr=${SECOND}`, `--outbound-addr6=${SECOND6}`],
  ['an interface', `--outbound-addr=${DEVICE}`, `--outbound-addr6=${DEVICE}`],
] as const) {
  e2e(`by ${what}`, async (scope) => {
    const target = scope.use(await Bare.start())
    await target.must(['sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'])
    const slirp = scope.use(await Slirp.start(['-c', '-6', ...args, String(target.inside), 'tap0']))
    assert.equal(await source(scope, target, '10.0.2.2'), SECOND)
    assert.equal(await source(scope, target, 'fd00::2'), SECOND6)
    assert.match(slirp.program.stdout, new RegExp(`^\\* Outbound IPv4: {4}${SECOND}\n\\* Outbound IPv6: {4}${SECOND6}$`, 'm'))
  })
}

e2e('of IPv6 alone, by interface; IPv4 is sent as routes decide', async (scope) => {
  const target = scope.use(await Bare.start())
  await target.must(['sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'])
  scope.use(await Slirp.start(['-c', '-6', `--outbound-addr6=${DEVICE}`, String(target.inside), 'tap0']))
  assert.equal(await source(scope, target, '10.0.2.2'), '127.0.0.1')
  assert.equal(await source(scope, target, 'fd00::2'), SECOND6)
})

e2e('an address that the host does not have is no mistake, and no way out', async (scope) => {
  const target = scope.use(await Bare.start())
  scope.use(await Slirp.start(['-c', '--outbound-addr=192.0.2.99', String(target.inside), 'tap0']))
  await target.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
  const tried = await target.ask<{ error: string }>('tcp.py', 'connect', '10.0.2.2', 9)
  assert.match(tried.error, /^E(HOST|NET)UNREACH$/)
})
