// Clients of published UDP ports by the dozen, and servers that speak first: no datagram is lost for what others do, and each leaves from the port
// that is published.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { must } from '../support/program.js'
import { netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { UdpHost } from '../support/udp-host.js'

const SERVER = 9054
const PORT = 18_110
const NEAR_PORT = 18_111
const GATEWAY = '10.0.2.2'
const CLIENTS = 150
const ROUNDS = 5
/** A port that its mapping has on the host, too. */
const KEPT_PORT = 40_321

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => {
  elsewhere()
  const box = scope.use(await Sandbox.start('--name', 'udp-clients', '-p', `${PORT}:${SERVER}/udp`))
  await scope.use(box.guest('udp_server.py', '0.0.0.0', SERVER)).line(/^listening$/m)
  return box
})

/** Each of so many clients sends once, as fast as can be, and has to be answered. */
const BURST = `import socket, sys
for _ in range(${ROUNDS}):
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(${CLIENTS})]
    for i, c in enumerate(clients): c.sendto(b'x' * (i + 1), (sys.argv[1], ${PORT}))
    for i, c in enumerate(clients):
        c.settimeout(5)
        assert c.recv(100).split()[-1] == b'%d' % (i + 1), i
        c.close()`

/** Sends a datagram from a port to somebody and says what comes back, or that nothing has in that time. */
const SPEAKS = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(('0.0.0.0', int(sys.argv[1])))
s.settimeout(10)
s.sendto(b'hello', (sys.argv[2], int(sys.argv[3])))
print(s.recv(100).decode())`

const speak = (port: number, host: string, to: number): Promise<string> =>
  sandbox().must(['python3', '-c', SPEAKS, String(port), host, String(to)])

async function publish(...args: readonly string[]): Promise<void> {
  const { status, stderr } = await netloom(['publish', args[0]!, '--network', 'udp-clients', ...args.slice(1)]).finished
  assert.equal(status, 0, stderr)
}

e2e(`of ${CLIENTS} new clients at once each is answered, from the loopback and from another host`, async () => {
  sandbox()
  const near = await userProgram(['python3', '-c', BURST, '127.0.0.1']).finished
  assert.equal(near.status, 0, near.stderr)
  await must(elsewhere().inside('python3', '-c', BURST, HOST_ADDRESS))
})

e2e('a server that speaks first does so from its published port, to the host and beyond, and is answered there', async (scope) => {
  sandbox()
  const near = scope.use(await UdpHost.start())
  await publish('add', `${NEAR_PORT}:${SERVER + 1}/udp`)
  assert.equal((await speak(SERVER + 1, GATEWAY, near.port)).trim(), 'hello')
  assert.deepEqual(near.senders, [{ address: '127.0.0.1', port: NEAR_PORT, bytes: 5 }])
  assert.equal((await speak(SERVER + 1, ELSEWHERE, elsewhere().echoPort)).trim(), 'hello')
})

e2e('nor does it change when the rule goes and comes again, while its clients’ flows go on', async (scope) => {
  sandbox()
  const host = scope.use(await UdpHost.start())
  const spec = `127.0.0.1:${NEAR_PORT + 1}:${SERVER + 2}/udp`
  await publish('add', spec)
  await speak(SERVER + 2, GATEWAY, host.port)
  await publish('rm', spec)
  // Without a rule it is a mapping like any other.
  const mapped = scope.use(await UdpHost.start())
  await speak(SERVER + 2, GATEWAY, mapped.port)
  await publish('add', spec)
  await speak(SERVER + 2, GATEWAY, host.port)
  await speak(SERVER + 2, GATEWAY, mapped.port)
  assert.deepEqual(
    [host.senders, mapped.senders.slice(1)].map((senders) => senders.map(({ port }) => port)),
    [[NEAR_PORT + 1, NEAR_PORT + 1], [NEAR_PORT + 1]],
  )
  assert.notEqual(mapped.senders[0]!.port, NEAR_PORT + 1)
})

e2e('a port that a mapping of the sandbox has on the host can be published', async (scope) => {
  const host = scope.use(await UdpHost.start())
  await speak(KEPT_PORT, GATEWAY, host.port)
  assert.equal(host.senders[0]!.port, KEPT_PORT)
  await publish('add', `127.0.0.1:${KEPT_PORT}:${SERVER}/udp`)
  const asked = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b'x', ('127.0.0.1', ${KEPT_PORT}))
s.recv(100)`
  const { status, stderr } = await userProgram(['python3', '-c', asked]).finished
  assert.equal(status, 0, stderr)
})
