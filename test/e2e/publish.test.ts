// Published ports: clients on the host's loopback, on another host and in the sandbox itself reach a server in the sandbox, which sees who
// calls; what becomes of a connection at one end is what the other end sees.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { must, Program } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { everything } from '../support/stream.js'
import { guestProgram } from '../support/world.js'

const GATEWAY = '10.0.2.2'
const SERVER = 8000
const PORT = 18_080
const UNSERVED = 18_081
/** The same, over the interface even for clients on the loopback. */
const TAP_PORT = 18_082
const TAP_UNSERVED = 18_083
const GUEST = '10.0.2.100'

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))
const sandbox = shared(async (scope) => {
  elsewhere()
  const box = scope.use(
    await Sandbox.start(
      ...['--name', 'publishing', '-p', `127.0.0.1:${PORT}:${SERVER}`, '-p', `${HOST_ADDRESS}:${PORT}:${SERVER}`],
      ...['-p', `127.0.0.1:${UNSERVED}:81,[::1]:${PORT}:${SERVER}`],
    ),
  )
  const server = scope.use(box.guest('server.py', SERVER))
  await server.line(/^listening$/m)
  const add = [
    'publish',
    'add',
    '--network',
    'publishing',
    '--driver',
    'tap',
    `127.0.0.1:${TAP_PORT}:${SERVER}`,
    `127.0.0.1:${TAP_UNSERVED}:81`,
  ]
  assert.equal((await netloom(add).finished).status, 0)
  return { box, server }
})

