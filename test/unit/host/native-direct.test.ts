/*
 * Sockets of another network namespace, made of the two that the launcher has left, and bytes that go from kernel to kernel.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { MOVE_EMPTY, MOVE_ENDED, MOVE_FROM_BROKEN, MOVE_FULL } from '../../../src/host/native.js'
import { needs } from '../../support/packages.js'
import { launch } from './launch.js'
import { type Bench, EAGAIN, ECONNREFUSED, EINVAL, EISCONN, EPOLLIN, EPOLLOUT, EPOLLRDHUP, LOCALHOST, makeBench } from './native-bench.js'

const LISTEN = [
  'import socket',
  "a = socket.create_server(('127.0.0.1', 7000))",
  "b = socket.create_server(('', 7001))",
  'print("listening", flush=True)',
  'while True:',
  '  c, who = a.accept()',
  '  c.sendall(who[0].encode())',
  '  c.close()',
].join('\n')
const ANY = [0, 0, 0xffff, 0] as const
const GUEST = [0, 0, 0xffff, 0x0a000264] as const
const PIPE_BYTES = 1 << 18

function cannotRun(): string | false {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return false
  } catch {
    return '/dev/net/tun is not there, or not for us'
  }
}
const skip = cannotRun()

/**
 * Sends every sock_diag socket of the namespace, again and again, an error that is none, an error cut short, a listener of its own making, and
 * 500 more of them: says after each round how many it has tried to send, and how many were taken.
 */
const FORGE = [
  'import socket, struct',
  "a = socket.create_server(('127.0.0.1', 7000))",
  's = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)',
  's.bind((0, 0))',
  's.setblocking(False)',
  "header = lambda length, kind, sequence: struct.pack('=IHHII', length, kind, 0, sequence, 0)",
  "messages = [header(36, 2, q) + struct.pack('=i', 7) + bytes(16) for q in range(4)] + [header(16, 2, 0), header(17, 3, 0), bytes(3)]",
  "messages += [header(88, 20, q) + struct.pack('=BBBB', 2, 10, 0, 0) + struct.pack('!HH', 6666, 0) + bytes(64) for q in range(500)]",
  "print('listening', flush=True)",
  'while True:',
  '  tried = taken = 0',
  "  for line in open('/proc/net/netlink').read().splitlines()[1:]:",
  '    words = line.split()',
  "    if words[1] != '4' or int(words[2]) in (0, s.getsockname()[0]): continue",
  '    for message in messages:',
  '      tried += 1',
  '      try: taken += s.sendto(message, (int(words[2]), 0)) > 0',
  '      except OSError: pass',
  "  print(f'tried {tried} taken {taken}', flush=True)",
].join('\n')

/** A sandbox in which somebody listens, and what the launcher leaves of it. */
async function sandbox(
  t: TestContext,
  bench: Bench,
  command: readonly string[] = ['python3', '-c', LISTEN],
): Promise<{ tcp: number[]; diag: number; output: Readable }> {
  const started = launch(bench, 'run', { map: 'root' }, command)
  const tap = await started.go()
  t.after(() => bench.native.closeDescriptor(tap))
  t.after(() => started.hangUp())
  let said = ''
  while (!said.includes('listening')) said += (await once(started.child.stdout!, 'data'))[0]
  const named = (name: string) => started.seeds.filter(({ text }) => text === `socket ${name}`).map(({ descriptor }) => descriptor)
  const tcp = named('tcp')
  const diag = named('diag')[0]!
  return { tcp, diag, output: started.child.stdout! }
}

