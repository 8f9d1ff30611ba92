// Flows of IPv6: where the gate lets them go, what of them reaches the host's sockets, what comes back, and which errors.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate, type Verdict } from '../../../src/flow/gate.js'
import { AddressPlan } from '../../../src/net/address-plan.js'
import type { Interface } from '../../../src/net/interface.js'
import { parse6, type Words } from '../../../src/wire/address.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as icmp from '../../../src/wire/icmpv6.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { RST, SYN } from '../../../src/wire/tcp.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { inboundTo6 } from '../../support/ends.js'
import type { FakeError } from '../../support/fake-descriptor.js'
import { IP_AT } from '../../support/frames.js'
import {
  destinationOptions,
  icmp6Frame,
  LINK_LOCAL,
  REMOTE6,
  type Route6,
  readIcmp6,
  SOURCE6,
  TRANSPORT6_AT,
  tcp6Frame,
  udp6Frame,
  wordsAt,
} from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { DNS, DNS6, GATEWAY, GATEWAY6, GUEST, GUEST6, IPV6, NETWORK, ROUTER6, SimulatedStack } from '../../support/simulated-stack.js'

const NONE = new Uint8Array()
const PAYLOAD = Uint8Array.from([1, 2, 3, 4, 5])
const LOOPBACK: Words = [0, 0, 0, 1]
const OTHER: Words = [0x20010db8, 1, 0, 9]
const ROUTER: Words = [0x20010db8, 0xffff, 0, 1]
const ECONNREFUSED = 111
const ENETUNREACH = 101
const EHOSTUNREACH = 113
const route: Route6 = { source: GUEST6, destination: REMOTE6 }
const toGateway: Route6 = { source: GUEST6, destination: GATEWAY6 }
const QUOTED_AT = ipv6.HEADER_LENGTH

function stack(o = {}) {
  const net = new SimulatedStack(new Random(1), { ipv6: IPV6, maxFlows: 8, ...o })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  return { net, kernel: net.kernel, frames, run: () => net.kernel.run() }
}

const error = (o: Partial<FakeError> = {}): FakeError => ({
  origin: 3,
  type: icmp.TIME_EXCEEDED,
  code: 0,
  info: 0,
  address: REMOTE6,
  port: 2000,
  offender: ROUTER,
  ttl: 60,
  quote: PAYLOAD,
  ...o,
})

/** Who says what, and about which packet. */
function describe(frame: Uint8Array) {
  const { source, hops, type, code, word, body } = readIcmp6(frame)
  const view = new DataView(body.buffer)
  assert.equal(ipv6.version(view, 0), 6)
  return { source, hops, type, code, word, from: wordsAt(body, 8), to: wordsAt(body, 24), protocol: ipv6.nextHeader(view, 0), body }
}

test('the gate: the gateway is ::1, the DNS address the forwarder, the link nobody, the rest as it is', () => {
  const addresses = new AddressPlan({ network: NETWORK, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST, ipv6: IPV6 })
  const gate = (allowsHostLoopback: boolean): Gate =>
    new Gate({ addresses } as Interface, { admits: () => true, admitsClient: () => true }, { allowsHostLoopback, hasDns: true })
  const wanted: [string, number, Verdict][] = [
    ['fd00::2', 80, 'allow'],
    ['fd00::3', 53, 'dns'],
    ['fd00::3', 80, 'network-unreachable'],
    ['fe80::2', 80, 'network-unreachable'],
    ['fd00::', 80, 'network-unreachable'],
    ['fd00::77', 80, 'host-unreachable'],
    ['fe80::77', 80, 'host-unreachable'],
    ['fd00:0:0:1::77', 80, 'allow'],
    ['2001:db8::1', 80, 'allow'],
    ['::1', 80, 'network-unreachable'],
    ['::', 80, 'network-unreachable'],
    ['::192.0.2.1', 80, 'network-unreachable'],
    ['ff02::fb', 80, 'network-unreachable'],
  ]
  for (const [text, port, verdict] of wanted) assert.equal(gate(true).tcp(inboundTo6(GUEST6, parse6(text)!, port)).verdict, verdict, text)
  const d = gate(true).udp(inboundTo6(GUEST6, GATEWAY6, 80))
  assert.deepEqual([d.address0, d.address1, d.address2, d.address3, d.port, d.isLoopback], [0, 0, 0, 1, 80, true])
  assert.equal(gate(false).tcp(inboundTo6(GUEST6, GATEWAY6, 80)).verdict, 'network-unreachable')
  const many = gate(true).udp(inboundTo6(LINK_LOCAL, parse6('ff02::fb')!, 5353))
  assert.deepEqual([many.verdict, many.isGroup], ['allow', true])
})

