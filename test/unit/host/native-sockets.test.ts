/*
 * The addon's host sockets, over loopback: TCP with peek offsets, UDP with trains and error queues. Ping sockets need a group
 * range of their own, so launcher.test.ts has them.
 */

import assert from 'node:assert/strict'
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  type Bench,
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  EINVAL,
  EMSGSIZE,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  LOCALHOST,
  LOCALHOST6,
  makeBench,
} from './native-bench.js'

/** Origins of an error, linux/errqueue.h. */
const ORIGIN_ICMP = 2
const ORIGIN_ICMP6 = 3

type Words = readonly [number, number, number, number]

const FAMILIES: readonly (readonly [family: number, host: string, words: Words])[] = [
  [4, '127.0.0.1', LOCALHOST],
  [6, '::1', LOCALHOST6],
]

/** A connected pair: our descriptor, and the peer as a socket of Node. */
async function connected(t: TestContext, bench: Bench, host: string, words: Words): Promise<{ ours: number; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  t.after(() => server.close())
  server.listen(0, host)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const ours = bench.native.tcpConnect(...words, (server.address() as AddressInfo).port, 0)
  assert.ok(ours >= 0, `connect: ${ours}`)
  await bench.ready(ours, EPOLLOUT)
  assert.equal(bench.native.socketError(ours), 0)
  const [peer] = (await accepted) as [Socket]
  t.after(() => peer.destroy())
  return { ours, peer }
}

for (const [family, host, words] of FAMILIES) {
  test(`TCP over IPv${family}: send, receive, half-close`, async (t) => {
    const bench = makeBench(t)
    const { native } = bench
    const { ours, peer } = await connected(t, bench, host, words)
    assert.equal(native.tcpReceive(ours, 0, 100), -EAGAIN)
    assert.equal(native.tcpSend(ours, 0, bench.put(0, 'hello')), 5)
    assert.equal(native.tcpShutdown(ours), 0)
    const chunks: Buffer[] = []
    peer.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(peer, 'end')
    assert.equal(Buffer.concat(chunks).toString(), 'hello')
    peer.end('bye')
    await bench.ready(ours, EPOLLIN)
    assert.equal(native.tcpReceive(ours, 0, 100), 3)
    assert.equal(bench.text(0, 3), 'bye')
    await bench.ready(ours, EPOLLIN)
    assert.equal(native.tcpReceive(ours, 0, 100), 0)
    native.closeDescriptor(ours)
  })

  test(`TCP over IPv${family}: what was peeked stays until it is discarded`, async (t) => {
    const bench = makeBench(t)
    const { native } = bench
    const { ours, peer } = await connected(t, bench, host, words)
    const peek = (length: number) => bench.text(0, native.tcpPeek(ours, 0, length))
    peer.write('abcdefgh')
    await bench.ready(ours, EPOLLIN)
    assert.deepEqual([peek(3), peek(3)], ['abc', 'abc'], 'without an offset')
    const works = native.probePeekOffset(family)
    assert.ok(works === 0 || works === 1)
    assert.equal(native.probePeekOffset(family), works)
    if (works === 1) {
      assert.equal(native.tcpPeekOffset(ours, 0), 0)
      assert.deepEqual([peek(3), peek(3)], ['abc', 'def'])
      assert.equal(native.tcpDiscard(ours, 4), 4)
      assert.deepEqual([peek(1), native.tcpPeekOffset(ours, 1), peek(9)], ['g', 0, 'fgh'])
      assert.equal(native.tcpPeek(ours, 0, 1), -EAGAIN)
    } else {
      assert.equal(native.tcpDiscard(ours, 4), 4)
    }
    assert.equal(native.tcpDiscard(ours, 100), 4, 'no more than is there')
    assert.equal(native.tcpDiscard(ours, 100), 0)
    native.closeDescriptor(ours)
  })
}

test('a refused connect is told as that', async (t) => {
  const { native, ready } = makeBench(t)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const descriptor = native.tcpConnect(...LOCALHOST, port, 0)
  if (descriptor >= 0) {
    assert.ok(((await ready(descriptor, EPOLLOUT)) & EPOLLERR) !== 0)
    assert.equal(native.socketError(descriptor), ECONNREFUSED)
    native.closeDescriptor(descriptor)
  } else {
    assert.equal(descriptor, -ECONNREFUSED)
  }
})

