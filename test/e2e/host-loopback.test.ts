// --disable-host-loopback: no frame of any form reaches a server on the host's loopback. Everything is tried twice, with the option and
// without: what could not be reached anyway would prove nothing.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere } from '../support/elsewhere.js'
import { Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'
import type { Asked } from './guest/dns-query.js'

const GATEWAY = '10.0.2.2'
const GATEWAY6 = 'fd00::2'

interface Forged {
  sent: number
  found: [protocol: string, source: string, detail: string][]
}

interface Servers {
  tcp: TcpHost
  udp: UdpHost
  udp6: UdpHost
  port: number
  count: () => number
}

/** TCP and UDP servers on every address of the host, loopback included, IPv6 too, all on one port. */
async function serve(scope: Scope): Promise<Servers> {
  const tcp = scope.use(await TcpHost.start('::'))
  const udp = scope.use(await UdpHost.start('0.0.0.0', tcp.port))
  const udp6 = scope.use(await UdpHost.start('::', tcp.port))
  return { tcp, udp, udp6, port: tcp.port, count: () => tcp.connections + udp.senders.length + udp6.senders.length }
}

e2e('without the option the gateway is the host’s loopback', async (scope) => {
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start())
  const forged = await guest.ask<Forged>('frames.py', 'tap0', '10.0.2.100', GATEWAY, servers.port, 'tcp', 'udp')
  for (const wanted of ['tcp', 'udp'])
    for (const gateway of [GATEWAY, GATEWAY6]) {
      const isFound = forged.found.some(([protocol, source]) => protocol === wanted && source === gateway)
      assert.ok(isFound, `${wanted} by ${gateway}: ${JSON.stringify(forged)}`)
    }
  assert.ok(servers.tcp.connections > 0 && servers.udp.senders.length > 0 && servers.udp6.senders.length > 0)
  // And even then by the gateway's addresses only.
  assert.deepEqual(
    forged.found.filter(([, source]) => source !== GATEWAY && source !== GATEWAY6),
    [],
  )
})

e2e('with it no forged frame reaches anything on the host', async (scope) => {
  const elsewhere = scope.use(await Elsewhere.start())
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  const forged = await guest.ask<Forged>('frames.py', 'tap0', '10.0.2.100', GATEWAY, servers.port)
  assert.ok(forged.sent > 300, `${forged.sent} frames sent`)
  // The stack works through its frames in order: once a later connection has been made, nothing earlier is on its way any more.
  const beyond = await guest.ask<{ error: string | null }>('tcp.py', 'connect', ELSEWHERE, elsewhere.echoPort)
  assert.equal(beyond.error, null)
  assert.deepEqual(forged.found, [])
  assert.equal(servers.count(), 0)
})

e2e('with it a connection to the gateway is refused at once, by TCP and by UDP', async (scope) => {
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  for (const gateway of [GATEWAY, GATEWAY6]) {
    const byTcp = await guest.ask<{ error: string; retransmitted: number }>('tcp.py', 'connect', gateway, servers.port)
    assert.match(byTcp.error, /^(ENETUNREACH|EHOSTUNREACH|ECONNREFUSED|EACCES)$/)
    assert.equal(byTcp.retransmitted, 0)
    const byUdp = await guest.ask<{ error: string }>('udp.py', 'refused', gateway, servers.port)
    assert.match(byUdp.error, /^(ENETUNREACH|EHOSTUNREACH|ECONNREFUSED|EACCES)$/)
  }
  assert.equal(servers.count(), 0)
})

e2e('with it routes by way of the TAP to loopback addresses reach nothing', async (scope) => {
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  // The guest's own kernel is told that 127.0.0.0/8 lies beyond the TAP, and asked to send there.
  await guest.must([
    'sh',
    '-c',
    'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; echo 1 > /proc/sys/net/ipv4/conf/tap0/route_localnet',
  ])
  await guest.must(['ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo'])
  await guest.must(['sh', '-c', 'ip rule add pref 5 lookup 100; ip route add 127.0.0.0/8 via 10.0.2.2 dev tap0 table 100 src 10.0.2.100'])
  await guest.must(['sh', '-c', 'ip address del ::1/128 dev lo; ip -6 route add ::1/128 via fe80::2 dev tap0 src fd00::100'])
  for (const address of ['127.0.0.1', '127.0.0.2', '::1']) {
    const { error } = await guest.ask<{ error: string | null }>('tcp.py', 'connect', address, servers.port, 3)
    assert.notEqual(error, null)
  }
  assert.equal(servers.count(), 0)
})

e2e('with it ping and DNS still work, also by resolvers on the host’s loopback', async (scope) => {
  const resolver = scope.use(
    await Resolver.start('127.0.0.2', { 'one.test': [{ type: 'A', name: 'one.test', ttl: 60, data: '192.0.2.1' }] }),
  )
  setResolvers(['127.0.0.2'])
  scope.defer(() => setResolvers(['127.0.0.53']))
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  for (const gateway of [GATEWAY, GATEWAY6]) await guest.must(['ping', '-c', '1', '-W', '5', gateway])
  const asked = await guest.ask<Asked>('dns-query.js', '10.0.2.3', 'udp', 'one.test', 'A')
  assert.deepEqual(asked.data, ['192.0.2.1'])
  assert.equal(resolver.count('one.test'), 1)
})
