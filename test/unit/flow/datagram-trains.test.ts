// Datagrams that come together: they stay datagrams, in their order, whatever travels as one message or one frame.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PACKETS_OUT, ROW_WORDS } from '../../../src/net/flow-row.js'
import { fold, pseudoHeader4 } from '../../../src/wire/checksum.js'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { mend } from '../../support/bent-frames.js'
import { cut } from '../../support/fragments.js'
import { IP_AT, type Route, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack, type SimulationOptions } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const OTHER = 0xc6336401 | 0
const LOOPBACK = 0x7f000001
const PAYLOAD_AT = TRANSPORT_AT + udp.HEADER_LENGTH
const route: Route = { source: GUEST, destination: REMOTE }

let mark = 0
/** Bytes that no other datagram of the test has. */
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(++mark)
const datagram = (length: number, r = route, from = 1000, to = 2000): Uint8Array => udpFrame(r, from, to, bytes(length))

function withHeader(frame: Uint8Array, tos: number, dontFragment: boolean): Uint8Array {
  const view = new DataView(frame.buffer)
  view.setUint8(IP_AT + 1, tos)
  view.setUint16(IP_AT + 6, dontFragment ? 0x4000 : 0)
  mend(frame)
  return frame
}

function stack(options: SimulationOptions = {}) {
  mark = 0
  const net = new SimulatedStack(new Random(1), options)
  const frames: DataView[] = []
  net.kernel.onFrame = (frame) => frames.push(new DataView(frame.buffer))
  return { net, kernel: net.kernel, frames }
}

/** What has left through a socket: of each datagram its length and its mark. */
function datagramsOf(net: SimulatedStack, socket = 0): [length: number, mark: number][] {
  return net.kernel.datagrams[socket]!.sent.flatMap(({ bytes: sent, segment }) => {
    const size = segment === 0 ? sent.length : segment
    const pieces = Math.max(1, Math.ceil(sent.length / Math.max(1, size)))
    return Array.from({ length: pieces }, (_, i): [number, number] => {
      const piece = sent.subarray(i * size, (i + 1) * size)
      assert.ok(piece.every((byte) => byte === piece[0]))
      return [piece.length, piece[0] ?? 0]
    })
  })
}

const messagesOf = (net: SimulatedStack, socket = 0): [number, number][] =>
  net.kernel.datagrams[socket]!.sent.map(({ bytes: sent, segment }) => [sent.length, segment])

test('out: equal datagrams of one batch leave as a train, which a shorter one ends', () => {
  const { net } = stack()
  const lengths = [100, 100, 100, 50, 100, 0, 100, 100, 101, 100]
  net.receive(...lengths.map((length) => datagram(length)))
  assert.deepEqual(messagesOf(net), [
    [350, 100],
    [100, 0],
    [0, 0],
    [200, 100],
    [201, 101],
  ])
  assert.deepEqual(
    datagramsOf(net),
    lengths.map((length, i) => [length, length === 0 ? 0 : i + 1]),
  )
  net.wait(300_000)
  net.assertEmpty()
})

test('out: no train is longer than a kernel takes', () => {
  const { net } = stack()
  net.receive(...Array.from({ length: 100 }, () => datagram(10)), ...Array.from({ length: 60 }, () => datagram(1400)))
  assert.deepEqual(messagesOf(net), [
    [640, 10],
    [360, 10],
    [46 * 1400, 1400],
    [14 * 1400, 1400],
  ])
})

test('out: more flows and datagrams than one batch holds all leave, each flow in its order', () => {
  const { net } = stack({ maxFlows: 8 })
  const random = new Random(7)
  const expected: [number, number][][] = Array.from({ length: 8 }, () => [])
  const frames = Array.from({ length: 200 }, () => {
    const flow = random.below(8)
    const length = [10, 10, 10, 700, 1400][random.below(5)]!
    const frame = datagram(length, route, 1000 + flow)
    expected[flow]!.push([length, mark & 0xff])
    return frame
  })
  // In the order in which the sockets were opened.
  const order = [...new Set(frames.map((frame) => udp.srcPort(new DataView(frame.buffer), TRANSPORT_AT) - 1000))]
  for (let i = 0; i < frames.length; i += 100) net.receive(...frames.slice(i, i + 100))
  for (const [socket, flow] of order.entries()) assert.deepEqual(datagramsOf(net, socket), expected[flow])
})

test('out: another peer or another header begins another message, and the order stays', () => {
  const { net } = stack()
  const toGateway: Route = { source: GUEST, destination: GATEWAY }
  net.receive(
    datagram(10),
    datagram(10),
    datagram(10, toGateway),
    datagram(10),
    datagram(10, route, 1000, 2001),
    withHeader(datagram(10), 0xb8, false),
    withHeader(datagram(10), 0xb8, false),
    withHeader(datagram(10), 0xb8, true),
  )
  assert.deepEqual(
    net.kernel.datagrams[0]!.sent.map(({ bytes: sent, segment, address, port, header }) => [
      sent.length,
      segment,
      address,
      port,
      header.tos,
    ]),
    [
      [20, 10, REMOTE, 2000, 0],
      [10, 0, LOOPBACK, 2000, 0],
      [10, 0, REMOTE, 2000, 0],
      [10, 0, REMOTE, 2001, 0],
      [20, 10, REMOTE, 2000, 0xb8],
      [10, 0, REMOTE, 2000, 0xb8],
    ],
  )
  assert.deepEqual(
    datagramsOf(net).map(([, of]) => of),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )
})

