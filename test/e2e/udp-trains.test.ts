// Many datagrams at once: trains of programs that ask for segmentation offload, streams of equal datagrams, several peers of one socket.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere } from '../support/elsewhere.js'
import { Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'
import { closedPort } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'
import { guestProgram, userEnvironment } from '../support/world.js'

const GATEWAY = '10.0.2.2'
const IN_ORDER = { received: 3000, wrong: [] }

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))
/** Answers with trains, on the host: its port. */
async function serveTrains(scope: Scope, host: string): Promise<number> {
  const program = scope.use(new Program([...guestProgram('udp-trains.py'), 'serve', host], { environment: userEnvironment }))
  return Number((await program.line(/^port (\d+)$/m))[1])
}

e2e('datagrams of any size come back whole, from here and from elsewhere', async (scope) => {
  const host = scope.use(await UdpHost.start())
  for (const size of [1473, 2000, 9000, 30_000, 65_507]) {
    assert.deepEqual(await sandbox().ask('udp.py', 'echo', GATEWAY, host.port, size, size), { error: null, size })
    assert.deepEqual(await sandbox().ask('udp.py', 'echo', ELSEWHERE, elsewhere().echoPort, size, size), { error: null, size })
  }
})

e2e('socat moves the largest datagram there and back', async (scope) => {
  const host = scope.use(await UdpHost.start())
  const input = 'x'.repeat(65_507)
  const output = await sandbox().must(['socat', '-b', '65507', '-t', '2', '-T', '2', '-', `UDP4:${GATEWAY}:${host.port}`], { input })
  assert.equal(output.length, input.length)
  assert.deepEqual(
    host.senders.map(({ bytes }) => bytes),
    [65_507],
  )
})

for (const { version, gateway, host: address, longest } of [
  { version: 4, gateway: GATEWAY, host: '127.0.0.1', longest: 1472 },
  { version: 6, gateway: 'fd00::2', host: '::1', longest: 1452 },
]) {
  e2e(`IPv${version}: a train of a program in the sandbox arrives as its datagrams, each in its place`, async (scope) => {
    const host = scope.use(await UdpHost.start(address))
    for (const [segment, count, last] of [
      [1200, 10, 0],
      [longest, 44, 1],
      [100, 63, 50],
      [4, 64, 0],
    ] as const) {
      assert.deepEqual(await sandbox().ask('udp-trains.py', 'send', gateway, host.port, segment, count, last), { equal: true })
      const sizes = host.senders.splice(0).map(({ bytes }) => bytes)
      assert.deepEqual(sizes, [...new Array(count).fill(segment), ...(last > 0 ? [last] : [])])
    }
  })

  e2e(`IPv${version}: a train of a program on the host does so in the sandbox, whether or not the receiver takes trains`, async (scope) => {
    const port = await serveTrains(scope, address)
    for (const gro of [0, 1]) {
      const told = await sandbox().ask<{ atOnce: boolean }>('udp-trains.py', 'ask', gateway, port, 1200, 20, 30, gro)
      assert.deepEqual(told, { inOrder: true, sizes: [30, 1200], atOnce: gro === 1 })
    }
    // Longer than the link carries whole.
    const told = await sandbox().ask('udp-trains.py', 'ask', gateway, port, 3000, 5, 0, 0)
    assert.deepEqual(told, { inOrder: true, sizes: [3000], atOnce: false })
  })

  e2e(`IPv${version}: a stream of 1,200 bytes each, as QUIC has it, loses nothing and keeps its order`, async (scope) => {
    const host = scope.use(await UdpHost.start(address))
    for (const gro of [0, 1])
      assert.deepEqual(await sandbox().ask('udp-trains.py', 'stream', 1200, 3000, gro, gateway, host.port), IN_ORDER)
  })
}

e2e('of one socket that talks to the host and elsewhere at once every answer has its sender', async (scope) => {
  const [first, second] = [scope.use(await UdpHost.start()), scope.use(await UdpHost.start())]
  const peers = [GATEWAY, first.port, ELSEWHERE, elsewhere().echoPort, GATEWAY, second.port]
  assert.deepEqual(await sandbox().ask('udp-trains.py', 'stream', 500, 3000, 0, ...peers), IN_ORDER)
  for (const host of [first, second]) assert.equal(new Set(host.senders.map(({ port }) => port)).size, 1)
})

interface IperfReport {
  readonly end: {
    readonly sum_received?: { readonly packets: number }
    readonly streams: readonly { readonly udp: { readonly out_of_order: number } }[]
  }
}

e2e('iperf3 sends datagrams both ways, none of them out of order', async (scope) => {
  for (const direction of [[], ['--reverse']]) {
    const port = await closedPort()
    const server = scope.use(
      new Program(['iperf3', '--server', '--one-off', '--bind', '127.0.0.1', '--port', String(port), '--forceflush']),
    )
    await server.line(/Server listening/)
    const client = ['iperf3', '--client', GATEWAY, '--port', String(port), '--udp', '--bitrate', '100M', '--bytes', '5M', '--json']
    const { end } = JSON.parse(await sandbox().must([...client, ...direction])) as IperfReport
    assert.ok((end.sum_received?.packets ?? 0) > 1000)
    assert.equal(end.streams[0]?.udp.out_of_order, 0)
  }
})
