// Clients of published ports that mean harm: thousands of idle connections, and datagrams from every port there is. The sandbox has a network of
// its own all the same, what it had before is still there, and others are served.
import assert from 'node:assert/strict'
import { e2e } from '../support/e2e.js'
import { type Program, until } from '../support/program.js'
import { Sandbox, userProgram } from '../support/sandbox.js'
import { TcpHost } from '../support/tcp-peer.js'
import { UdpHost } from '../support/udp-host.js'
import { guestProgram } from '../support/world.js'

const GATEWAY = '10.0.2.2'
const SERVER = 9000
const TCP_PORT = 18_090
const UDP_PORT = 18_091
/** Of a network without options: all flows, those of clients, those of one of them. */
const FLOWS = 4096
const OF_CLIENTS = 3072
const SHARE = 1024
/** Ports of one address, as good as all. */
const PORTS = 64_000
/** Connections and mappings that the sandbox begins meanwhile. */
const OWN = 200

/** Greets whoever connects, and answers datagrams that say more than one byte. */
const SERVES = `import resource, selectors, socket
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
tcp, udp = socket.create_server(('0.0.0.0', ${SERVER}), backlog=4096), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('0.0.0.0', ${SERVER}))
selector = selectors.DefaultSelector()
for s in (tcp, udp): selector.register(s, selectors.EVENT_READ)
print('listening', flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj is tcp:
            client = tcp.accept()[0]
            client.sendall(b'h')
            selector.register(client, selectors.EVENT_READ)
        elif key.fileobj is not udp:
            selector.unregister(key.fileobj)
            key.fileobj.close()
        else:
            data, peer = udp.recvfrom(100)
            if len(data) > 1: udp.sendto(data, peer)`

/** A mapping that the sandbox made before: it says its first word, and then what it hears. */
const LISTENS = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'here', ('${GATEWAY}', int(sys.argv[1])))
print('heard', s.recv(100).decode(), flush=True)
print('heard', s.recv(100).decode(), flush=True)`

/** New connections and mappings, each with an answer; all at once, and kept until the end. */
const GOES_OUT = `import socket, sys
tcp, udp, count = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
kept = []
for i in range(count):
    c = socket.create_connection(('${GATEWAY}', tcp), timeout=20)
    c.sendall(b'%d' % i)
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.settimeout(20)
    d.sendto(b'%d' % i, ('${GATEWAY}', udp))
    kept.append((c, d))
for i, (c, d) in enumerate(kept): assert c.recv(100) == d.recv(100) == b'%d' % i, i`

interface Attack {
  readonly sandbox: Sandbox
  readonly tcp: TcpHost
  readonly udp: UdpHost
}

async function prepare(use: <T extends { close(): Promise<void> }>(resource: T) => T): Promise<Attack> {
  const publish = ['-p', `${TCP_PORT}:${SERVER}`, '-p', `${UDP_PORT}:${SERVER}/udp`, '--publish-driver', 'tap']
  const sandbox = use(await Sandbox.start(...publish, '--disable-ipv6'))
  await use(sandbox.spawn(['python3', '-c', SERVES])).line(/^listening$/m)
  const tcp = use(await TcpHost.start())
  const serve = async (): Promise<void> => {
    for (;;) {
      const peer = await tcp.accept()
      peer.socket.on('error', () => {})
      peer.socket.pipe(peer.socket)
    }
  }
  serve().catch(() => {})
  return { sandbox, tcp, udp: use(await UdpHost.start()) }
}

const attacker = (...args: readonly (string | number)[]): Program =>
  userProgram([...guestProgram(String(args[0])), '127.0.0.1', ...args.slice(1).map(String)])

/** The sandbox's own network, beside whatever goes on. */
const goesOut = ({ sandbox, tcp, udp }: Attack, count: number): Promise<string> =>
  sandbox.must(['python3', '-c', GOES_OUT, String(tcp.port), String(udp.port), String(count)])

e2e('thousands of idle clients have a share each and three quarters of all flows together', async (scope) => {
  const attack = await prepare((resource) => scope.use(resource))
  const one = scope.use(attacker('idle_clients.py', TCP_PORT, FLOWS, 1))
  assert.equal(Number((await one.line(/^held (\d+)$/m))[1]), SHARE)
  await goesOut(attack, OWN)
  const many = scope.use(attacker('idle_clients.py', TCP_PORT, FLOWS, 200))
  // One of its addresses is the first one's.
  assert.equal(Number((await many.line(/^held (\d+)$/m))[1]), OF_CLIENTS - SHARE)
  await goesOut(attack, OWN)
  one.end()
  assert.equal((await one.finished).status, 0)
  // Its connections end one after the other.
  let held = 0
  const isServed = async (): Promise<boolean> => {
    const next = attacker('idle_clients.py', TCP_PORT, 100, 1)
    held = Number((await next.line(/^held (\d+)$/m))[1])
    await next.close()
    return held === 100
  }
  await until(isServed, () => `${held} of 100 were served`)
})

e2e('datagrams from every port of an address take nothing from the sandbox, and others are served meanwhile', async (scope) => {
  const attack = await prepare((resource) => scope.use(resource))
  const { sandbox, udp } = attack
  const listens = scope.use(sandbox.spawn(['python3', '-c', LISTENS, String(udp.port)]))
  await listens.line(/^heard here$/m)
  const strangers = scope.use(attacker('strangers.py', UDP_PORT, PORTS))
  await strangers.line(/^round$/m)
  await goesOut(attack, OWN)
  const asks = `import socket, sys
for i in range(50):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.2)
    for _ in range(100):
        s.sendto(b'hello', ('127.0.0.1', ${UDP_PORT}))
        try:
            assert s.recv(100) == b'hello'
            break
        except TimeoutError: pass
    else: sys.exit(f'client {i} is not served')`
  const client = await scope.use(userProgram(['python3', '-c', asks])).finished
  assert.equal(client.status, 0, client.stderr)
  strangers.end()
  assert.equal((await strangers.finished).status, 0)
  udp.push(0, 'still')
  await listens.line(/^heard still$/m)
})
