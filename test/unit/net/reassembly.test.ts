// Fragments of IPv4 (RFC 791, 3.2; RFC 1122, 3.3.2): what belongs together goes up whole, what does not fit is not guessed at, and however
// many there are of them, they take no more than their share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MOST_DATAGRAMS, MOST_OF_ONE_GUEST } from '../../../src/net/fragment-slots.js'
import { PATIENCE } from '../../../src/net/reassembly.js'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { mend } from '../../support/bent-frames.js'
import { cut, join, piece } from '../../support/fragments.js'
import { BROADCAST_MAC, IP_AT, icmpFrame, type Route, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { forEachSeed, Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const OTHER_GUEST = 0x0a000265
const MULTICAST = 0xe0000001 | 0
const route: Route = { source: GUEST, destination: REMOTE }
const LARGEST = 65_507

const bytes = (length: number, seed = 1): Uint8Array => {
  const random = new Random(seed)
  return new Uint8Array(length).map(() => random.below(256))
}
const datagram = (payload: Uint8Array, r = route): Uint8Array => udpFrame(r, 1000, 2000, payload)

function stack(o = {}) {
  const net = new SimulatedStack(new Random(1), { maxFlows: 8, ...o })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  /** The datagrams that have reached the host. */
  const arrived = (): Uint8Array[] => net.kernel.datagrams.flatMap((d) => d.sent.map((sent) => sent.bytes))
  const { drops } = net.stack.input
  return { net, frames, arrived, drops, reassembly: net.stack.reassembly }
}

test('pieces in any order, each once or twice, make the datagram', () => {
  forEachSeed('reassembly.test', 40, (random) => {
    const { net, arrived, reassembly } = stack()
    const payload = bytes(random.pick([1, 8, 9, 100, 3000, random.below(LARGEST), LARGEST]), random.int32())
    const size = random.pick([8, 16, 1480, 8 * random.between(1, 1000)])
    const pieces = cut(datagram(payload), Math.max(size, (payload.length >> 11) << 3))
    random.shuffle(pieces)
    // The last one ends it: what comes after that begins a new one.
    const last = pieces.pop()!
    if (random.chance(50)) pieces.splice(random.below(pieces.length + 1), 0, ...pieces.filter(() => random.chance(20)))
    net.receive(...pieces)
    assert.equal(arrived().length, 0)
    net.receive(last)
    assert.deepEqual(arrived(), [payload])
    assert.equal(reassembly.inUse, 0)
    assert.equal(reassembly.expire(net.kernel.time), -1, 'a deadline was left')
  })
})

test('an echo request of any size is answered in pieces that a link can carry', () => {
  for (const mtu of [68, 1500, 9000, 65_521]) {
    const { net, frames } = stack({ mtu })
    for (const size of [0, 8, 1472, 1473, 20_000, LARGEST]) {
      const request = icmpFrame({ source: GUEST, destination: GATEWAY }, icmp.ECHO, 0, (5 << 16) | 6, bytes(size))
      net.receive(...(request.length - IP_AT > mtu ? cut(request, (mtu - 20) & ~7) : [request]))
      for (const frame of frames) assert.ok(frame.length - IP_AT <= mtu)
      const reply = join(frames.splice(0))
      const view = new DataView(reply.buffer)
      assert.deepEqual([icmp.type(view, 0), view.getInt32(4), reply.length], [icmp.ECHO_REPLY, (5 << 16) | 6, icmp.HEADER_LENGTH + size])
      assert.ok(icmp.checksumIsRight(view, 0, reply.length))
      assert.ok(Buffer.compare(reply.subarray(8), bytes(size)) === 0)
    }
  }
})

test('the longest datagram goes to the guest in pieces', () => {
  const { net, frames } = stack({ offload: false })
  net.receive(datagram(bytes(1)))
  for (const size of [0, 1472, 1473, LARGEST]) {
    net.kernel.datagrams[0]!.delivers(bytes(size), REMOTE, 2000)
    net.kernel.run()
    const whole = join(frames.splice(0))
    assert.equal(udp.length(new DataView(whole.buffer), 0), whole.length)
    assert.ok(udp.checksumIsRight4(new DataView(whole.buffer), 0, REMOTE, GUEST))
    assert.ok(Buffer.compare(whole.subarray(8), bytes(size)) === 0)
  }
})

test('datagrams of two of the same number are not mixed', () => {
  const { net, arrived } = stack()
  const all = [
    cut(datagram(bytes(3000, 1)), 1480, 7),
    cut(datagram(bytes(3000, 2)), 1480, 8),
    cut(datagram(bytes(3000, 3), { source: OTHER_GUEST, destination: REMOTE }), 1480, 7),
    cut(datagram(bytes(3000, 4), { source: GUEST, destination: GATEWAY }), 1480, 7),
    cut(icmpFrame(route, icmp.ECHO, 0, 9 << 16, bytes(3000, 5)), 1480, 7),
  ]
  for (let i = 0; i < 3; i++) net.receive(...all.map((pieces) => pieces[i]!))
  const tails = arrived().map((sent) => Buffer.from(sent.slice(-3000)).toString('hex'))
  for (let seed = 1; seed <= 5; seed++) assert.ok(tails.includes(Buffer.from(bytes(3000, seed)).toString('hex')), `datagram ${seed}`)
  assert.equal(tails.length, 5)
})

test('what was cut may be cut again, and has the fields of its first piece', () => {
  const { net } = stack()
  const frame = datagram(bytes(3000))
  new DataView(frame.buffer).setUint8(IP_AT + 8, 9)
  new DataView(frame.buffer).setUint8(IP_AT + 1, 0xb8)
  net.receive(...cut(frame, 1480).reverse())
  assert.deepEqual(net.kernel.datagrams[0]!.sent[0]!.header, { ttl: 8, tos: 0xb8, dontFragment: false })
})

test('congestion of one piece is that of all (RFC 3168, 5.3)', () => {
  for (const [codepoints, expected] of [
    [[2, 2, 2], 2],
    [[2, 3, 2], 3],
    [[1, 1, 3], 3],
    [[0, 0, 0], 0],
    [[0, 3, 0], undefined],
  ] as const) {
    const { net } = stack()
    const pieces = cut(datagram(bytes(3000)), 1480)
    pieces.forEach((frame, i) => {
      new DataView(frame.buffer).setUint8(IP_AT + 1, codepoints[i]!)
      mend(frame)
    })
    net.receive(...pieces)
    assert.equal(net.kernel.datagrams[0]?.sent[0]?.header.tos, expected)
  }
})

test('an error about a whole datagram quotes its header as it was before it was cut', () => {
  const { net, frames } = stack({ hostLoopback: false })
  net.receive(...cut(datagram(bytes(3000), { source: GUEST, destination: GATEWAY }), 1480, 99))
  const view = new DataView(frames[0]!.buffer)
  const quote = TRANSPORT_AT + icmp.HEADER_LENGTH
  assert.deepEqual([icmp.type(view, TRANSPORT_AT), icmp.code(view, TRANSPORT_AT)], [icmp.UNREACHABLE, icmp.NETWORK_UNREACHABLE])
  assert.deepEqual([ipv4.totalLength(view, quote), ipv4.isFragment(view, quote), ipv4.identification(view, quote)], [3028, false, 99])
  assert.ok(ipv4.checksumIsRight(view, quote))
})

test('pieces that overlap with other bytes spoil the datagram, and all that is still to come of it (RFC 5722, 3)', () => {
  const frame = datagram(bytes(3000))
  const other = datagram(bytes(3000, 2))
  const [first, second, third] = cut(frame, 1480) as [Uint8Array, Uint8Array, Uint8Array]
  const overlaps = [
    piece(other, 1, 0, 1480, true),
    piece(other, 1, 0, 8, true),
    piece(other, 1, 1472, 16, true),
    piece(other, 1, 8, 2000, true),
    piece(frame, 1, 1472, 16, true),
  ]
  for (const overlap of overlaps) {
    const { net, frames, arrived, drops } = stack()
    net.receive(first, overlap, second, third, first)
    assert.deepEqual([arrived().length, drops.fragment], [0, 4])
    net.wait(PATIENCE)
    assert.equal(frames.length, 0, 'silently')
    net.assertEmpty()
  }
})

test('so do two ends, or anything beyond the end', () => {
  const frame = datagram(bytes(3000))
  const [first, second, third] = cut(frame, 1480) as [Uint8Array, Uint8Array, Uint8Array]
  const wrong: readonly (readonly Uint8Array[])[] = [
    [third, piece(frame, 1, 1480, 800, false)],
    [second, piece(frame, 1, 80, 80, false)],
    [third, piece(datagram(bytes(9000)), 1, 3200, 80, true)],
    [piece(datagram(bytes(9000)), 1, 8000, 80, true), third],
  ]
  for (const pieces of wrong) {
    const { net, arrived } = stack()
    net.receive(...pieces, first, second, third)
    assert.equal(arrived().length, 0)
  }
})

test('impossible pieces are dropped, and leave alone what is there', () => {
  const frame = datagram(bytes(3000))
  const long = datagram(bytes(65_000))
  const pieces = cut(frame, 1480)
  const superPiece = piece(frame, 1, 0, 1480, true)
  virtio.write(new DataView(superPiece.buffer), 0, 0, virtio.GSO_UDP_L4, 42, 100, 34, 6)
  const beyond = piece(frame, 1, 0, 1480, true)
  new DataView(beyond.buffer).setUint16(IP_AT + 6, 0x1fff)
  mend(beyond)
  const impossible = [
    piece(frame, 1, 0, 1479, true),
    piece(frame, 1, 1480, 0, true),
    piece(frame, 1, 1480, 0, false),
    superPiece,
    beyond,
    piece(long, 1, 65_504, 12, false),
  ]
  const { net, arrived, drops, reassembly } = stack()
  net.receive(...impossible)
  assert.deepEqual([reassembly.inUse, drops.fragment], [0, impossible.length])
  net.receive(pieces[0]!, ...impossible, pieces[1]!, ...impossible, pieces[2]!)
  assert.deepEqual(arrived(), [bytes(3000)])
})

test('options count: a datagram that is too long with them is none', () => {
  const withOptions = (payload: number): Uint8Array[] => {
    const frame = datagram(bytes(payload))
    const longer = new Uint8Array(frame.length + 40)
    longer.set(frame.subarray(0, TRANSPORT_AT))
    longer.fill(1, TRANSPORT_AT, TRANSPORT_AT + 40)
    longer.set(frame.subarray(TRANSPORT_AT), TRANSPORT_AT + 40)
    longer[IP_AT] = 0x4f
    // A router copies few options to the other pieces.
    const [first] = cut(longer, 1440)
    return [first!, ...cut(frame, 1440).slice(1)]
  }
  for (const [payload, count] of [
    [3000, 1],
    [LARGEST - 40, 1],
    [LARGEST - 39, 0],
  ] as const) {
    const { net, arrived } = stack()
    net.receive(...withOptions(payload))
    assert.equal(arrived().length, count, `${payload} bytes`)
    if (count === 1) assert.ok(Buffer.compare(arrived()[0]!, bytes(payload)) === 0)
  }
})

test('a checksum is never taken on trust', () => {
  const { net, arrived, drops } = stack()
  const frame = datagram(bytes(3000))
  frame[TRANSPORT_AT + 100]! ^= 1
  for (const one of cut(frame, 1480)) {
    virtio.write(new DataView(one.buffer), 0, virtio.FLAG_DATA_VALID, 0, 0, 0, 0, 0)
    net.receive(one)
  }
  assert.deepEqual([arrived().length, drops.transportChecksum], [0, 1])
})

test('who has waited 30 s in vain is told, by a quote of the first piece', () => {
  const { net, frames, drops } = stack()
  const [first, second] = cut(datagram(bytes(3000)), 1480) as [Uint8Array, Uint8Array]
  net.receive(second, first)
  net.wait(PATIENCE - 1)
  assert.deepEqual([frames.length, net.stack.reassembly.inUse], [0, 1])
  net.wait(1)
  assert.deepEqual([frames.length, drops.reassembly], [1, 1])
  const view = new DataView(frames[0]!.buffer)
  assert.deepEqual([ipv4.source(view, IP_AT), ipv4.destination(view, IP_AT)], [GATEWAY, GUEST])
  assert.deepEqual([icmp.type(view, TRANSPORT_AT), icmp.code(view, TRANSPORT_AT)], [icmp.TIME_EXCEEDED, icmp.REASSEMBLY_TIME_EXCEEDED])
  assert.deepEqual(frames[0]!.slice(TRANSPORT_AT + icmp.HEADER_LENGTH), first.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
  net.assertEmpty()
  // Too late: it belongs to nothing.
  net.receive(piece(datagram(bytes(3000)), 1, 2960, 48, false))
  net.wait(PATIENCE)
  assert.equal(frames.length, 1)
  net.assertEmpty()
})

test('nobody is told without a first piece, of an error, or of what was for several hosts', () => {
  const groups = { source: GUEST, destination: MULTICAST, to: BROADCAST_MAC }
  const silent = [
    cut(datagram(bytes(3000)), 1480)[1]!,
    cut(icmpFrame(route, icmp.UNREACHABLE, 0, 0, bytes(3000)), 1480)[0]!,
    cut(datagram(bytes(3000), groups), 1480)[0]!,
  ]
  for (const frame of silent) {
    const { net, frames } = stack()
    net.receive(frame)
    net.wait(PATIENCE)
    assert.equal(frames.length, 0)
    net.assertEmpty()
  }
})

test('pieces without end take no more than their share, and the newest are waited for', () => {
  const { net, arrived, reassembly } = stack()
  const start = (source: number, id: number): Uint8Array[] => cut(datagram(bytes(3000, id), { source, destination: REMOTE }), 1480, id)
  for (let id = 0; id < 1000; id++) net.receive(start(GUEST, id)[0]!)
  assert.equal(reassembly.inUse, MOST_OF_ONE_GUEST)
  // Another one has its own share.
  net.receive(...start(OTHER_GUEST, 5))
  assert.equal(arrived().length, 1)
  for (let id = 0; id < 1000; id++) net.receive(start(OTHER_GUEST + 1 + id, id)[0]!)
  assert.equal(reassembly.inUse, MOST_DATAGRAMS)
  net.receive(start(GUEST, 2000)[0]!, ...start(GUEST, 2000).slice(1))
  assert.equal(arrived().length, 2)
  net.wait(PATIENCE)
  assert.equal(reassembly.inUse, 0)
})

test('the end of the sandbox is the end of them', () => {
  const { net } = stack()
  net.receive(cut(datagram(bytes(3000)), 1480)[0]!)
  net.stack.close()
  net.assertEmpty()
})
