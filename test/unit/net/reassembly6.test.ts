// Fragments of IPv6 (RFC 8200, 4.5; RFC 5722; RFC 6946; RFC 7112): as reassembly.test.ts has those of IPv4, and what only IPv6 has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PATIENCE } from '../../../src/net/reassembly.js'
import type { Words } from '../../../src/wire/address.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as icmp from '../../../src/wire/icmpv6.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import * as udp from '../../../src/wire/udp.js'
import { cut6, join6, piece6 } from '../../support/fragments6.js'
import { IP_AT } from '../../support/frames.js'
import {
  destinationOptions,
  fragment,
  hopByHop,
  icmp6Frame,
  LINK_LOCAL,
  packetFrame,
  REMOTE6,
  type Route6,
  readIcmp6,
  TRANSPORT6_AT,
  udp6Frame,
} from '../../support/frames6.js'
import { forEachSeed, Random } from '../../support/random.js'
import { GATEWAY6, GUEST6, IPV6, ROUTER6, SimulatedStack } from '../../support/simulated-stack.js'

const OTHER_GUEST: Words = [0xfd000000 | 0, 0, 0, 0x101]
const GROUP: Words = [0xff020000 | 0, 0, 0, 0xfb]
const LARGEST = 65_507
const route: Route6 = { source: GUEST6, destination: REMOTE6 }

const bytes = (length: number, seed = 1): Uint8Array => {
  const random = new Random(seed)
  return new Uint8Array(length).map(() => random.below(256))
}
const datagram = (payload: Uint8Array, r = route): Uint8Array => udp6Frame(r, 1000, 2000, payload)

function stack(o = {}) {
  const net = new SimulatedStack(new Random(1), { maxFlows: 8, ipv6: IPV6, ...o })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  const arrived = (): Uint8Array[] => net.kernel.datagrams.flatMap((d) => d.sent.map((sent) => sent.bytes))
  return { net, frames, arrived, drops: net.stack.input.drops, reassembly: net.stack.reassembly }
}

test('pieces in any order, each once or twice, make the packet', () => {
  forEachSeed('reassembly6.test', 40, (random) => {
    const { net, arrived, reassembly } = stack()
    const payload = bytes(random.pick([9, 100, 3000, random.between(9, LARGEST), LARGEST]), random.int32())
    const size = random.pick([16, 1440, 8 * random.between(2, 1000)])
    const pieces = cut6(datagram(payload), Math.max(size, (payload.length >> 10) << 3))
    random.shuffle(pieces)
    const last = pieces.pop()!
    if (random.chance(50)) pieces.splice(random.below(pieces.length + 1), 0, ...pieces.filter(() => random.chance(20)))
    net.receive(...pieces)
    assert.equal(arrived().length, 0)
    net.receive(last)
    assert.deepEqual(arrived(), [payload])
    assert.equal(reassembly.inUse, 0)
  })
})

test('headers in front of the fragment header stay, and those behind it are gone through', () => {
  const { net, arrived } = stack()
  const extensions = [hopByHop(), destinationOptions()]
  net.receive(...cut6(datagram(bytes(3000), { ...route, extensions }), 1000, 1, 16, 8))
  net.receive(...cut6(datagram(bytes(3000, 2), { ...route, extensions: [destinationOptions()] }), 1000, 2).reverse())
  assert.deepEqual(arrived(), [bytes(3000), bytes(3000, 2)])
})

test('an echo request of any size is answered in pieces that the link can carry', () => {
  for (const mtu of [1280, 1500, 9000, 65_521]) {
    const { net, frames } = stack({ mtu })
    for (const size of [0, 8, mtu - 48, mtu - 47, 20_000, LARGEST]) {
      const request = icmp6Frame({ source: GUEST6, destination: GATEWAY6 }, icmp.ECHO, 0, (5 << 16) | 6, bytes(size))
      net.receive(...(request.length - IP_AT > mtu ? cut6(request, (mtu - 48) & ~7) : [request]))
      for (const frame of frames) assert.ok(frame.length - IP_AT <= mtu)
      assert.equal(frames.length > 1, size + 48 > mtu)
      const reply = join6(frames.splice(0))
      const view = new DataView(reply.buffer)
      assert.deepEqual([icmp.type(view, 0), view.getInt32(4), reply.length], [icmp.ECHO_REPLY, (5 << 16) | 6, 8 + size])
      const pseudo = checksum.pseudoHeader6Of(...GATEWAY6, ...GUEST6, PROTOCOL_ICMPV6, reply.length)
      assert.ok(icmp.checksumIsRight(view, 0, reply.length, pseudo))
      assert.ok(Buffer.compare(reply.subarray(8), bytes(size)) === 0)
    }
  }
})

