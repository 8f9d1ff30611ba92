// What a command finds in its sandbox: interfaces, addresses, routes, name servers; and what the options change.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { e2e, shared } from '../support/e2e.js'
import { answer, netloom, Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { guestProgram, NETLOOM } from '../support/world.js'

interface Address {
  ifname: string
  mtu: number
  flags: string[]
  address: string
  addr_info: { family: string; local: string; prefixlen: number; broadcast?: string; scope: string }[]
}

const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

async function interfaces(guest: Sandbox): Promise<Map<string, Address>> {
  const list: Address[] = JSON.parse(await guest.must(['ip', '-j', 'address']))
  return new Map(list.map((entry) => [entry.ifname, entry]))
}

const ipv4 = (entry: Address | undefined) => entry?.addr_info.find((info) => info.family === 'inet')

e2e('tap0 is up with 10.0.2.100/24 and MTU 1500, and lo is up; there is nothing else', async () => {
  const found = await interfaces(sandbox())
  assert.deepEqual([...found.keys()].sort(), ['lo', 'tap0'])
  assert.ok(found.get('lo')?.flags.includes('UP'))
  assert.equal(ipv4(found.get('lo'))?.local, '127.0.0.1')
  const tap = found.get('tap0')
  assert.equal(tap?.mtu, 1500)
  assert.ok(tap?.flags.includes('UP') && tap.flags.includes('LOWER_UP'), String(tap?.flags))
  const { local, prefixlen, broadcast, scope } = ipv4(tap) ?? {}
  assert.deepEqual({ local, prefixlen, broadcast, scope }, { local: '10.0.2.100', prefixlen: 24, broadcast: '10.0.2.255', scope: 'global' })
})

e2e('the default route goes by 10.0.2.2', async () => {
  const routes: { dst: string; gateway?: string; dev: string }[] = JSON.parse(await sandbox().must(['ip', '-j', '-4', 'route']))
  const brief = routes.map(({ dst, gateway, dev }) => `${dst} ${gateway ?? '-'} ${dev}`).sort()
  assert.deepEqual(brief, ['10.0.2.0/24 - tap0', 'default 10.0.2.2 tap0'])
})

e2e("the sandbox's resolv.conf names 10.0.2.3, and the host's is untouched", async () => {
  const before = readFileSync('/etc/resolv.conf', 'utf8')
  const lines = (await sandbox().must(['cat', '/etc/resolv.conf'])).split('\n')
  assert.deepEqual(
    lines.filter((line) => line.startsWith('nameserver')),
    ['nameserver 10.0.2.3'],
  )
  assert.equal(readFileSync('/etc/resolv.conf', 'utf8'), before)
})

e2e('offloads are on: the guest hands over super-segments', async () => {
  const maximum = await sandbox().must(['ip', '-d', 'link', 'show', 'tap0'])
  assert.match(maximum, /gso_max_size 65536/)
  assert.match(maximum, /vnet_hdr on/)
  assert.match(await sandbox().must(['ethtool', '-k', 'tap0']), /tcp-segmentation-offload: on/)
})

e2e('loopback in the sandbox is its own', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const asked = await sandbox().ask<{ error: string }>('tcp.py', 'connect', '127.0.0.1', host.port)
  assert.equal(asked.error, 'ECONNREFUSED')
  assert.equal(host.connections, 0)
})

e2e('--mtu sets the MTU, from the smallest that IPv4 allows to the largest of a TAP', async (scope) => {
  for (const mtu of [68, 1280, 9000, 65521]) {
    const outcome = await scope.use(netloom(['run', '--mtu', String(mtu), '--', 'ip', '-j', 'link', 'show', 'tap0'], { input: '' }))
      .finished
    assert.equal(outcome.status, 0, `${mtu}: ${outcome.stderr}`)
    assert.equal(JSON.parse(outcome.stdout)[0].mtu, mtu)
  }
})

for (const mtu of [576, 65520]) {
  e2e(`data is whole at MTU ${mtu}`, async (scope) => {
    const guest = scope.use(await Sandbox.start('--mtu', String(mtu)))
    const host = scope.use(await TcpHost.start())
    const program = guest.guest('tcp.py', 'exchange', '10.0.2.2', host.port, 5_000_000)
    const peer = await host.accept()
    const exchanged = await peer.exchange(5_000_000)
    assert.deepEqual(await answer(program), exchanged)
  })
}

e2e('--cidr moves every address', async (scope) => {
  const guest = scope.use(await Sandbox.start('--cidr', '192.168.77.0/25'))
  const { local, prefixlen } = ipv4((await interfaces(guest)).get('tap0')) ?? {}
  assert.deepEqual({ local, prefixlen }, { local: '192.168.77.100', prefixlen: 25 })
  assert.match(await guest.must(['ip', 'route']), /^default via 192\.168\.77\.2 dev tap0/m)
  assert.match(await guest.must(['cat', '/etc/resolv.conf']), /^nameserver 192\.168\.77\.3$/m)
  await guest.must(['ping', '-c', '1', '-W', '5', '192.168.77.2'])
  await guest.must(['ping', '-c', '1', '-W', '5', '192.168.77.3'])
  const host = scope.use(await TcpHost.start())
  assert.deepEqual(await guest.ask('tcp.py', 'connect', '192.168.77.2', host.port), { error: null, retransmitted: 0 })
})

e2e('a network that is too short for .100 has the guest at its last address', async (scope) => {
  for (const [cidr, address] of [
    ['10.0.2.0/26', '10.0.2.62/26'],
    ['172.16.5.8/29', '172.16.5.14/29'],
  ] as const) {
    const outcome = await scope.use(netloom(['run', '--cidr', cidr, '--', 'ip', '-4', '-o', 'address', 'show', 'tap0'], { input: '' }))
      .finished
    assert.ok(outcome.stdout.includes(` ${address} `), outcome.stdout + outcome.stderr)
  }
})

e2e('--ifname names the interface', async (scope) => {
  const guest = scope.use(await Sandbox.start('--ifname', 'fifteen-letters'))
  assert.equal(ipv4((await interfaces(guest)).get('fifteen-letters'))?.local, '10.0.2.100')
  await guest.must(['ping', '-c', '1', '-W', '5', '10.0.2.2'])
})

e2e('two sandboxes at once keep their traffic apart', async (scope) => {
  const [first, second] = await Promise.all([Sandbox.start(), Sandbox.start()])
  scope.use(first)
  scope.use(second)
  await Promise.all(
    [first, second].map(async (guest) => {
      const host = scope.use(await TcpHost.start())
      const program = guest.guest('tcp.py', 'exchange', '10.0.2.2', host.port, 20_000_000)
      const peer = await host.accept()
      const exchanged = await peer.exchange(20_000_000)
      assert.deepEqual(await answer(program), exchanged)
    }),
  )
})

e2e('a sandbox inside a sandbox has a network too', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const command = [...guestProgram('tcp.py'), 'connect', '10.0.2.2', String(host.port)]
  const nested = sandbox().spawn([...NETLOOM, 'run', '--cidr', '10.0.3.0/24', '--', ...command], { input: '' })
  assert.deepEqual(await answer(scope.use(nested)), { error: null, retransmitted: 0 })
  await host.accept()
})
