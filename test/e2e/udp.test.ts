// UDP through the relay: datagrams of every size that fits, errors, and the source that the other side sees.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, UNROUTED } from '../support/elsewhere.js'
import { answer, Sandbox } from '../support/sandbox.js'
import { closedPort } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'

const GATEWAY = '10.0.2.2'

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

e2e('a closed port of the host is ECONNREFUSED for a connected socket', async () => {
  assert.deepEqual(await sandbox().ask('udp.py', 'refused', GATEWAY, await closedPort()), { error: 'ECONNREFUSED' })
})

e2e('a closed port elsewhere is ECONNREFUSED for a connected socket', async () => {
  assert.deepEqual(await sandbox().ask('udp.py', 'refused', ELSEWHERE, 9), { error: 'ECONNREFUSED' })
})

e2e('a network without a route is unreachable for a connected socket', async () => {
  const { error } = await sandbox().ask<{ error: string }>('udp.py', 'refused', UNROUTED, 9)
  assert.match(error, /^(ENETUNREACH|EHOSTUNREACH)$/)
})

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

e2e('socat moves datagrams elsewhere', async () => {
  const target = `UDP4:${ELSEWHERE}:${elsewhere().echoPort}`
  // -t: how long after the end of its input it waits for what is still to come.
  assert.equal(await sandbox().must(['socat', '-t', '2', '-T', '2', '-', target], { input: 'by socat' }), 'by socat')
})