test('out: what came in fragments keeps its place', () => {
  const { net } = stack()
  net.receive(datagram(10), ...cut(datagram(3000), 1480), datagram(10), datagram(10))
  assert.deepEqual(datagramsOf(net), [
    [10, 1],
    [3000, 2],
    [10, 3],
    [10, 4],
  ])
})

test('out: of a train that the path refuses each datagram is told of, and those that fit are sent', () => {
  const { net, kernel, frames } = stack()
  net.receive(withHeader(datagram(10), 0, true))
  kernel.datagrams[0]!.mtu = 1280
  const long = [1, 2].map(() => withHeader(datagram(1400), 0, true))
  const short = [1, 2].map(() => withHeader(datagram(1000), 0, true))
  net.receive(short[0]!, ...long, short[1]!)
  assert.deepEqual(
    datagramsOf(net).map(([length]) => length),
    [10, 1000, 1000],
  )
  assert.equal(frames.length, 2)
  for (const [i, view] of frames.entries()) {
    assert.deepEqual([icmp.code(view, TRANSPORT_AT), icmp.nextHopMtu(view, TRANSPORT_AT)], [icmp.FRAGMENTATION_NEEDED, 1280])
    const quote = new Uint8Array(view.buffer, TRANSPORT_AT + icmp.HEADER_LENGTH)
    assert.deepEqual(quote, long[i]!.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
  }
})

test('out: what may be cut on the way leaves datagram by datagram where it has to be', () => {
  const { net, kernel, frames } = stack()
  net.receive(datagram(10))
  kernel.datagrams[0]!.mtu = 1280
  for (let batch = 0; batch < 2; batch++) net.receive(datagram(1400), datagram(1400), datagram(1400))
  assert.deepEqual(messagesOf(net).slice(1), new Array(6).fill([1400, 0]))
  assert.equal(frames.length, 0)
})

test('out: a destination that the host refuses is told of each datagram, and the others are sent', () => {
  const EHOSTUNREACH = 113
  const { net, kernel, frames } = stack()
  const send = kernel.udpSend.bind(kernel)
  const sendMany = kernel.udpSendMany.bind(kernel)
  kernel.udpSend = (...args) => (args[7] === OTHER ? -EHOSTUNREACH : send(...args))
  kernel.udpSendMany = (descriptor, word, count) => {
    const words = new Int32Array(kernel.scratch)
    let at = word
    for (let i = 0; i < count; i++) {
      if (words[at + 3] === OTHER) return i === 0 ? -EHOSTUNREACH : sendMany(descriptor, word, i)
      at += 7 + 2 * words[at + 6]!
    }
    return sendMany(descriptor, word, count)
  }
  const away: Route = { source: GUEST, destination: OTHER }
  const unsent = [datagram(10, away), datagram(10, away)]
  net.receive(datagram(10), unsent[0]!, unsent[1]!, datagram(10), datagram(10))
  assert.equal(datagramsOf(net).length, 3)
  assert.deepEqual(
    frames.map((view) => new Uint8Array(view.buffer, TRANSPORT_AT + icmp.HEADER_LENGTH)),
    unsent.map((frame) => frame.slice(IP_AT)),
  )
  net.receive(datagram(10), datagram(10))
  assert.deepEqual(messagesOf(net).at(-1), [20, 10], 'trains go on')
})

test('out: a mapping that has to make room sends first what it has', () => {
  const { net } = stack({ maxFlows: 1 })
  net.receive(datagram(10), datagram(10), datagram(10, route, 1001), datagram(10))
  assert.deepEqual(
    net.kernel.datagrams.map((_, i) => datagramsOf(net, i)),
    [
      [
        [10, 1],
        [10, 2],
      ],
      [[10, 3]],
      [[10, 4]],
    ],
  )
  net.stack.close()
  net.assertEmpty()
})

/** Frames that have reached the guest, as the datagrams that its kernel makes of them. */
function arrived(frames: readonly DataView[]): { source: number; port: number; length: number; mark: number }[] {
  return frames.flatMap((view) => {
    const total = udp.length(view, TRANSPORT_AT) - udp.HEADER_LENGTH
    const size = virtio.gsoType(view, 0) === virtio.GSO_UDP_L4 ? virtio.gsoSize(view, 0) : Math.max(1, total)
    const pieces = Math.max(1, Math.ceil(total / size))
    assert.equal(view.byteLength, PAYLOAD_AT + total)
    if (pieces > 1 || total > 256) {
      assert.equal(virtio.flags(view, 0), virtio.FLAG_NEEDS_CSUM)
      assert.deepEqual([virtio.checksumStart(view, 0), virtio.checksumOffset(view, 0)], [34, 6])
      const sum = pseudoHeader4(ipv4.source(view, IP_AT), GUEST, PROTOCOL_UDP, total + udp.HEADER_LENGTH)
      assert.equal(udp.checksum(view, TRANSPORT_AT), fold(sum))
    } else assert.ok(udp.checksumIsRight4(view, TRANSPORT_AT, ipv4.source(view, IP_AT), GUEST))
    return Array.from({ length: pieces }, (_, i) => ({
      source: ipv4.source(view, IP_AT),
      port: udp.srcPort(view, TRANSPORT_AT),
      length: Math.min(size, total - i * size),
      mark: total === 0 ? 0 : view.getUint8(PAYLOAD_AT + i * size),
    }))
  })
}

/** A stack with a mapping whose socket has received datagrams of 100 bytes before. */
function receiving(options: SimulationOptions = {}) {
  const { net, kernel, frames } = stack(options)
  net.receive(datagram(1))
  const socket = kernel.datagrams[0]!
  socket.delivers(bytes(100), REMOTE, 2000)
  kernel.run()
  frames.length = 0
  return { net, kernel, frames, socket }
}

test('back: equal datagrams of one peer reach the guest in one frame, each whole and in its place', () => {
  const { kernel, frames, socket } = receiving()
  const lengths = [100, 100, 100, 40, 100, 0, 300, 100, 100]
  for (const length of lengths) socket.delivers(bytes(length), REMOTE, 2000)
  kernel.run()
  assert.equal(frames.length, 5)
  assert.deepEqual(
    arrived(frames).map(({ length, mark: of }) => [length, of]),
    lengths.map((length, i) => [length, length === 0 ? 0 : mark - lengths.length + i + 1]),
  )
})

test('back: datagrams of two peers, or with two headers, are never in one frame', () => {
  const { kernel, frames, socket } = receiving()
  const first = mark + 1
  const from = [REMOTE, REMOTE, OTHER, OTHER, LOOPBACK, REMOTE]
  for (const source of from) socket.delivers(bytes(100), source, 2000)
  socket.delivers(bytes(100), REMOTE, 2001)
  socket.delivers(bytes(100), REMOTE, 2001, 63, 3)
  socket.delivers(bytes(100), REMOTE, 2001, 62, 3)
  kernel.run()
  const seen = arrived(frames)
  assert.equal(frames.length, 7)
  assert.deepEqual(
    seen.map(({ source, mark: of }) => [source, of]),
    [REMOTE, REMOTE, OTHER, OTHER, GATEWAY, REMOTE, REMOTE, REMOTE, REMOTE].map((source, i) => [source, first + i]),
  )
  assert.deepEqual(
    frames.slice(-2).map((view) => ipv4.typeOfService(view, IP_AT)),
    [3, 3],
  )
})

test('back: a train of the kernel’s is one of ours', () => {
  const { kernel, frames, socket, net } = receiving()
  socket.delivers(new Uint8Array(3050).fill(9), REMOTE, 2000, 63, 0, 1000)
  kernel.run()
  assert.deepEqual(
    arrived(frames).map(({ length }) => length),
    [1000, 1000, 1000, 50],
  )
  assert.equal(frames.length, 1)
  assert.equal(net.stack.table.rows[ROW_WORDS + PACKETS_OUT], 1 + 4, 'each of them counts')
})

test('back: datagrams that the link cannot carry whole leave in fragments, one by one', () => {
  const { kernel, frames, socket } = receiving()
  socket.delivers(new Uint8Array(5000).fill(9), REMOTE, 2000, 63, 0, 2500)
  kernel.run()
  const offsets = frames.map((view) => [ipv4.fragmentOffset(view, IP_AT), ipv4.moreFragments(view, IP_AT)])
  assert.deepEqual(offsets, [
    [0, true],
    [1480, false],
    [0, true],
    [1480, false],
  ])
})

test('back: a link without offload gets every datagram by itself, with its checksum', () => {
  const { kernel, frames, socket } = receiving({ offload: false })
  for (let i = 0; i < 3; i++) socket.delivers(bytes(100), REMOTE, 2000)
  socket.delivers(new Uint8Array(2500).fill(9), REMOTE, 2000, 63, 0, 1000)
  kernel.run()
  assert.deepEqual(
    frames.map((view) => [udp.length(view, TRANSPORT_AT) - 8, virtio.flags(view, 0), virtio.gsoType(view, 0)]),
    [100, 100, 100, 1000, 1000, 500].map((length) => [length, 0, 0]),
  )
  for (const view of frames) assert.ok(udp.checksumIsRight4(view, TRANSPORT_AT, REMOTE, GUEST))
})

test('back: no train is longer than 64 datagrams, however many wait', () => {
  const { kernel, frames, socket } = receiving()
  for (let i = 0; i < 200; i++) socket.delivers(bytes(100), REMOTE, 2000)
  kernel.run()
  assert.equal(arrived(frames).length, 200)
  for (const view of frames) assert.ok(udp.length(view, TRANSPORT_AT) <= 8 + 64 * 100)
})
