/*
 * Many datagrams in one call, over loopback: received side by side, sent as trains.
 */

import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type Bench, EAGAIN, ECONNREFUSED, EFAULT, EINVAL, EMSGSIZE, EPOLLIN, LOCALHOST, LOCALHOST6, makeBench } from './native-bench.js'

type Words = readonly [number, number, number, number]

const FAMILIES: readonly (readonly [family: number, host: string, words: Words])[] = [
  [4, '127.0.0.1', LOCALHOST],
  [6, '::1', LOCALHOST6],
]
const ARENA = 8 << 20
const AT = 4096
const REST = 1 << 20
/** Distance of two rests. */
const REST_BYTES = 68 << 10
const MESSAGE = 10
const SENT = 7

interface Message {
  text: string
  at: number
  length: number
  segment: number
}

/** Two sockets of ours, the second with trains, and the second's port. */
async function pair(
  t: TestContext,
  family: number,
  host: string,
  words: Words,
): Promise<{ bench: Bench; out: number; in: number; port: number }> {
  const bench = makeBench(t, ARENA)
  const { native } = bench
  const [out, into] = [native.udpOpen(family, 0), native.udpOpen(family, 0)]
  assert.ok(out >= 0 && into >= 0)
  assert.equal(native.udpTrains(into), 0)
  const peer = createSocket(host === '::1' ? 'udp6' : 'udp4').bind(0, host)
  await once(peer, 'listening')
  const arrived = once(peer, 'message')
  native.udpSend(into, 0, 1, 0, ...words, peer.address().port)
  const [, from] = await arrived
  peer.close()
  t.after(() => {
    native.closeDescriptor(out)
    native.closeDescriptor(into)
  })
  return { bench, out, in: into, port: (from as { port: number }).port }
}

function receive(bench: Bench, descriptor: number, stride: number, max = 64): Message[] {
  const count = bench.native.udpReceiveMany(descriptor, AT, stride, REST, max)
  assert.ok(count >= 0, `udpReceiveMany: ${count}`)
  return Array.from({ length: count }, (_, i) => {
    const [at = 0, length = 0, segment = 0] = bench.words.subarray(i * MESSAGE)
    return { text: bench.text(at, length), at, length, segment }
  })
}

for (const [family, host, words] of FAMILIES) {
  test(`IPv${family}: datagrams of one length lie side by side, longer ones are whole elsewhere, empty ones are there`, async (t) => {
    const { bench, out, in: into, port } = await pair(t, family, host, words)
    const { native } = bench
    assert.equal(native.udpReceiveMany(into, AT, 3, REST, 64), -EAGAIN)
    for (const text of ['abc', 'def', '', 'gh', 'longer', 'ijk']) native.udpSend(out, 0, bench.put(0, text), 0, ...words, port)
    await bench.ready(into, EPOLLIN)
    const messages = receive(bench, into, 3)
    assert.deepEqual(
      messages.map(({ text, segment }) => [text, segment]),
      [
        ['abc', 0],
        ['def', 0],
        ['', 0],
        ['gh', 0],
        ['longer', 0],
        ['ijk', 0],
      ],
    )
    assert.deepEqual(
      messages.filter(({ text }) => text !== 'longer').map(({ at }) => at),
      [0, 1, 2, 3, 5].map((i) => AT + 3 * i),
    )
    assert.ok(messages[4]!.at >= REST + 4 * REST_BYTES + 2048 && messages[4]!.at + 6 <= REST + 5 * REST_BYTES)
    const [source, ttl, tos] = [Array.from(bench.words.subarray(6, 10)), bench.words[4]!, bench.words[5]!]
    assert.deepEqual(source, [...words])
    assert.ok(ttl > 0 && tos === 0, `TTL ${ttl}, TOS ${tos}`)
  })

  test(`IPv${family}: no more than was asked for, and the largest datagram is not cut`, async (t) => {
    const { bench, out, in: into, port } = await pair(t, family, host, words)
    const { native, bytes } = bench
    const largest = 65_507
    for (let i = 0; i < largest; i++) bytes[i] = i % 251
    const sent = bytes.slice(0, largest)
    for (const length of [largest, 1, 2]) assert.equal(native.udpSend(out, 0, length, 0, ...words, port), length)
    await bench.ready(into, EPOLLIN)
    const [first] = receive(bench, into, 2048, 1)
    assert.equal(first?.length, largest)
    assert.ok(Buffer.from(sent).equals(bytes.subarray(first.at, first.at + largest)))
    assert.deepEqual(
      receive(bench, into, 1).map(({ length }) => length),
      [1, 2],
    )
  })

  test(`IPv${family}: a train arrives as one message, with the length of its datagrams`, async (t) => {
    const { bench, out, in: into, port } = await pair(t, family, host, words)
    const { native } = bench
    native.udpSend(out, 0, bench.put(0, 'aaabbbc'), 3, ...words, port)
    native.udpSend(out, 0, bench.put(0, 'ddd'), 0, ...words, port)
    await bench.ready(into, EPOLLIN)
    assert.deepEqual(
      receive(bench, into, 100).map(({ text, segment }) => [text, segment]),
      [
        ['aaabbbc', 3],
        ['ddd', 0],
      ],
    )
  })

  test(`IPv${family}: messages to several places leave in one call, trains gathered from pieces`, async (t) => {
    const bench = makeBench(t, ARENA)
    const { native } = bench
    const peers: [Socket, Socket] = [createSocket(family === 4 ? 'udp4' : 'udp6'), createSocket(family === 4 ? 'udp4' : 'udp6')]
    const heard: string[][] = [[], []]
    for (const [i, peer] of peers.entries()) {
      t.after(() => peer.close())
      peer.on('message', (message) => heard[i]!.push(String(message))).bind(0, host)
      await once(peer, 'listening')
    }
    const [first, second] = peers.map((peer) => peer.address().port) as [number, number]
    const out = native.udpOpen(family, 0)
    bench.put(100, 'xxyyz')
    bench.put(200, 'one')
    bench.words.set([...words, first, 2, 3, 100, 2, 102, 2, 104, 1], 50)
    bench.words.set([...words, second, 0, 1, 200, 3], 50 + SENT + 6)
    bench.words.set([...words, second, 0, 1, 200, 0], 50 + 2 * SENT + 8)
    assert.equal(native.udpSendMany(out, 50, 3), 3)
    while (heard[0]!.length + heard[1]!.length < 5) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(heard, [
      ['xx', 'yy', 'z'],
      ['one', ''],
    ])
    native.closeDescriptor(out)
  })
}