async function client(host = '127.0.0.1', port = PORT): Promise<Socket> {
  sandbox()
  const socket = connect({ host, port, allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket, text: string): Promise<Buffer | string> {
  socket.end(text)
  return everything(socket)
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

e2e('a client on the loopback is shown as the sandbox itself, whatever its family', async () => {
  assert.match(String(await ask(await client(), 'whoami\n')), new RegExp(`^${GUEST} \\d+\n$`))
  assert.match(String(await ask(await client('::1'), 'whoami\n')), new RegExp(`^${GUEST} \\d+\n$`))
})

e2e('over the interface, a client on the loopback is shown as the gateway, with its own port', async () => {
  const socket = await client('127.0.0.1', TAP_PORT)
  const port = socket.localPort
  assert.equal(String(await ask(socket, 'whoami\n')), `${GATEWAY} ${port}\n`)
})

e2e('a client on another host is shown as it is', async () => {
  sandbox()
  const script = `import socket; s = socket.create_connection(('${HOST_ADDRESS}', ${PORT})); s.sendall(b'whoami\\n'); print(s.getsockname()[1], s.recv(99).decode())`
  const [port, address, seen] = (await must(elsewhere().inside('python3', '-c', script))).split(/\s+/)
  assert.deepEqual([address, seen], [ELSEWHERE, port])
})

e2e('the sandbox reaches its own published port by the host’s address', async () => {
  const { box } = sandbox()
  const script = `import socket; s = socket.create_connection(('${HOST_ADDRESS}', ${PORT})); s.sendall(b'whoami\\n'); print(s.recv(99).decode())`
  const seen = await box.must(['python3', '-c', script])
  assert.equal(seen.split(' ')[0], HOST_ADDRESS)
})

for (const [name, served, unserved] of [
  ['directly', PORT, UNSERVED],
  ['over the interface', TAP_PORT, TAP_UNSERVED],
] as const) {
  e2e(`${name}: a port on which nobody listens in the sandbox is a reset`, async () => {
    sandbox()
    assert.equal(await everything(connect(unserved, '127.0.0.1')), 'ECONNRESET')
  })

  e2e(`${name}: the server’s reset is a reset`, async () => {
    const socket = await client('127.0.0.1', served)
    socket.write('reset\n')
    assert.equal(await everything(socket), 'ECONNRESET')
  })

  e2e(`${name}: the client’s reset is a reset`, async () => {
    const { server } = sandbox()
    const socket = await client('127.0.0.1', served)
    socket.write('echo\n')
    socket.write('x')
    await once(socket, 'data')
    socket.resetAndDestroy()
    await server.line(/^error 104$/m)
  })

  e2e(`${name}: each end ends by itself: what comes after the server’s FIN still arrives`, async () => {
    const { server } = sandbox()
    const socket = await client('127.0.0.1', served)
    socket.write('send 100000\n')
    const got = await everything(socket)
    assert.equal(got.length, 100_000)
    const more = randomBytes(100_000)
    socket.end(more)
    await server.line(new RegExp(`^received ${sha256(more)}$`, 'm'))
  })

  e2e(`${name}: a server that does not read makes the client wait, and loses nothing`, async () => {
    const text = randomBytes(8_000_000)
    const socket = await client('127.0.0.1', served)
    socket.write('slow\n')
    socket.end(text)
    assert.equal(String(await everything(socket)), sha256(text))
  })

  e2e(`${name}: 100 connections at once`, async () => {
    const one = async (): Promise<void> => {
      const text = randomBytes(100_000)
      const socket = await client('127.0.0.1', served)
      socket.write('echo\n')
      socket.end(text)
      const got = await everything(socket)
      assert.ok(Buffer.isBuffer(got) && got.equals(text))
    }
    await Promise.all(Array.from({ length: 100 }, one))
  })
}

e2e('1,000 ports, and ports that are chosen, which are printed', async (scope) => {
  const range = '127.0.0.1:20000-20999:20000-20999'
  const box = netloom(['run', '-p', range, '-p', '127.0.0.1::7000', '--', 'sh', '-c', 'echo up; read end'])
  scope.use({ close: () => box.close() })
  await box.line(/^up$/m)
  const chosen = Number(/^netloom: published: tcp 127\.0\.0\.1:(\d+) -> 10\.0\.2\.100:7000$/m.exec(box.stderr)?.[1])
  for (const port of [20_000, 20_500, 20_999, chosen]) assert.equal(await everything(connect(port, '127.0.0.1')), 'ECONNRESET')
  box.end()
  await box.finished
  assert.doesNotMatch(await must(['ss', '-Hltn']), /:20\d\d\d /)
})

const BAD: readonly (readonly [string, number, RegExp])[] = [
  ['80:80', 1, /cannot listen on 0\.0\.0\.0:80: an ordinary user may not have so low a port; .*ip_unprivileged_port_start/],
  ['203.0.113.9:8080:80', 1, /cannot listen on 203\.0\.113\.9:8080: the address is none of this host; see `ip address`/],
  ['8080:80/sctp', 2, /asks for 'sctp', and TCP and UDP alone can be published/],
  ['8005-8000:80-85', 2, /has the range 8005-8000, which ends before it begins; turn it round: 8000-8005/],
  ['8000-8005:80-85,8003:90', 2, /port 8003 of every address is asked for twice.*; part the ranges/],
  ['127.0.0.1:8003:90,8000-8005:80-85', 2, /port 8003 of every address is asked for twice/],
  ['8003:90,[::1]:8003:90', 2, /port 8003 of ::1 is asked for twice; ask for it once$/m],
  ['[fe80::1%nope0]:8000:80', 2, /'nope0' is no interface of this host; see `ip -6 address`/],
  ['[fe80::1]:8000:80', 2, /has the link-local address fe80::1 without its interface; write it as in \[fe80::1%eth0\]:8080:80/],
  ['8000-8005:80-90', 2, /pairs 6 ports of the host with 11 of the sandbox; give ranges of the same length/],
  ['nope0:8000:80', 2, /names 'nope0', which is no address, and no interface of this host/],
  ['8000:', 2, /names no port of the sandbox/],
  ['8000:99999', 2, /has a port outside 1 to 65535/],
  ['8000:http', 2, /has 'http' where a port or a range of them should be/],
  ['::1:8000:80', 2, /has too many colons|names/],
  ['127.0.0.1:8000:80/tcp6', 2, /has an IPv4 address and asks for (?:tcp6|IPv6)/],
]
for (const [spec, status, line] of BAD) {
  e2e(`-p ${spec}: one line`, async () => {
    await must(['sh', '-c', 'echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start'])
    const { stderr, status: got } = await netloom(['run', '-p', spec, '--', 'true']).finished
    assert.match(stderr, line)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
    assert.equal(got, status)
  })
}

e2e('a port that is taken is told with who has it, and then none is published', async (scope) => {
  const taken = scope.use(new Program([...guestProgram('server.py'), '18099']))
  await taken.line(/^listening$/m)
  const { stderr, status } = await netloom(['run', '-p', '18098:80', '-p', '18099:80', '--', 'true']).finished
  assert.match(stderr, /^netloom: cannot listen on 0\.0\.0\.0:18099: the port is in use(?: by python3 \(PID \d+\))?; choose another one/)
  assert.equal(status, 1)
})
