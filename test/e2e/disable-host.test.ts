// --disable-host: nothing of the host can be reached, by whatever address it has and however that is written; other hosts can. Everything is tried
// twice, with the option and without: what could not be reached anyway would prove nothing.
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, HOST_ADDRESS, HOST_ADDRESS6 } from '../support/elsewhere.js'
import { must, until } from '../support/program.js'
import { Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'
import type { Asked } from './guest/dns-query.js'

const METADATA = '169.254.169.254'
const BROADCAST = '198.51.100.255'
/** Of a network that is all the host's (ip-route(8), local), and one of a bridge, as container engines have it. */
const ANYIP = '198.18.7.7'
const BRIDGE = '172.31.9.1'
const LATER = '198.51.100.55'
const LATER6 = '2001:db8:ee::55'

const elsewhere = shared(async (scope) => {
  const there = scope.use(await Elsewhere.start())
  await must(['ip', 'address', 'add', `${METADATA}/32`, 'dev', 'lo'])
  scope.defer(async () => void (await must(['ip', 'address', 'del', `${METADATA}/32`, 'dev', 'lo'])))
  await must(['ip', 'route', 'add', 'local', '198.18.0.0/15', 'dev', 'lo'])
  scope.defer(async () => void (await must(['ip', 'route', 'del', 'local', '198.18.0.0/15', 'dev', 'lo'])))
  await must(['ip', 'link', 'add', 'bridge9', 'type', 'bridge'])
  scope.defer(async () => void (await must(['ip', 'link', 'del', 'bridge9'])))
  await must(['ip', 'address', 'add', `${BRIDGE}/24`, 'dev', 'bridge9'])
  await must(['ip', 'link', 'set', 'bridge9', 'up'])
  return there
})

const hex = (ipv4: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** What a guest could write an address of the host as. */
function spellings(): string[] {
  const ipv4 = [HOST_ADDRESS, BROADCAST, '198.51.100.0', METADATA, '169.254.1.2', ANYIP, BRIDGE, '172.31.9.255', '172.31.9.0']
  const linkLocal = networkInterfaces()['elsewhere']!.find(({ address }) => address.startsWith('fe80:'))!.address
  const behind = ipv4.flatMap((text) => [
    `::ffff:${text}`,
    `::${text}`,
    `64:ff9b::${hex(text)}`,
    `64:ff9b:1::${hex(text)}`,
    `2002:${hex(text)}::`,
  ])
  return [...ipv4, HOST_ADDRESS6, '2001:db8:ee::', linkLocal, 'fe80::1', ...behind]
}

interface Forged {
  sent: number
  found: [protocol: string, source: string, detail: string][]
}

interface Servers {
  port: number
  count: () => number
}

/** On every address of the host, by TCP and UDP of both versions, on one port. */
async function serve(scope: Scope): Promise<Servers> {
  const tcp = scope.use(await TcpHost.start('::'))
  const udp = scope.use(await UdpHost.start('0.0.0.0', tcp.port))
  const udp6 = scope.use(await UdpHost.start('::', tcp.port))
  return { port: tcp.port, count: () => tcp.connections + udp.senders.length + udp6.senders.length }
}

const connect = (guest: Sandbox, address: string, port: number) =>
  guest.ask<{ error: string | null; retransmitted: number }>('tcp.py', 'connect', address, port)

e2e('without the option every address of the host is reached', async (scope) => {
  elsewhere()
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host-loopback'))
  for (const address of [HOST_ADDRESS, HOST_ADDRESS6, METADATA, ANYIP, BRIDGE])
    assert.equal((await connect(guest, address, servers.port)).error, null, address)
  assert.equal((await guest.ask<{ error: string | null }>('udp.py', 'echo', HOST_ADDRESS, servers.port, 1, 1)).error, null)
  assert.ok(servers.count() >= 6)
})

e2e('with it no frame of any form reaches anything on the host, and others are reached', async (scope) => {
  const there = elsewhere()
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host'))
  const forged = await guest.ask<Forged>('frames.py', 'tap0', '10.0.2.100', '10.0.2.2', servers.port, ...spellings())
  assert.ok(forged.sent > 1000, `${forged.sent} frames sent`)
  for (const address of [ELSEWHERE, ELSEWHERE6]) {
    assert.equal((await connect(guest, address, there.echoPort)).error, null)
    await guest.must(['ping', '-c', '1', '-W', '5', address])
  }
  assert.deepEqual(forged.found, [])
  assert.equal(servers.count(), 0)
})

e2e('with it a program is told at once, by TCP, UDP and ping', async (scope) => {
  elsewhere()
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host'))
  for (const address of [HOST_ADDRESS, HOST_ADDRESS6, METADATA, ANYIP, BRIDGE, '10.0.2.2', 'fd00::2']) {
    assert.deepEqual(await connect(guest, address, servers.port), { error: 'ENETUNREACH', retransmitted: 0 }, address)
    const byUdp = await guest.ask<{ error: string }>('udp.py', 'refused', address, servers.port)
    assert.equal(byUdp.error, 'ENETUNREACH', address)
  }
  for (const address of [HOST_ADDRESS, METADATA, BROADCAST]) {
    const outcome = await guest.exec(['ping', '-b', '-n', '-c', '1', '-W', '5', address])
    assert.match(outcome.stdout, /Net Unreachable/, address)
  }
  assert.equal(servers.count(), 0)
})

e2e('addresses that the host gets later are its own as well, and those that it gives up are not', async (scope) => {
  elsewhere()
  const servers = await serve(scope)
  const guest = scope.use(await Sandbox.start('--disable-host'))
  for (const [address, length] of [
    [LATER, 32],
    [LATER6, 128],
  ] as const) {
    // Before, it is somebody's on the link who does not answer.
    await must(['ip', 'address', 'add', `${address}/${length}`, 'dev', 'elsewhere', ...(length === 128 ? ['nodad'] : [])])
    let isRemoved = false
    scope.defer(async () => void (isRemoved || (await must(['ip', 'address', 'del', `${address}/${length}`, 'dev', 'elsewhere']))))
    let error: string | null = ''
    await until(
      async () => {
        error = (await connect(guest, address, servers.port)).error
        return error === 'ENETUNREACH'
      },
      () => `${address}: ${error ?? 'reached'}`,
    )
    await must(['ip', 'address', 'del', `${address}/${length}`, 'dev', 'elsewhere'])
    isRemoved = true
    // Nobody has it then: the host asks for it on its link, in vain.
    await until(
      async () => {
        error = (await connect(guest, address, servers.port)).error
        return error === 'EHOSTUNREACH'
      },
      () => `${address}: ${error ?? 'reached'}`,
    )
  }
})

e2e('with it names that stand for the host have no address of it', async (scope) => {
  elsewhere()
  const one = (data: string) => ({ type: data.includes(':') ? ('AAAA' as const) : ('A' as const), name: 'nas.test', ttl: 60, data })
  const records = [HOST_ADDRESS, ELSEWHERE, METADATA, BROADCAST, HOST_ADDRESS6, ELSEWHERE6].map(one)
  scope.use(await Resolver.start('127.0.0.2', { 'nas.test': records }))
  setResolvers(['127.0.0.2'])
  scope.defer(() => setResolvers(['127.0.0.53']))
  const ask = async (guest: Sandbox, type: string) => (await guest.ask<Asked>('dns-query.js', '10.0.2.3', 'udp', 'nas.test', type)).data
  const open = scope.use(await Sandbox.start())
  assert.deepEqual(await ask(open, 'A'), [HOST_ADDRESS, ELSEWHERE, METADATA, BROADCAST])
  const guest = scope.use(await Sandbox.start('--disable-host'))
  assert.deepEqual(await ask(guest, 'A'), [ELSEWHERE])
  assert.deepEqual(await ask(guest, 'AAAA'), [ELSEWHERE6])
})