test('the longest datagram goes to the guest in pieces, each packet’s of another number', () => {
  const { net, frames } = stack({ offload: false })
  net.receive(datagram(bytes(1)))
  const ids = new Set<number>()
  for (const size of [0, 1452, 1453, LARGEST, 65_527]) {
    net.kernel.datagrams[0]!.delivers(bytes(size), REMOTE6, 2000)
    net.kernel.run()
    if (frames.length > 1) ids.add(new DataView(frames[0]!.buffer).getInt32(TRANSPORT6_AT + 4))
    const whole = join6(frames.splice(0))
    const view = new DataView(whole.buffer)
    assert.equal(udp.length(view, 0), whole.length)
    assert.ok(udp.checksumIsRight(view, 0, checksum.pseudoHeader6Of(...REMOTE6, ...GUEST6, PROTOCOL_UDP, whole.length)))
    assert.ok(Buffer.compare(whole.subarray(8), bytes(size)) === 0)
  }
  assert.equal(ids.size, 3)
})

test('packets of two of the same number are not mixed, whatever their protocol', () => {
  const { net, arrived } = stack()
  const all = [
    cut6(datagram(bytes(3000, 1)), 1440, 7),
    cut6(datagram(bytes(3000, 2)), 1440, 8),
    cut6(datagram(bytes(3000, 3), { source: OTHER_GUEST, destination: REMOTE6 }), 1440, 7),
    cut6(datagram(bytes(3000, 4), { source: GUEST6, destination: GATEWAY6 }), 1440, 7),
  ]
  for (let i = 0; i < 3; i++) net.receive(...all.map((pieces) => pieces[i]!))
  const seen = arrived().map((sent) => Buffer.from(sent).toString('hex'))
  for (let seed = 1; seed <= 4; seed++) assert.ok(seen.includes(Buffer.from(bytes(3000, seed)).toString('hex')), `datagram ${seed}`)
})

test('a packet in one fragment is one by itself (RFC 6946, 4)', () => {
  const { net, arrived, reassembly } = stack()
  net.receive(cut6(datagram(bytes(3000)), 1440, 7)[0]!)
  net.receive(datagram(bytes(10), { ...route, extensions: [fragment(0, 0, 7)] }))
  assert.deepEqual([arrived(), reassembly.inUse], [[bytes(10)], 1])
})

test('pieces that overlap with other bytes spoil the packet, silently, and all that is still to come of it (RFC 5722, 3)', () => {
  const frame = datagram(bytes(3000))
  const other = datagram(bytes(3000, 2))
  const [first, second, third] = cut6(frame, 1440) as [Uint8Array, Uint8Array, Uint8Array]
  for (const overlap of [
    piece6(other, 1, 0, 1440, true),
    piece6(other, 1, 0, 16, true),
    piece6(other, 1, 1432, 16, true),
    piece6(frame, 1, 1432, 16, true),
  ]) {
    const { net, frames, arrived, drops } = stack()
    net.receive(first, overlap, second, third, first)
    assert.deepEqual([arrived().length, drops.fragment], [0, 4])
    net.wait(PATIENCE)
    assert.equal(frames.length, 0)
    net.assertEmpty()
  }
})