test('what tcpRoom promises, a send takes', async (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const { ours, peer } = await connected(t, bench, '127.0.0.1', LOCALHOST)
  peer.pause()
  assert.ok(native.tcpRoom(ours) > 1000)
  for (const piece of [1, 100, 1448, 65_536, 1 << 20]) {
    for (let i = 0; i < 200; i++) {
      const length = Math.min(native.tcpRoom(ours), piece)
      if (length === 0) break
      assert.equal(native.tcpSend(ours, 0, length), length, `in pieces of ${piece}`)
    }
  }
  while (native.tcpSend(ours, 0, 1 << 20) > 0);
  assert.equal(native.tcpRoom(ours), 0)
  native.tcpReset(ours)
})

test('tcpReset reaches the peer as a reset', async (t) => {
  const bench = makeBench(t)
  const { ours, peer } = await connected(t, bench, '127.0.0.1', LOCALHOST)
  const failed = once(peer, 'error')
  peer.resume()
  assert.equal(bench.native.tcpReset(ours), 0)
  const [error] = (await failed) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNRESET')
  assert.equal(bench.native.socketError(ours), -EBADF, 'and is closed')
})

/** The two ends of a stream pair. */
function pair(bench: Bench): [ours: number, other: number] {
  assert.equal(bench.native.streamPair(), 0)
  return [bench.words[0]!, bench.words[1]!]
}

test('a stream pair: what was peeked stays until it is discarded, over the borders of what was sent', (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const [ours, other] = pair(bench)
  const peek = (length: number) => bench.text(0, native.tcpPeek(ours, 0, length))
  assert.equal(native.tcpPeekOffset(ours, 0), 0)
  assert.equal(native.tcpPeek(ours, 0, 9), -EAGAIN)
  for (const text of ['abc', 'defg', 'h']) native.tcpSend(other, 100, bench.put(100, text))
  assert.deepEqual([peek(2), peek(9), native.tcpPeek(ours, 0, 9)], ['ab', 'cdefgh', -EAGAIN])
  assert.equal(native.tcpDiscard(ours, 4), 4)
  assert.deepEqual([native.tcpPeekOffset(ours, 1), peek(9)], [0, 'fgh'])
  native.tcpSend(other, 100, bench.put(100, 'ij'))
  assert.equal(peek(9), 'ij')
  assert.equal(native.tcpDiscard(ours, 100), 6, 'no more than is there')
  assert.equal(native.tcpDiscard(ours, 100), 0)
  for (let i = 0; i < 3; i++) assert.equal(native.tcpSend(other, 0, 30_000), 30_000)
  assert.equal(native.tcpPeek(ours, 0, 50_000), 50_000)
  assert.equal(native.tcpDiscard(ours, 50_000), 50_000)
  assert.equal(native.tcpPeek(ours, 0, 100_000), 40_000)
  assert.equal(native.tcpShutdown(other), 0)
  assert.equal(native.tcpPeek(ours, 0, 1), 0, 'the end, behind what is not taken yet')
  assert.equal(native.tcpDiscard(ours, 100_000), 40_000)
  for (const descriptor of [ours, other]) native.closeDescriptor(descriptor)
})

test('a stream pair: what tcpRoom promises, a send takes; who is full is told when there is room again', async (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const [ours, other] = pair(bench)
  for (const piece of [100, 1448, 65_536, 1 << 20]) {
    for (let i = 0; i < 20; i++) {
      const length = Math.min(native.tcpRoom(ours), piece)
      if (length === 0) break
      assert.equal(native.tcpSend(ours, 0, length), length, `in pieces of ${piece}`)
    }
  }
  while (native.tcpSend(ours, 0, 1 << 20) > 0);
  assert.equal(native.tcpRoom(ours), 0)
  assert.equal(native.tcpSend(ours, 0, 1), -EAGAIN)
  const writable = bench.ready(ours, EPOLLOUT | EPOLLET)
  while (native.tcpReceive(other, 0, 1 << 20) > 0);
  assert.ok(((await writable) & EPOLLOUT) !== 0)
  assert.ok(native.tcpRoom(ours) > 1000)
  for (const descriptor of [ours, other]) native.closeDescriptor(descriptor)
})

test('a stream pair: each way ends by itself, and tcpReset is noticed', async (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const [ours, other] = pair(bench)
  assert.equal(native.tcpShutdown(ours), 0)
  assert.equal(native.tcpReceive(other, 0, 1), 0)
  assert.equal(native.tcpSend(other, 0, bench.put(0, 'late')), 4)
  assert.equal(native.closeDescriptor(other), 0)
  assert.equal(native.tcpPeek(ours, 50, 9), 4, 'it outlives who sent it')
  assert.equal(native.tcpReset(ours), 0)
  assert.equal(native.closeDescriptor(ours), -EBADF, 'and is closed')
  const [reset, peer] = pair(bench)
  assert.equal(native.tcpReset(reset), 0)
  assert.ok(((await bench.ready(peer, EPOLLIN)) & EPOLLHUP) !== 0)
  assert.ok(native.tcpSend(peer, 0, 1) < 0)
  native.closeDescriptor(peer)
})