test('UDP: one socket for the guest’s port, whomever it talks to; answers come from whoever sends them', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udp6Frame(route, 1000, 2000, PAYLOAD), udp6Frame(toGateway, 1000, 53, NONE))
  assert.equal(kernel.datagrams.length, 1)
  const socket = kernel.datagrams[0]!
  assert.deepEqual(
    socket.sent.map((d) => [d.words, d.port, d.bytes.length, d.header.ttl]),
    [
      [REMOTE6, 2000, 5, 63],
      [LOOPBACK, 53, 0, 64],
    ],
  )
  socket.delivers(PAYLOAD, OTHER, 7, 57, 0xbb)
  socket.delivers(NONE, LOOPBACK, 53, 64)
  run()
  assert.deepEqual(
    frames.map((frame) => {
      const view = new DataView(frame.buffer)
      const length = frame.length - TRANSPORT6_AT
      assert.ok(udp.checksumIsRight(view, TRANSPORT6_AT, checksum.pseudoHeader6(view, IP_AT, PROTOCOL_UDP, length)))
      assert.deepEqual([wordsAt(frame, SOURCE6 + 16), udp.dstPort(view, TRANSPORT6_AT)], [GUEST6, 1000])
      const fields = [udp.srcPort(view, TRANSPORT6_AT), ipv6.hopLimit(view, IP_AT), ipv6.trafficClass(view, IP_AT)]
      return [wordsAt(frame, SOURCE6), ...fields]
    }),
    [
      [OTHER, 7, 56, 0xbb],
      [GATEWAY6, 53, 64, 0],
    ],
  )
  net.wait(300_000)
  net.assertEmpty()
})

test('UDP: the same port over IPv4 and IPv6, and of two addresses, are different flows', () => {
  const { net, kernel } = stack()
  net.receive(udp6Frame(route, 1000, 2000, NONE), udp6Frame({ source: LINK_LOCAL, destination: GATEWAY6 }, 1000, 2000, NONE))
  const [a, b, c, d] = GUEST6
  for (const source of [
    [a ^ 1, b, c, d],
    [a, b ^ 1, c, d],
    [a, b, c ^ 1, d],
    [a, b, c, d ^ 1],
  ] as Words[])
    net.receive(udp6Frame({ source, destination: REMOTE6 }, 1000, 2000, NONE))
  assert.equal(kernel.datagrams.length, 6)
})

test('UDP: what came from an address of ours on the host’s network is not ours to tell', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udp6Frame(route, 1000, 2000, PAYLOAD))
  for (const source of [ROUTER6, DNS6, GATEWAY6]) kernel.datagrams[0]!.delivers(PAYLOAD, source, 7)
  run()
  assert.deepEqual([frames.length, net.stack.input.drops.source], [0, 3])
})

test('UDP: trains of the guest go out whole, and trains of the host come in so', () => {
  const { net, kernel, frames, run } = stack()
  const train = udp6Frame(route, 1000, 2000, new Uint8Array(5000))
  virtio.write(new DataView(train.buffer), 0, virtio.FLAG_NEEDS_CSUM, virtio.GSO_UDP_L4, 62, 1200, 54, 6)
  net.receive(train)
  const socket = kernel.datagrams[0]!
  assert.deepEqual([socket.sent[0]!.bytes.length, socket.sent[0]!.segment], [5000, 1200])
  socket.delivers(new Uint8Array(5000), REMOTE6, 2000, 60, 0, 1200)
  run()
  const view = new DataView(frames[0]!.buffer)
  assert.deepEqual([frames.length, virtio.gsoType(view, 0), virtio.gsoSize(view, 0)], [1, virtio.GSO_UDP_L4, 1200])
  assert.deepEqual([virtio.checksumStart(view, 0), virtio.checksumOffset(view, 0)], [54, 6])
  assert.equal(udp.checksum(view, TRANSPORT6_AT), checksum.pseudoHeader6(view, IP_AT, PROTOCOL_UDP, 5008))
})

