// TCP payload through the relay: every byte, in order, in both directions, at every size, with every kind of ending that is orderly,
// and with receivers that stop reading for a while. What was sent and what arrived are compared by length and SHA-256.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { e2e, shared } from '../support/e2e.js'
import { until } from '../support/program.js'
import { answer, Sandbox } from '../support/sandbox.js'
import { type Digest, type Exchanged, TcpHost } from '../support/tcp-peer.js'

const GATEWAY = '10.0.2.2'
const LARGE = 200_000_000
const NOTHING: Digest = { bytes: 0, sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' }

const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const descriptors = () => readdirSync(`/proc/${sandbox().stack}/fd`).length

e2e('200 MB from guest to host', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, LARGE))
  const peer = await host.accept()
  const received = await peer.receive()
  peer.end()
  const result = await answer<Exchanged>(program)
  assert.deepEqual(received, result.sent)
  assert.deepEqual(result.received, NOTHING)
  assert.equal(await peer.closed, '')
})

e2e('200 MB from host to guest', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 0))
  const peer = await host.accept()
  const receiving = peer.receive()
  const sent = await peer.send(LARGE)
  peer.end()
  const result = await answer<Exchanged>(program)
  assert.deepEqual(result.received, sent)
  assert.deepEqual(await receiving, NOTHING)
  assert.equal(await peer.closed, '')
})

for (const size of [0, 1, 2, 1459, 1460, 1461, 65_535, 65_536, 65_537, 3_000_000]) {
  e2e(`${size} bytes each way at once`, async (scope) => {
    const host = scope.use(await TcpHost.start())
    const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, size))
    const peer = await host.accept()
    const exchanged = await peer.exchange(size)
    assert.deepEqual(await answer(program), exchanged)
    assert.equal(exchanged.sent.bytes, size)
    assert.equal(await peer.closed, '')
  })
}

e2e('half-close by the guest: the host still answers', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 1_000_000, 'send-first'))
  const peer = await host.accept()
  const received = await peer.receive()
  await program.line(/^sent$/m)
  const sent = await peer.send(5_000_000)
  peer.end()
  const result = await answer<Exchanged>(program)
  assert.deepEqual(result, { sent: received, received: sent })
  assert.equal(await peer.closed, '')
})

e2e('half-close by the host: the guest still answers', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 5_000_000, 'receive-first'))
  const peer = await host.accept()
  const sent = await peer.send(1_000_000)
  peer.end()
  await program.line(/^received$/m)
  const received = await peer.receive()
  const result = await answer<Exchanged>(program)
  assert.deepEqual(result, { sent: received, received: sent })
  assert.equal(await peer.closed, '')
})

e2e('a host that pauses 3 s stops the guest, loses nothing and goes on', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 100_000_000, 'send-first'))
  const peer = await host.accept()
  // Nobody reads the socket until `receive`.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  assert.doesNotMatch(program.stdout, /^sent$/m, 'everything was taken although nobody read: it is held somewhere without bound')
  const received = await peer.receive()
  peer.end()
  assert.deepEqual(received, (await answer<Exchanged>(program)).sent)
})

e2e('a guest that pauses 3 s stops the host, loses nothing and goes on', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 0, 'both', 1_000_000))
  const peer = await host.accept()
  let hasSentAll = false
  const sending = peer.send(100_000_000).then((digest) => {
    hasSentAll = true
    peer.end()
    return digest
  })
  await program.line(/^pausing$/m)
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  assert.equal(hasSentAll, false, 'everything was taken although nobody read: it is held somewhere without bound')
  program.write('\n')
  const sent = await sending
  assert.deepEqual((await answer<Exchanged>(program)).received, sent)
})

e2e('500 connections at once of 100 KB each, echoed', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const before = descriptors()
  const program = scope.use(sandbox().guest('tcp.py', 'parallel', GATEWAY, host.port, 500, 100_000))
  await program.line(/^connected$/m)
  for (let i = 0; i < 500; i += 1) {
    const peer = await host.accept()
    peer.socket.pipe(peer.socket)
  }
  assert.deepEqual(await answer(program), { equal: 500, received: 50_000_000 })
  assert.equal(host.connections, 500)
  await until(
    () => descriptors() <= before,
    () => `descriptors of the stack: ${before} before, ${descriptors()} after`,
  )
})

e2e('a thousand connections one after the other leave no descriptor', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const before = descriptors()
  const script = `import socket
for i in range(1000):
    with socket.create_connection(('${GATEWAY}', ${host.port})) as c:
        c.sendall(b'%d' % i)
        c.shutdown(socket.SHUT_WR)
        assert c.recv(100) == b'%d' % i
        assert c.recv(100) == b''`
  const program = scope.use(sandbox().spawn(['python3', '-c', script], { input: '' }))
  for (let i = 0; i < 1000; i += 1) {
    const peer = await host.accept()
    peer.socket.pipe(peer.socket)
  }
  assert.equal((await program.finished).status, 0, program.describe())
  await until(
    () => descriptors() <= before,
    () => `descriptors of the stack: ${before} before, ${descriptors()} after`,
  )
})

e2e('what a host says first, as soon as it is connected, is never missed', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const script = `import socket
for i in range(1000):
    with socket.create_connection(('${GATEWAY}', ${host.port}), timeout=20) as c:
        banner = b''
        while data := c.recv(100): banner += data
        assert banner == b'banner', (i, banner)`
  const program = scope.use(sandbox().spawn(['python3', '-c', script], { input: '' }))
  for (let i = 0; i < 1000; i += 1) {
    const peer = await Promise.race([host.accept(), program.finished.then(() => null)])
    if (peer === null) break
    peer.socket.end('banner')
    peer.socket.resume()
  }
  assert.equal((await program.finished).status, 0, program.describe())
})

e2e('curl fetches from a server on the host', async (scope) => {
  const server = createServer((request, response) => response.end(`you asked for ${request.url}\n`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  assert.equal(await sandbox().must(['curl', '-sS', '--max-time', '20', `http://${GATEWAY}:${port}/page?x=1`]), 'you asked for /page?x=1\n')
})