/** The port a UDP socket of ours has, as a peer sees it. */
async function portOf(bench: Bench, descriptor: number, host: string, words: Words): Promise<number> {
  const peer = createSocket(host === '::1' ? 'udp6' : 'udp4').bind(0, host)
  await once(peer, 'listening')
  const arrived = once(peer, 'message')
  assert.equal(bench.native.udpSend(descriptor, 0, 1, 0, ...words, peer.address().port), 1)
  const [, from] = (await arrived) as [Buffer, RemoteInfo]
  peer.close()
  return from.port
}

for (const [family, host, words] of FAMILIES) {
  test(`UDP over IPv${family}: source, TTL, trains`, async (t) => {
    const bench = makeBench(t)
    const { native, words: scratch } = bench
    const [server, client] = [native.udpOpen(family, 0), native.udpOpen(family, 0)]
    assert.ok(server >= 0 && client >= 0)
    const [serverPort, clientPort] = [await portOf(bench, server, host, words), await portOf(bench, client, host, words)]
    const receive = async (descriptor: number) => {
      await bench.ready(descriptor, EPOLLIN)
      const length = native.udpReceive(descriptor, 1000, 2000)
      assert.deepEqual(Array.from(scratch.subarray(0, 4)), [...words])
      return bench.text(1000, length)
    }
    assert.equal(native.udpReceive(server, 0, 100), -EAGAIN)
    assert.equal(native.udpConnect(client, ...words, serverPort, 0), 0)
    assert.equal(native.udpSend(client, 0, bench.put(0, 'ping'), 0, 0, 0, 0, 0, 0), 4)
    assert.equal(await receive(server), 'ping')
    assert.equal(scratch[4], clientPort)
    assert.ok(scratch[5]! > 0 && scratch[6] === 0, `TTL ${scratch[5]}, TOS ${scratch[6]}`)
    assert.equal(native.udpSend(server, 0, bench.put(0, 'pong'), 0, ...words, clientPort), 4)
    assert.equal(await receive(client), 'pong')
    assert.equal(scratch[4], serverPort)
    assert.equal(native.udpSend(client, 0, bench.put(0, 'aaabbbc'), 3, 0, 0, 0, 0, 0), 7)
    assert.deepEqual([await receive(server), await receive(server), await receive(server)], ['aaa', 'bbb', 'c'])
    native.udpSend(client, 0, 100, 0, 0, 0, 0, 0, 0)
    await bench.ready(server, EPOLLIN)
    assert.equal(native.udpReceive(server, 0, 99), -EMSGSIZE)
    assert.equal(native.udpReceive(server, 0, 99), -EAGAIN)
    native.closeDescriptor(server)
    native.closeDescriptor(client)
  })

  test(`UDP over IPv${family}: hop limit and traffic class are as they were set, from then on`, async (t) => {
    const bench = makeBench(t)
    const { native, words: scratch } = bench
    const [server, client] = [native.udpOpen(family, 0), native.udpOpen(family, 0)]
    const port = await portOf(bench, server, host, words)
    const fields = async () => {
      assert.equal(native.udpSend(client, 0, 1, 0, ...words, port), 1)
      await bench.ready(server, EPOLLIN)
      assert.equal(native.udpReceive(server, 0, 1), 1)
      return [scratch[5], scratch[6]]
    }
    for (const [hops, tos] of [
      [1, 0],
      [7, 0xbb],
      [255, 3],
    ] as const) {
      for (const dontFragment of [0, 1] as const) {
        assert.equal(native.datagramHeader(client, family, hops, tos, dontFragment), 0)
        assert.deepEqual(await fields(), [hops, tos])
        assert.deepEqual(await fields(), [hops, tos])
      }
    }
    for (const hops of [0, 256]) assert.equal(native.datagramHeader(client, family, hops, 0, 0), family === 4 || hops > 255 ? -EINVAL : 0)
    native.closeDescriptor(server)
    native.closeDescriptor(client)
  })

  test(`TCP over IPv${family}: a hop limit that cannot be is refused`, (t) => {
    assert.equal(makeBench(t).native.tcpConnect(...words, 9, 256), -EINVAL)
  })

  test(`UDP over IPv${family}: the wanted port, or another when it is taken`, async (t) => {
    const bench = makeBench(t)
    const { native } = bench
    const first = native.udpOpen(family, 0)
    const port = await portOf(bench, first, host, words)
    const second = native.udpOpen(family, port)
    assert.ok(second >= 0)
    assert.notEqual(await portOf(bench, second, host, words), port)
    native.closeDescriptor(first)
    const third = native.udpOpen(family, port)
    assert.equal(await portOf(bench, third, host, words), port)
    native.closeDescriptor(second)
    native.closeDescriptor(third)
  })

  test(`UDP over IPv${family}: an ICMP error is queued with its sender and what was sent`, async (t) => {
    const bench = makeBench(t)
    const { native, words: scratch } = bench
    const [gone, socket] = [native.udpOpen(family, 0), native.udpOpen(family, 0)]
    const port = await portOf(bench, gone, host, words)
    native.closeDescriptor(gone)
    assert.equal(native.errorReceive(socket), 0)
    assert.equal(native.udpSend(socket, 0, bench.put(0, 'anybody?'), 0, ...words, port), 8)
    assert.ok(((await bench.ready(socket, EPOLLERR)) & EPOLLERR) !== 0)
    assert.equal(native.errorReceive(socket), 1)
    const icmp = family === 4 ? [ORIGIN_ICMP, 3, 3] : [ORIGIN_ICMP6, 1, 4] // Port unreachable.
    assert.deepEqual(Array.from(scratch.subarray(0, 4)), [ECONNREFUSED, ...icmp])
    assert.deepEqual(Array.from(scratch.subarray(5, 15)), [...words, port, ...words, 8])
    assert.ok(scratch[15]! > 0, `TTL ${scratch[15]}`)
    assert.equal(new TextDecoder().decode(new Uint8Array(native.scratch, 16 * 4, 8)), 'anybody?')
    assert.equal(native.errorReceive(socket), 0)
    native.closeDescriptor(socket)
  })
}