test('an impossible piece is told of where RFC 8200, 4.5 asks for it', () => {
  const short = piece6(datagram(bytes(3000)), 1, 1440, 1439, true)
  const beyond = packetFrame({ ...route, extensions: [fragment(65_528, 0)] }, PROTOCOL_UDP, new Uint8Array(16))
  for (const [frame, pointer] of [
    [short, 4],
    [beyond, 42],
  ] as const) {
    const { net, frames, reassembly } = stack()
    net.receive(frame)
    const error = readIcmp6(frames[0]!)
    assert.deepEqual([error.type, error.code, error.word, reassembly.inUse], [icmp.PARAMETER_PROBLEM, icmp.ERRONEOUS_HEADER, pointer, 0])
    assert.deepEqual(error.body, frame.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
  }
})

test('a first piece without all headers is refused (RFC 7112, 5)', () => {
  const { net, frames, reassembly } = stack()
  net.receive(piece6(datagram(bytes(100), { ...route, extensions: [destinationOptions()] }), 1, 0, 8, true))
  const { type, code } = readIcmp6(frames[0]!)
  assert.deepEqual([type, code, reassembly.inUse], [icmp.PARAMETER_PROBLEM, icmp.INCOMPLETE_HEADER_CHAIN, 0])
})

test('a packet that was fragmented twice is none', () => {
  const { net, arrived, frames, drops } = stack()
  const inner = datagram(bytes(100), { ...route, extensions: [fragment(0, 1, 9)] })
  net.receive(...cut6(inner, 64, 8))
  net.wait(PATIENCE)
  assert.deepEqual([arrived().length, frames.length, drops.ipv6Extension], [0, 0, 1])
  net.assertEmpty()
})

test('what was cut may be cut again, and has the fields of its first piece; congestion of one is that of all', () => {
  for (const [marks, expected] of [
    [[2, 2, 2], 0xb8 | 2],
    [[2, 3, 2], 0xb8 | 3],
    [[0, 3, 0], undefined],
  ] as const) {
    const { net } = stack()
    const pieces = cut6(datagram(bytes(3000), { ...route, hops: 9 }), 1440)
    pieces.forEach((frame, i) => {
      new DataView(frame.buffer).setUint16(IP_AT, 0x6000 | ((0xb8 | marks[i]!) << 4))
    })
    net.receive(...pieces.reverse())
    const header = net.kernel.datagrams[0]?.sent[0]?.header
    if (expected === undefined) assert.equal(header, undefined)
    else assert.deepEqual(header, { ttl: 8, tos: expected, dontFragment: false })
  }
})

test('an error about a whole packet quotes it without its fragment header', () => {
  const { net, frames } = stack({ hostLoopback: false })
  net.receive(...cut6(datagram(bytes(3000), { source: GUEST6, destination: GATEWAY6 }), 1440))
  const { type, code, source, body } = readIcmp6(frames[0]!)
  assert.deepEqual([type, code, source], [icmp.UNREACHABLE, icmp.NO_ROUTE, GATEWAY6])
  const whole = datagram(bytes(3000), { source: GUEST6, destination: GATEWAY6 })
  assert.deepEqual(body, whole.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
})

test('who has waited in vain is told, by a quote of the first piece, from an address of its scope', () => {
  for (const [source, destination, from] of [
    [GUEST6, REMOTE6, GATEWAY6],
    [LINK_LOCAL, GATEWAY6, GATEWAY6],
    [LINK_LOCAL, [0xfd000000 | 0, 0, 0, 0x4d] as Words, ROUTER6],
  ] as const) {
    const { net, frames, drops } = stack()
    const [first, second] = cut6(datagram(bytes(3000), { source, destination }), 1440) as [Uint8Array, Uint8Array]
    net.receive(second, first)
    net.wait(PATIENCE - 1)
    assert.equal(frames.length, 0)
    net.wait(1)
    const error = readIcmp6(frames[0]!)
    assert.deepEqual([error.source, error.destination], [from, source])
    assert.deepEqual([error.type, error.code, drops.reassembly], [icmp.TIME_EXCEEDED, icmp.REASSEMBLY_TIME_EXCEEDED, 1])
    assert.deepEqual(error.body, first.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
    net.assertEmpty()
  }
})

test('nobody is told without a first piece, of an error behind whatever headers, or of what was for several hosts', () => {
  const r = { source: GUEST6, destination: REMOTE6 }
  for (const frame of [
    cut6(datagram(bytes(3000)), 1440)[1]!,
    cut6(icmp6Frame(r, icmp.UNREACHABLE, 0, 0, bytes(3000)), 1440)[0]!,
    cut6(icmp6Frame({ ...r, extensions: [destinationOptions()] }, icmp.UNREACHABLE, 0, 0, bytes(3000)), 1440)[0]!,
    cut6(datagram(bytes(3000), { source: GUEST6, destination: GROUP }), 1440)[0]!,
  ]) {
    const { net, frames, reassembly } = stack()
    net.receive(frame)
    assert.equal(reassembly.inUse, 1)
    net.wait(PATIENCE)
    assert.equal(frames.length, 0)
    net.assertEmpty()
  }
})

test('a checksum is never taken on trust', () => {
  const { net, arrived, drops } = stack()
  const frame = datagram(bytes(3000))
  frame[TRANSPORT6_AT + 100]! ^= 1
  for (const one of cut6(frame, 1440)) {
    one[0] = 2
    net.receive(one)
  }
  assert.deepEqual([arrived().length, drops.transportChecksum], [0, 1])
})

test('no packet is longer than its length field can say, headers included', () => {
  for (const [payload, count] of [
    [65_527 - 8, 1],
    [65_527, 0],
  ] as const) {
    const { net, arrived } = stack()
    const whole = new Uint8Array(TRANSPORT6_AT + 8 + 8 + payload)
    const frame = datagram(bytes(100), { ...route, extensions: [hopByHop()] })
    whole.set(frame.subarray(0, TRANSPORT6_AT + 8))
    const view = new DataView(whole.buffer)
    udp.write(view, TRANSPORT6_AT + 8, 1000, 2000, 8 + payload)
    udp.setChecksum(view, TRANSPORT6_AT + 8, checksum.pseudoHeader6(view, IP_AT, PROTOCOL_UDP, 8 + payload))
    const pieces = cut6(whole, 1440, 1, 8, 0)
    net.receive(...pieces)
    assert.equal(arrived().length, count, `${payload} bytes`)
    assert.ok(ipv6.isValid(new DataView(pieces[0]!.buffer), IP_AT, pieces[0]!.length - IP_AT))
  }
})
