// How TCP connections fail: the guest is told what happened to the host's connection and the other way round. Refused is refused, a
// reset is a reset and never an end, what cannot be reached says so; and all of it as soon as the host's kernel knows.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, NOBODY, UNREACHABLE, UNROUTED } from '../support/elsewhere.js'
import { Program } from '../support/program.js'
import { answer, netloom, Sandbox } from '../support/sandbox.js'
import { closedPort, type Exchanged, TcpHost } from '../support/tcp-peer.js'
import { guestProgram } from '../support/world.js'

interface Ended {
  error: string | null
  received: number
}

interface Connected {
  error: string | null
  retransmitted: number
}

const GATEWAY = '10.0.2.2'

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

const connect = (address: string, port: number) => sandbox().ask<Connected>('tcp.py', 'connect', address, port)

e2e("the host's RST is ECONNRESET for the guest", async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'wait-reset', GATEWAY, host.port))
  const peer = await host.accept()
  await peer.receiveSome()
  peer.reset()
  assert.deepEqual(await answer(program), { error: 'ECONNRESET', received: 0 })
})

e2e("the host's RST behind data is ECONNRESET, not an end", async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'wait-reset', GATEWAY, host.port))
  const peer = await host.accept()
  await peer.receiveSome()
  peer.socket.write(Buffer.alloc(4_000_000))
  peer.reset()
  assert.equal((await answer<Ended>(program)).error, 'ECONNRESET')
})

e2e("the host's RST reaches a guest that has ended its own direction", async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'wait-reset', GATEWAY, host.port, 'half-closed'))
  const peer = await host.accept()
  await peer.receive()
  peer.reset()
  assert.deepEqual(await answer(program), { error: 'ECONNRESET', received: 0 })
})

e2e("the guest's RST is ECONNRESET for the host", async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'reset', GATEWAY, host.port))
  const peer = await host.accept()
  await peer.receiveSome()
  peer.socket.write('a')
  peer.socket.resume()
  assert.equal(await peer.closed, 'ECONNRESET')
  assert.deepEqual(await answer(program), { received: 1 })
})

e2e("the guest's RST after its own end breaks the host's writes", async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'reset', GATEWAY, host.port, 'half-closed'))
  const peer = await host.accept()
  await peer.receiveSome()
  peer.socket.write('a')
  await peer.receive()
  // After the end of the stream the kernel reports a reset to writers only: EPIPE in CLOSE-WAIT.
  const writing = setInterval(() => peer.socket.write('b'), 5)
  scope.defer(() => clearInterval(writing))
  assert.match(await peer.closed, /^(EPIPE|ECONNRESET)$/)
  assert.deepEqual(await answer(program), { received: 1 })
})

e2e('a guest that closes with unread data resets the host', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'abandon', GATEWAY, host.port))
  const peer = await host.accept()
  await peer.receiveSome()
  peer.socket.write('ab')
  peer.socket.resume()
  assert.equal(await peer.closed, 'ECONNRESET')
  await answer(program)
})

e2e('a guest process that is killed while it sends ends the connection for the host', async (scope) => {
  const host = scope.use(await TcpHost.start())
  const program = scope.use(sandbox().guest('tcp.py', 'exchange', GATEWAY, host.port, 1_000_000_000))
  const peer = await host.accept()
  await peer.receiveSome()
  program.kill('SIGKILL')
  peer.socket.resume()
  peer.socket.on('end', () => peer.end())
  await peer.closed
})

e2e('a refused port of the host is ECONNREFUSED at the first SYN', async () => {
  assert.deepEqual(await connect(GATEWAY, await closedPort()), { error: 'ECONNREFUSED', retransmitted: 0 })
})

e2e('a refused port elsewhere is ECONNREFUSED at the first SYN', async () => {
  assert.deepEqual(await connect(ELSEWHERE, 9), { error: 'ECONNREFUSED', retransmitted: 0 })
})

e2e('a port elsewhere answers', async () => {
  assert.deepEqual(await connect(ELSEWHERE, elsewhere().echoPort), { error: null, retransmitted: 0 })
})

e2e('a network that the host has no route to is unreachable at the first SYN', async () => {
  const { error, retransmitted } = await connect(UNROUTED, 80)
  assert.match(String(error), /^(ENETUNREACH|EHOSTUNREACH)$/)
  assert.equal(retransmitted, 0)
})

e2e('a network that the host knows to be unreachable is so for the guest', async () => {
  const { error, retransmitted } = await connect(UNREACHABLE, 80)
  assert.match(String(error), /^(ENETUNREACH|EHOSTUNREACH)$/)
  assert.equal(retransmitted, 0)
})

e2e('a host that does not answer on its link is unreachable when the kernel has given up', async () => {
  const { error } = await connect(NOBODY, 80)
  assert.match(String(error), /^(ENETUNREACH|EHOSTUNREACH)$/)
})

e2e('the SYN is answered only after the host has connected: a full backlog is not a connection', async (scope) => {
  // A listener that is never accepted from, with a backlog of one: what does not fit waits, on the host's side too.
  const script = `import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0); print('port', s.getsockname()[1], flush=True)
filler = [socket.socket() for _ in range(4)]
for f in filler: f.setblocking(False); f.connect_ex(s.getsockname())
print('full', flush=True); sys.stdin.read()`
  const full = scope.use(new Program(['python3', '-c', script]))
  const port = Number((await full.line(/^port (\d+)$/m))[1])
  await full.line(/^full$/m)
  const { error } = await sandbox().ask<Connected>('tcp.py', 'connect', GATEWAY, port, 3)
  assert.equal(error, 'ETIMEDOUT')
})

e2e('what a command sent and ended is whole for the host, and no reset, when its sandbox ends at once', async (scope) => {
  const host = scope.use(await TcpHost.start())
  for (let i = 0; i < 12; i += 1) {
    const command = [...guestProgram('tcp.py'), 'exchange', GATEWAY, String(host.port), '50000']
    const program = scope.use(netloom(['run', '--', ...command], { input: '' }))
    const peer = await host.accept()
    const sent = await peer.send(50_000)
    peer.end()
    const result = await answer<Exchanged>(program)
    assert.deepEqual(result.received, sent)
    // The host reads only now: a reset would stand behind the data.
    assert.deepEqual(await peer.receive(), result.sent, `run ${i}`)
    assert.equal(await peer.closed, '', `run ${i}`)
  }
})