test('families and ports that do not exist are refused', (t) => {
  const { native } = makeBench(t)
  const answers = [
    native.udpOpen(5, 0),
    native.datagramHeader(0, 5, 1, 0, 0),
    native.pingOpen(0, 0),
    native.probePeekOffset(7),
    native.tcpDiscard(0, -1),
  ]
  assert.deepEqual(answers, new Array(answers.length).fill(-EINVAL))
})

test('a send buffer can be made to take what it had no room for, and is never made smaller', async (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const { ours } = await connected(t, bench, '127.0.0.1', LOCALHOST)
  const size = 32_768
  // Full: nobody reads at the other end.
  while (native.tcpSend(ours, 0, size) > 0);
  const room = native.tcpRoom(ours)
  assert.equal(room, 0)
  const outcome = native.tcpMakeRoom(ours, size)
  // A buffer that has grown beyond what may be asked for stays as it is.
  if (outcome === 1) assert.ok(native.tcpSend(ours, 0, size) > 0)
  else assert.equal(outcome, 0)
  assert.equal(native.tcpMakeRoom(ours, 0), 0)
  assert.equal(native.tcpMakeRoom(ours, -1), -EINVAL)
  assert.equal(native.tcpMakeRoom(-1, 1), -EBADF)
})

test('how long a far end was not heard, by TCP; where that cannot be told it is no silence', async (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const { ours } = await connected(t, bench, '127.0.0.1', LOCALHOST)
  assert.equal(native.tcpSend(ours, 0, 10), 10)
  for (const asks of [0, 1]) {
    const silence = native.tcpSilence(ours, asks)
    assert.ok(silence >= 0 && silence < 60_000, `${silence}`)
  }
  assert.equal(native.tcpStalled(ours), 0)
  assert.ok(native.tcpSilence(-1, 1) === -EBADF && native.tcpStalled(-1) === -EBADF)
  const [near, far] = pair(bench)
  assert.ok(native.tcpSilence(near, 1) < 0 && native.tcpStalled(near) < 0)
  for (const one of [near, far]) native.closeDescriptor(one)
})

test('an urgent byte is sent as one by TCP, as any other to a service of ours, and is found in what has come', (t) => {
  const bench = makeBench(t)
  const { native } = bench
  const [near, far] = pair(bench)
  assert.deepEqual([native.tcpSend(near, 0, 1), native.tcpSendUrgent(near, 1), native.tcpSend(near, 2, 1)], [1, 1, 1])
  assert.equal(native.tcpReceive(far, 100, 10), 3)
  assert.deepEqual([native.tcpMark(-1), native.tcpSendUrgent(-1, 0)], [-1, -EBADF])
  for (const one of [near, far]) native.closeDescriptor(one)
})