test('UDP: too big for the path is told with its MTU, of 1280 bytes at least (RFC 8201, 4)', () => {
  for (const mtu of [1400, 1280, 1000]) {
    const { net, kernel, frames } = stack()
    net.receive(udp6Frame(route, 1000, 2000, PAYLOAD))
    kernel.datagrams[0]!.mtu = mtu
    const long = udp6Frame({ ...route, extensions: [destinationOptions()] }, 1000, 2000, new Uint8Array(1400))
    net.receive(long)
    const { type, code, word, source, body } = readIcmp6(frames[0]!)
    assert.deepEqual([type, code, word, source], [icmp.PACKET_TOO_BIG, 0, Math.max(1280, mtu), GATEWAY6])
    assert.deepEqual(body, long.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
  }
})

test('UDP: every error of the path comes from who made it, about the guest’s own datagram', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udp6Frame(route, 1000, 2000, PAYLOAD))
  const errors: [number, number, number][] = Array.from({ length: 7 }, (_, code) => [icmp.UNREACHABLE, code, 0])
  errors.push([icmp.PACKET_TOO_BIG, 0, 1400], [icmp.TIME_EXCEEDED, 0, 0], [icmp.TIME_EXCEEDED, 1, 0], [icmp.PARAMETER_PROBLEM, 1, 6])
  for (const [type, code, word] of errors) {
    kernel.datagrams[0]!.fails(error({ type, code, info: word }))
    run()
    const { body, ...said } = describe(frames.pop()!)
    const about = { from: GUEST6, to: REMOTE6, protocol: PROTOCOL_UDP }
    assert.deepEqual(said, { source: ROUTER, hops: 59, type, code, word, ...about })
    const view = new DataView(body.buffer)
    assert.deepEqual([udp.srcPort(view, QUOTED_AT), udp.dstPort(view, QUOTED_AT)], [1000, 2000])
    assert.deepEqual(body.slice(QUOTED_AT + 8), PAYLOAD)
  }
  // The host's own affair: the result of a call, an error of the other version, a redirect.
  for (const e of [error({ origin: 1 }), error({ origin: 2, type: 11 }), error({ type: icmp.REDIRECT })]) kernel.datagrams[0]!.fails(e)
  run()
  assert.equal(frames.length, 0)
})

test('a router that the guest would not believe is told as the gateway', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udp6Frame(route, 1000, 2000, PAYLOAD))
  const unbelievable: Words[] = [LOOPBACK, ROUTER6, [0xfe800000 | 0, 0, 0, 9], GUEST6, DNS6, [0, 0, 0, 0], [0xff020000 | 0, 0, 0, 1]]
  for (const offender of unbelievable) {
    kernel.datagrams[0]!.fails(error({ offender }))
    run()
    assert.deepEqual(readIcmp6(frames.pop()!).source, GATEWAY6)
  }
})

test('ping: the guest’s identifier and sequence number, both ways, and in errors', () => {
  const { net, kernel, frames, run } = stack()
  const request = icmp6Frame(route, icmp.ECHO, 0, (77 << 16) | 9, PAYLOAD)
  net.receive(request)
  const socket = kernel.datagrams[0]!
  assert.deepEqual([socket.family, socket.sent[0]!.words, socket.sent[0]!.header.ttl], [6, REMOTE6, 63])
  // The kernel has an identifier of its own.
  const own = icmp6Frame(route, icmp.ECHO_REPLY, 0, (5 << 16) | 9, PAYLOAD).slice(TRANSPORT6_AT)
  socket.delivers(own, REMOTE6, 0, 50)
  run()
  const reply = readIcmp6(frames.pop()!)
  assert.deepEqual([reply.type, reply.word, reply.source, reply.hops], [icmp.ECHO_REPLY, (77 << 16) | 9, REMOTE6, 49])
  assert.deepEqual(reply.body, PAYLOAD)
  const sent = icmp6Frame(route, icmp.ECHO, 0, (5 << 16) | 9, PAYLOAD).slice(TRANSPORT6_AT)
  socket.fails(error({ port: 0, quote: sent }))
  run()
  const { body, ...said } = describe(frames.pop()!)
  const about = { from: GUEST6, to: REMOTE6, protocol: PROTOCOL_ICMPV6 }
  assert.deepEqual(said, { source: ROUTER, hops: 59, type: icmp.TIME_EXCEEDED, code: 0, word: 0, ...about })
  assert.deepEqual(body.slice(QUOTED_AT), request.slice(TRANSPORT6_AT))
})

