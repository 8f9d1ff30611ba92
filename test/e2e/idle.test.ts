// A stack with nothing to do costs nothing: CPU time as the kernel counts it, in ticks of 10 ms, over three seconds.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { e2e } from '../support/e2e.js'
import { Attached, Bare, Sandbox } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'

/** proc(5): utime and stime, the fourteenth and fifteenth field, of all threads of the process. */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** What it used in three seconds; the least of a few tries, since what was done before may still be collected and compiled. */
async function idleTicks(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 4 && least > 1; i += 1) {
    const before = ticks(pid)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    least = Math.min(least, ticks(pid) - before)
  }
  return least
}

e2e('a new sandbox', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  assert.ok((await idleTicks(sandbox.stack)) <= 1)
})

e2e('after traffic, with TCP, UDP and ping flows that are open and silent', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const host = scope.use(await TcpHost.start())
  const udp = scope.use(await UdpHost.start())
  const program = scope.use(sandbox.guest('tcp.py', 'wait-reset', '10.0.2.2', host.port))
  const peer = await host.accept()
  await peer.receiveSome()
  await sandbox.ask('udp.py', 'echo', '10.0.2.2', udp.port, 1, 50)
  await sandbox.must(['ping', '-c', '2', '-i', '0.05', '10.0.2.2'])
  const script = `import socket
s = socket.create_connection(('10.0.2.2', ${host.port}))
for _ in range(200): s.sendall(bytes(65536))`
  const bulk = sandbox.exec(['python3', '-c', script])
  const sender = await host.accept()
  sender.socket.resume()
  sender.socket.on('end', () => sender.end())
  await bulk
  await sender.closed
  assert.ok((await idleTicks(sandbox.stack)) <= 1)
  assert.equal(program.hasEnded, false)
})

e2e('a connection whose receiver does not read', async (scope) => {
  const sandbox = scope.use(await Sandbox.start())
  const host = scope.use(await TcpHost.start())
  // Both directions are full: nobody reads on either side.
  scope.use(sandbox.guest('tcp.py', 'exchange', '10.0.2.2', host.port, 100_000_000, 'send-first'))
  const peer = await host.accept()
  void peer.send(100_000_000).catch(() => {})
  // Zero-window probes are allowed their little time.
  assert.ok((await idleTicks(sandbox.stack)) <= 2)
})

e2e('an attached namespace', async (scope) => {
  const target = scope.use(await Bare.start())
  const attached = scope.use(await Attached.start(String(target.inside)))
  assert.ok((await idleTicks(attached.program.pid)) <= 1)
})