test('minted sockets are of the sandbox’s namespace, and connect there', { skip }, async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const { tcp, diag } = await sandbox(t, bench)
  const [seed, other] = tcp as [number, number]
  assert.equal(native.socketMint(seed, other, 0), -EINVAL)
  for (let round = 0; round < 50; round++) {
    assert.equal(native.socketMint(seed, other, 16), 16)
    for (const minted of words.slice(0, 16)) native.closeDescriptor(minted)
  }
  assert.equal(native.socketMint(seed, other, 3), 3)
  const [one, two, three] = words.slice(0, 3) as unknown as [number, number, number]
  assert.equal(native.socketConnect(one, ...LOCALHOST, 7000), 0)
  assert.ok(words[0]! > 0)
  await bench.ready(one, EPOLLIN)
  assert.equal(bench.text(0, native.tcpReceive(one, 0, 100)), '127.0.0.1')
  // By the sandbox's own address nobody listens on 7000.
  assert.equal(native.socketConnect(two, ...GUEST, 7000), -ECONNREFUSED)
  assert.equal(native.socketConnect(three, ...GUEST, 7001), 0)
  const count = native.listenersOf(diag)
  const listeners = Array.from({ length: count }, (_, i) => Array.from(words.slice(5 * i, 5 * i + 5)))
  assert.deepEqual(
    listeners.sort((a, b) => a[4]! - b[4]!),
    [
      [...LOCALHOST, 7000],
      [...ANY, 7001],
    ],
  )
  for (const descriptor of [one, two, three]) native.closeDescriptor(descriptor)
})

test('a minted socket can be connected again when both ends have ended, and not before', { skip }, async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const { tcp } = await sandbox(t, bench)
  assert.equal(native.socketMint(tcp[0]!, tcp[1]!, 1), 1)
  const socket = words[0]!
  t.after(() => native.closeDescriptor(socket))
  const ports = new Set<number>()
  for (let round = 0; round < 50; round++) {
    assert.equal(native.socketConnect(socket, ...LOCALHOST, 7000), 0)
    ports.add(words[0]!)
    assert.equal(native.socketRecycle(socket), -EISCONN)
    await bench.ready(socket, EPOLLIN)
    assert.equal(bench.text(0, native.tcpReceive(socket, 0, 100)), '127.0.0.1')
    await bench.ready(socket, EPOLLRDHUP)
    native.tcpShutdown(socket)
    assert.equal(native.socketRecycle(socket), 0)
  }
  assert.ok(ports.size > 1, 'each connection has a port of its own')
  // By the sandbox's own address nobody listens there: what one connection came to is not told to the next.
  assert.equal(native.socketConnect(socket, ...GUEST, 7000), -ECONNREFUSED)
  assert.equal(native.socketRecycle(socket), 0)
  assert.equal(native.socketConnect(socket, ...GUEST, 7001), 0)
})