test('ping: nobody answers with an address of the guest’s link', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(icmp6Frame(route, icmp.ECHO, 0, 1, PAYLOAD))
  const reply = icmp6Frame(route, icmp.ECHO_REPLY, 0, 1, PAYLOAD).slice(TRANSPORT6_AT)
  for (const source of [[0xfe800000 | 0, 0, 0, 9], ROUTER6, GATEWAY6, GUEST6] as Words[]) kernel.datagrams[0]!.delivers(reply, source, 0)
  run()
  assert.deepEqual([frames.length, net.stack.input.drops.source], [0, 4])
})

test('ping: the largest answer goes to the guest', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(icmp6Frame(route, icmp.ECHO, 0, 1, PAYLOAD))
  kernel.datagrams[0]!.delivers(icmp6Frame(route, icmp.ECHO_REPLY, 0, 1, new Uint8Array(65_527)).slice(TRANSPORT6_AT), REMOTE6, 0)
  run()
  assert.equal(frames.length, Math.ceil(65_535 / 1448))
})

test('TCP: a connect that fails is told as what it was', () => {
  for (const [errno, type, code] of [
    [ENETUNREACH, icmp.UNREACHABLE, icmp.NO_ROUTE],
    [EHOSTUNREACH, icmp.UNREACHABLE, icmp.ADDRESS_UNREACHABLE],
    [13, icmp.UNREACHABLE, icmp.ADMINISTRATIVELY_PROHIBITED],
    [110, icmp.UNREACHABLE, icmp.ADDRESS_UNREACHABLE],
  ] as const) {
    const { net, kernel, frames, run } = stack()
    net.receive(tcp6Frame(route, [1000, 80], 12_345, 0, SYN, NONE))
    assert.deepEqual([kernel.tcp[0]!.words, kernel.tcp[0]!.hops], [REMOTE6, 63])
    kernel.tcp[0]!.fails(errno)
    run()
    const { body, ...said } = describe(frames[0]!)
    const about = { from: GUEST6, to: REMOTE6, protocol: PROTOCOL_TCP }
    assert.deepEqual(said, { source: GATEWAY6, hops: 64, type, code, word: 0, ...about })
    const view = new DataView(body.buffer)
    assert.deepEqual([view.getInt32(QUOTED_AT), view.getInt32(QUOTED_AT + 4)], [(1000 << 16) | 80, 12_345])
    net.assertEmpty()
  }
  const { net, kernel, frames, run } = stack()
  net.receive(tcp6Frame(toGateway, [1000, 80], 1, 0, SYN, NONE))
  assert.deepEqual(kernel.tcp[0]!.words, LOOPBACK)
  kernel.tcp[0]!.fails(ECONNREFUSED)
  run()
  assert.equal(frames[0]![TRANSPORT6_AT + 13]! & RST, RST)
})

test('a host without IPv6 says so at once (Happy Eyeballs need not wait)', () => {
  const { net, kernel, frames } = stack()
  kernel.openStatus = -ENETUNREACH
  net.receive(tcp6Frame(route, [1000, 80], 1, 0, SYN, NONE), udp6Frame(route, 1000, 2000, NONE), icmp6Frame(route, icmp.ECHO, 0, 1, NONE))
  const codes = frames.map((frame) => [readIcmp6(frame).type, readIcmp6(frame).code])
  assert.deepEqual(codes, Array(3).fill([icmp.UNREACHABLE, icmp.NO_ROUTE]))
  net.assertEmpty()
})
