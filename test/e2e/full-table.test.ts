// A table that is full: idle mappings make room for connections. And one that is always full: connections whose servers close first, and new clients of a published UDP port, take each other's rows all the
// time. Whatever arrives is what was sent.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { e2e } from '../support/e2e.js'
import { Sandbox, userProgram } from '../support/sandbox.js'
import { UdpHost } from '../support/udp-host.js'

const GATEWAY = '10.0.2.2'
const SERVER = 9100
const PORT = 18_100
/** Connections one after the other, in each of so many threads; datagrams, each of a new client. */
const CONNECTIONS = 300
const THREADS = 4
const CLIENTS = 2000
/** Mappings: more than there are rows in a network without options. */
const MAPPINGS = 4500

/** Datagrams say the same eight bytes again and again. Says how many were right, and which were not, when one says `end`. */
const HEARS = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(('0.0.0.0', ${SERVER}))
print('listening', flush=True)
right, wrong = 0, []
while True:
    data, peer = s.recvfrom(2000)
    if data == b'end': break
    if len(data) == 200 and data == data[:8] * 25: right += 1
    else: wrong.append(data)
print('right', right, 'wrong', wrong, flush=True)`

const CONNECTS = `import socket, threading
def connect():
    for _ in range(${CONNECTIONS}):
        c = socket.create_connection(('${GATEWAY}', PORT), timeout=20)
        assert c.recv(10) == b'x' and c.recv(10) == b''
        c.close()
threads = [threading.Thread(target=connect) for _ in range(${THREADS})]
for t in threads: t.start()
for t in threads: t.join()
print('connected', flush=True)`

const SENDS = `import socket, sys
for i in range(${CLIENTS}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b'%08d' % i * 25, ('127.0.0.1', ${PORT}))
    s.close()
    if i % 20 == 19: print('sent', flush=True); sys.stdin.readline()
print('all', flush=True)`

/** Fills the table with mappings, and then connects in bursts. How many connections failed, and of how many the SYN was sent again. */
const BURSTS = `import os, select, socket, sys
tcp, udp, bursts, size = map(int, sys.argv[1:])
for _ in range(${MAPPINGS}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.sendto(b'x', ('${GATEWAY}', udp))
    s.recv(1)
    s.close()
failed, again = [], 0
for _ in range(bursts):
    burst = {}
    poll = select.poll()
    for _ in range(size):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(('${GATEWAY}', tcp))
        burst[c.fileno()] = c
        poll.register(c, select.POLLOUT)
    while burst:
        for fd, _ in poll.poll():
            poll.unregister(fd)
            c = burst.pop(fd)
            error = c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error: failed.append(os.strerror(error))
            # tcpi_total_retrans (linux/tcp.h)
            again += int.from_bytes(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[100:104], sys.byteorder) > 0
            c.close()
print('failed', failed, 'again', again, flush=True)`

e2e('in a table full of idle mappings no connection of a burst fails', async (scope) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end()
  })
  await once(server.listen(0, '127.0.0.1', 512), 'listening')
  scope.defer(() => void server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const udp = scope.use(await UdpHost.start())
  const sandbox = scope.use(await Sandbox.start('--disable-ipv6'))
  const said = await sandbox.must(['python3', '-c', BURSTS, String(address.port), String(udp.port), '10', '100'])
  assert.match(said, /^failed \[\] again \d+$/m)
  console.log(`# of 1,000 connections in bursts of 100: ${said.trim()}`)
})

e2e('datagrams of new clients and connections that end cost each other rows, and no byte', async (scope) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('x')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  scope.defer(() => void server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const sandbox = scope.use(await Sandbox.start('--max-flows=64', '-p', `127.0.0.1:${PORT}:${SERVER}/udp`, '--disable-ipv6'))
  const hears = scope.use(sandbox.spawn(['python3', '-c', HEARS]))
  await hears.line(/^listening$/m)
  const sends = scope.use(userProgram(['python3', '-c', SENDS]))
  const connects = scope.use(sandbox.spawn(['python3', '-c', CONNECTS.replace('PORT', String(address.port))], { input: '' }))
  // In step with one another: a few datagrams for each moment that the other side takes.
  for (let i = 1; i <= CLIENTS / 20; i++) {
    await sends.line(new RegExp(`^(sent\\n){${i}}`, 'm'))
    sends.write('\n')
  }
  await sends.line(/^all$/m)
  await connects.line(/^connected$/m)
  const said = hears.line(/^right (\d+) wrong (.*)$/m)
  const end = userProgram([
    'python3',
    '-c',
    `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while sys.stdin.readline(): s.sendto(b'end', ('127.0.0.1', ${PORT}))`,
  ])
  scope.use(end)
  const again = setInterval(() => end.write('\n'), 50)
  scope.defer(() => clearInterval(again))
  const [, right, wrong] = await said
  assert.equal(wrong, '[]')
  console.log(`# ${right} of ${CLIENTS} arrived`)
  assert.ok(Number(right) > CLIENTS / 2, `${right} of ${CLIENTS} arrived`)
})