test('of messages that cannot all be sent the first ones are, and the next call says what is wrong', async (t) => {
  const { bench, out, in: into, port } = await pair(t, 4, '127.0.0.1', LOCALHOST)
  const { native } = bench
  bench.words.set([...LOCALHOST, port, 0, 1, 0, 1], 0)
  // Longer than any datagram can be.
  bench.words.set([...LOCALHOST, port, 0, 1, 0, 65_508], SENT + 2)
  bench.words.set([...LOCALHOST, port, 0, 1, 0, 1], 2 * (SENT + 2))
  assert.equal(native.udpSendMany(out, 0, 3), 1)
  assert.equal(native.udpSendMany(out, SENT + 2, 2), -EMSGSIZE)
  assert.equal(native.udpSendMany(out, 2 * (SENT + 2), 1), 1)
  await bench.ready(into, EPOLLIN)
  assert.equal(receive(bench, into, 1).length, 2)
})

test('an error about an earlier datagram fails one call of either kind, and what has arrived stays', async (t) => {
  const { bench, out, in: into, port } = await pair(t, 4, '127.0.0.1', LOCALHOST)
  const { native } = bench
  native.udpSend(out, 0, bench.put(0, 'kept'), 0, ...LOCALHOST, port)
  // Nobody is where the socket of this number was.
  const gone = createSocket('udp4').bind(0, '127.0.0.1')
  await once(gone, 'listening')
  const nowhere = gone.address().port
  await new Promise<void>((resolve) => gone.close(() => resolve()))
  native.udpSend(into, 0, 1, 0, ...LOCALHOST, nowhere)
  await bench.ready(into, EPOLLIN)
  assert.equal(native.udpReceiveMany(into, AT, 1, REST, 4), -ECONNREFUSED)
  assert.equal(receive(bench, into, 1)[0]?.text, 'kept')
})

test('what is not in the arena or the scratch is refused', async (t) => {
  const { bench, in: into } = await pair(t, 4, '127.0.0.1', LOCALHOST)
  const { native, words } = bench
  const receiving = [
    native.udpReceiveMany(into, AT, 0, REST, 1),
    native.udpReceiveMany(into, AT, 2049, REST, 1),
    native.udpReceiveMany(into, AT, 1, REST, 0),
    native.udpReceiveMany(into, ARENA - 1, 2, REST, 1),
    native.udpReceiveMany(into, AT, 1, ARENA - REST_BYTES, 2),
  ]
  assert.deepEqual(receiving, [-EINVAL, -EINVAL, -EINVAL, -EFAULT, -EFAULT])
  const one = (pieces: number, at: number, length: number, word = 0): number => {
    words.set([...LOCALHOST, 9, 0, pieces, at, length].slice(0, words.length - word), word)
    return native.udpSendMany(into, word, 1)
  }
  const sending = [
    one(-1, 0, 0),
    one(2045, 0, 0),
    one(1, ARENA, 1),
    one(1, 0, -1),
    one(1, 0, 1, words.length - SENT),
    native.udpSendMany(into, -1, 1),
  ]
  assert.deepEqual(sending, [-EINVAL, -EINVAL, -EFAULT, -EFAULT, -EINVAL, -EINVAL])
  assert.deepEqual(
    [native.udpSendMany(into, 0, 0), native.udpSendMany(into, 0, 65), native.udpSendMany(into, 4090, 1)],
    [-EINVAL, -EINVAL, -EINVAL],
  )
})