/** Times that the thread of this process which runs JavaScript has gone to sleep. */
const sleeps = (): number =>
  Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/self/task/${process.pid}/status`, 'utf8'))![1])

test('a guest whose loopback leads nowhere makes nobody wait', { skip: skip || needs('ip') }, async (t) => {
  const bench = makeBench(t)
  const command = 'ip addr del 127.0.0.1/8 dev lo; echo listening; exec sleep 600'
  const { tcp } = await sandbox(t, bench, ['sh', '-c', command])
  const before = sleeps()
  for (let i = 0; i < 100; i++) assert.equal(bench.native.socketMint(tcp[0]!, tcp[1]!, 16), -EAGAIN)
  assert.ok(sleeps() - before < 10, `it has slept ${sleeps() - before} times`)
})

test('who listens is what the kernel says, whatever the guest sends to those who ask', { skip }, async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const { diag, output } = await sandbox(t, bench, ['python3', '-c', FORGE])
  let said = ''
  const ask = (): void => {
    assert.equal(native.listenersOf(diag), 1)
    assert.deepEqual(Array.from(words.subarray(0, 5)), [...LOCALHOST, 7000])
  }
  ask()
  while ((said.match(/^tried [1-9].*$/gm) ?? []).length < 20) {
    const [chunk] = (await once(output, 'data')) as [Buffer]
    said += chunk
    for (let i = 0; i < 20; i++) ask()
  }
  assert.doesNotMatch(said, /taken [1-9]/)
})

async function connected(t: TestContext, bench: Bench): Promise<{ ours: number; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, 'connection')
  const ours = bench.native.tcpConnect(...LOCALHOST, (server.address() as AddressInfo).port, 0)
  await bench.ready(ours, EPOLLOUT)
  const [peer] = (await accepted) as [Socket]
  peer.on('error', () => {})
  t.after(() => peer.destroy())
  return { ours, peer }
}

test('bytes go from one connection to the other, and so does what ended them', async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const from = await connected(t, bench)
  const to = await connected(t, bench)
  assert.equal(native.pipeOpen(PIPE_BYTES), 0)
  const [read, write] = [words[0]!, words[1]!]
  const move = (held: number, budget = 1 << 20) => native.spliceMove(from.ours, to.ours, read, write, held, budget)
  assert.equal(move(0), MOVE_EMPTY)
  from.peer.write('hello')
  await bench.ready(from.ours, EPOLLIN)
  assert.equal(move(0), MOVE_EMPTY)
  assert.deepEqual([words[0], words[1]], [5, 5])
  assert.equal(String((await once(to.peer, 'data'))[0]), 'hello')
  // A reader that does not read: what does not fit stays in the pipe, and is the first to go on.
  to.peer.pause()
  from.peer.end(Buffer.alloc(30_000_000, 'x'))
  let held = 0
  let taken = 0
  let given = 0
  const count = () => {
    held += words[0]! - words[1]!
    taken += words[0]!
    given += words[1]!
  }
  while ((move(held) & MOVE_FULL) === 0) {
    count()
    await bench.ready(from.ours, EPOLLIN)
  }
  count()
  assert.ok(held > 0 && taken === given + held)
  let length = 0
  to.peer.on('data', (data) => {
    length += data.length
  })
  to.peer.resume()
  for (let flags = 0; (flags & MOVE_ENDED) === 0 || held > 0; count()) {
    await bench.ready(to.ours, EPOLLOUT)
    if (held === 0) await bench.ready(from.ours, EPOLLIN)
    flags = move(held)
  }
  assert.equal(given, 30_000_000)
  native.tcpShutdown(to.ours)
  await once(to.peer, 'end')
  assert.equal(length, 30_000_000)
  // The other way: a reset.
  to.peer.resetAndDestroy()
  await bench.ready(to.ours, EPOLLIN)
  assert.equal(native.spliceMove(to.ours, from.ours, read, write, 0, 1 << 20), MOVE_FROM_BROKEN)
  assert.equal(words[2], 104)
  for (const descriptor of [from.ours, to.ours, read, write]) native.closeDescriptor(descriptor)
})

test('without a pipe bytes are copied, and none is taken that the other end has not got', async (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const from = await connected(t, bench)
  const to = await connected(t, bench)
  const move = (budget = 1 << 20) => native.spliceMove(from.ours, to.ours, -1, -1, 0, budget)
  assert.equal(move(), MOVE_EMPTY)
  to.peer.pause()
  const sent = Buffer.alloc(
    12_000_000,
    Uint8Array.from({ length: 251 }, (_, i) => i),
  )
  from.peer.end(sent)
  let given = 0
  for (let flags = 0; (flags & MOVE_FULL) === 0; ) {
    await bench.ready(from.ours, EPOLLIN)
    flags = move()
    assert.equal(words[0], words[1])
    given += words[1]!
  }
  assert.ok(given > 0 && given < sent.length)
  const received: Buffer[] = []
  to.peer.on('data', (data) => received.push(data))
  to.peer.resume()
  for (let flags = 0; (flags & MOVE_ENDED) === 0; ) {
    await bench.ready(to.ours, EPOLLOUT)
    await bench.ready(from.ours, EPOLLIN)
    flags = move()
  }
  native.tcpShutdown(to.ours)
  await once(to.peer, 'end')
  assert.ok(Buffer.concat(received).equals(sent))
  to.peer.resetAndDestroy()
  await bench.ready(to.ours, EPOLLIN)
  assert.equal(native.spliceMove(to.ours, from.ours, -1, -1, 0, 1 << 20), MOVE_FROM_BROKEN)
  assert.equal(words[2], 104)
  for (const descriptor of [from.ours, to.ours]) native.closeDescriptor(descriptor)
})
