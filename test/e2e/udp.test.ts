// UDP through the relay: datagrams of every size that fits, errors, and the source that the other side sees.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, ELSEWHERE6, Elsewhere, UNROUTED, UNROUTED6 } from '../support/elsewhere.js'
import { answer, Sandbox } from '../support/sandbox.js'
import { closedPort } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'

const GATEWAY = '10.0.2.2'
const FAMILIES = [
  { name: 'IPv4', gateway: GATEWAY, loopback: '127.0.0.1', beyond: ELSEWHERE, unrouted: UNROUTED, target: 'UDP4' },
  { name: 'IPv6', gateway: 'fd00::2', loopback: '::1', beyond: ELSEWHERE6, unrouted: UNROUTED6, target: 'UDP6' },
] as const

/** Bytes of data in the longest datagram of IPv4. */
const LARGEST = 65_507
const KEPT_PORT = 34_567
/** A port that a server of the host may want: below those that kernels choose by themselves. */
const SERVER_PORT = 25_353

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

e2e('every size from 1 to 1400 bytes comes back as it was', async (scope) => {
  const host = scope.use(await UdpHost.start())
  const program = scope.use(sandbox().guest('udp.py', 'echo', GATEWAY, host.port, 1, 1400))
  assert.deepEqual(await answer(program), { error: null, size: 1400 })
  assert.deepEqual(
    host.senders.map((sender) => sender.bytes),
    Array.from({ length: 1400 }, (_, i) => i + 1),
  )
})

e2e('an empty datagram and the largest that fits one frame come back', async (scope) => {
  const host = scope.use(await UdpHost.start())
  for (const size of [0, 1472]) {
    const result = await sandbox().ask('udp.py', 'echo', GATEWAY, host.port, size, size)
    assert.deepEqual(result, { error: null, size })
  }
})

for (const { name, gateway, loopback, beyond, unrouted, target } of FAMILIES) {
  e2e(`a closed port is ECONNREFUSED for a connected socket of ${name}, on the host and elsewhere`, async () => {
    assert.deepEqual(await sandbox().ask('udp.py', 'refused', gateway, await closedPort()), { error: 'ECONNREFUSED' })
    assert.deepEqual(await sandbox().ask('udp.py', 'refused', beyond, 9), { error: 'ECONNREFUSED' })
  })

  e2e(`a network without a route is unreachable for a connected socket of ${name}`, async () => {
    const { error } = await sandbox().ask<{ error: string }>('udp.py', 'refused', unrouted, 9)
    assert.match(error, /^(ENETUNREACH|EHOSTUNREACH)$/)
  })

  e2e(`answers by ${name} come from whom they are of, when one socket asks the host and a host elsewhere at once`, async (scope) => {
    const host = scope.use(await UdpHost.start(loopback))
    const result = await sandbox().ask('udp.py', 'mixed', 200, gateway, host.port, beyond, elsewhere().echoPort)
    assert.deepEqual(result, { answered: 200, wrong: [] })
  })

  e2e(`the source port of ${name} is kept`, async (scope) => {
    const host = scope.use(await UdpHost.start(loopback))
    const sent = `${target}:${bracketed(gateway)}:${host.port},bind=:${KEPT_PORT},readbytes=5`
    assert.equal(await sandbox().must(['socat', '-t', '20', '-', sent], { input: 'hello' }), 'hello')
    assert.deepEqual(
      host.senders.map(({ address, port }) => ({ address, port })),
      [{ address: loopback, port: KEPT_PORT }],
    )
  })

  e2e(`a datagram of ${name} from the port of a server takes nothing from the host`, async (scope) => {
    const host = scope.use(await UdpHost.start(loopback))
    for (const port of [SERVER_PORT, 32_767]) {
      const sent = `${target}:${bracketed(gateway)}:${host.port},bind=:${port},readbytes=5`
      assert.equal(await sandbox().must(['socat', '-t', '20', '-', sent], { input: 'hello' }), 'hello')
      assert.notEqual(host.senders.at(-1)!.port, port)
      scope.use(await UdpHost.start(loopback === '::1' ? '::' : '0.0.0.0', port))
    }
  })

  e2e(`socat moves datagrams of ${name} of every length, both ways`, async (scope) => {
    const host = scope.use(await UdpHost.start(loopback))
    for (const [address, port] of [
      [gateway, host.port],
      [beyond, elsewhere().echoPort],
    ] as const) {
      const to = `${target}:${bracketed(address)}:${port}`
      for (const size of [1, 512, 1452, 1453, 1472, 1473, 9000, 65_506, LARGEST]) {
        const data = randomBytes(size)
        // One read, one datagram; what comes back is as long, or socat waits in vain.
        const command = ['socat', '-t', '20', '-b', String(size), '-', `${to},readbytes=${size}`]
        const { output, stderr } = await sandbox().exec(command, { input: data })
        assert.ok(output.equals(data), `${output.length} bytes came back of ${size}: ${stderr}`)
      }
      // Its end is an empty datagram, and so is what it takes for an end.
      assert.equal(await sandbox().must(['socat', '-t', '20', '-', `${to},shut-null,null-eof`], { input: 'x' }), 'x')
    }
    assert.deepEqual(
      host.senders.map((sender) => sender.bytes),
      [1, 512, 1452, 1453, 1472, 1473, 9000, 65_506, LARGEST, 1, 0],
    )
  })
}

e2e('one guest socket is one host socket, whatever it sends to (RFC 4787, REQ-1)', async (scope) => {
  const [first, second] = [scope.use(await UdpHost.start()), scope.use(await UdpHost.start())]
  const destinations = [GATEWAY, first.port, GATEWAY, second.port, ELSEWHERE, elsewhere().echoPort]
  const { answered } = await sandbox().ask<{ answered: { from: [string, number]; equal: boolean }[] }>('udp.py', 'mapping', ...destinations)
  assert.deepEqual(answered, [
    { from: [GATEWAY, first.port], equal: true },
    { from: [GATEWAY, second.port], equal: true },
    { from: [ELSEWHERE, elsewhere().echoPort], equal: true },
  ])
  assert.equal(first.senders[0]?.port, second.senders[0]?.port)
})

e2e('many guest sockets to one server are told apart', async (scope) => {
  const host = scope.use(await UdpHost.start())
  const script = `import os, socket
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
sent = [os.urandom(32) for _ in sockets]
for s, data in zip(sockets, sent):
    s.settimeout(10)
    s.sendto(data, ('${GATEWAY}', ${host.port}))
for s, data in zip(sockets, sent):
    assert s.recv(100) == data`
  await sandbox().must(['python3', '-c', script])
  assert.equal(new Set(host.senders.map((sender) => sender.port)).size, 100)
})
