// Errors that the host's kernel learns about what it has sent for the guest: they reach the guest as they came, about its own packet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { RST, SYN } from '../../../src/wire/tcp.js'
import * as udp from '../../../src/wire/udp.js'
import type { FakeError } from '../../support/fake-descriptor.js'
import { IP_AT, icmpFrame, type Route, TRANSPORT_AT, tcpFrame, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const ROUTER = 0xc6336401 | 0
const LOOPBACK = 0x7f000001
const EHOSTUNREACH = 113
const ECONNREFUSED = 111
const NONE = new Uint8Array()
const route: Route = { source: GUEST, destination: REMOTE }
const toGateway: Route = { source: GUEST, destination: GATEWAY }
const PAYLOAD = Uint8Array.from([1, 2, 3, 4, 5])
const QUOTE_AT = TRANSPORT_AT + icmp.HEADER_LENGTH
const QUOTED_AT = QUOTE_AT + ipv4.HEADER_LENGTH

const error = (o: Partial<FakeError> = {}): FakeError => ({
  origin: 2,
  type: icmp.TIME_EXCEEDED,
  code: 0,
  info: 0,
  address: REMOTE,
  port: 2000,
  offender: ROUTER,
  ttl: 60,
  quote: PAYLOAD,
  ...o,
})

function stack() {
  const net = new SimulatedStack(new Random(1))
  const frames: DataView[] = []
  net.kernel.onFrame = (frame) => {
    const view = new DataView(frame.buffer)
    assert.ok(icmp.checksumIsRight(view, TRANSPORT_AT, frame.length - TRANSPORT_AT) || ipv4.protocol(view, IP_AT) !== PROTOCOL_ICMP)
    frames.push(view)
  }
  return { net, kernel: net.kernel, frames, run: () => net.kernel.run() }
}

/** Who says what, and about which packet. */
const describe = (view: DataView) => ({
  source: ipv4.source(view, IP_AT),
  ttl: ipv4.timeToLive(view, IP_AT),
  type: icmp.type(view, TRANSPORT_AT),
  code: icmp.code(view, TRANSPORT_AT),
  word: view.getInt32(TRANSPORT_AT + 4),
  from: ipv4.source(view, QUOTE_AT),
  to: ipv4.destination(view, QUOTE_AT),
  protocol: ipv4.protocol(view, QUOTE_AT),
})

test('UDP: every error comes from who made it, about the guest’s own datagram', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(route, 1000, 2000, PAYLOAD))
  const errors: [number, number][] = Array.from({ length: 16 }, (_, code) => [icmp.UNREACHABLE, code])
  errors.push([icmp.TIME_EXCEEDED, 0], [icmp.TIME_EXCEEDED, 1], [icmp.PARAMETER_PROBLEM, 0])
  for (const [type, code] of errors) {
    kernel.datagrams[0]!.fails(error({ type, code, info: type === icmp.PARAMETER_PROBLEM ? 20 : 1400 }))
    run()
    const view = frames.pop()!
    const word = type === icmp.PARAMETER_PROBLEM ? 20 << 24 : code === icmp.FRAGMENTATION_NEEDED ? 1400 : 0
    const about = { from: GUEST, to: REMOTE, protocol: PROTOCOL_UDP }
    assert.deepEqual(describe(view), { source: ROUTER, ttl: 59, type, code, word, ...about })
    assert.equal(view.byteLength, QUOTED_AT + udp.HEADER_LENGTH + PAYLOAD.length)
    assert.ok(ipv4.isValid(view, QUOTE_AT, view.byteLength - QUOTE_AT) && ipv4.checksumIsRight(view, QUOTE_AT))
    assert.deepEqual([udp.srcPort(view, QUOTED_AT), udp.dstPort(view, QUOTED_AT)], [1000, 2000])
    assert.deepEqual(new Uint8Array(view.buffer, QUOTED_AT + udp.HEADER_LENGTH), PAYLOAD)
  }
  assert.equal(frames.length, 0)
})

test('UDP: what is the host’s own affair is not passed on (redirect, source quench, the result of a call)', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(route, 1000, 2000, PAYLOAD))
  for (const e of [error({ type: icmp.REDIRECT }), error({ type: 4 }), error({ origin: 1, type: 0 })]) kernel.datagrams[0]!.fails(e)
  run()
  assert.equal(frames.length, 0)
})

test('UDP: a refusal of the host’s loopback is the gateway’s', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(toGateway, 1000, 2000, PAYLOAD))
  kernel.datagrams[0]!.fails(error({ type: icmp.UNREACHABLE, code: icmp.PORT_UNREACHABLE, address: LOOPBACK, offender: LOOPBACK, ttl: 64 }))
  run()
  const { source, to, ttl } = describe(frames[0]!)
  assert.deepEqual([source, to, ttl], [GATEWAY, GATEWAY, 64])
})

test('UDP: an error of each peer is about that peer', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(route, 1000, 2000, PAYLOAD), udpFrame(toGateway, 1000, 3000, PAYLOAD))
  assert.equal(kernel.datagrams.length, 1)
  kernel.datagrams[0]!.fails(error({ address: LOOPBACK, port: 3000, offender: LOOPBACK }))
  kernel.datagrams[0]!.fails(error())
  run()
  assert.deepEqual(
    frames.map((view) => [ipv4.destination(view, QUOTE_AT), udp.dstPort(view, QUOTED_AT)]),
    [
      [GATEWAY, 3000],
      [REMOTE, 2000],
    ],
  )
})

test('an offender that the guest would not believe is told as the gateway', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(route, 1000, 2000, PAYLOAD))
  for (const offender of [0, 0x0a000264, 0x0a00024d, 0x0a000203, LOOPBACK, -1, 0xe0000001 | 0]) {
    kernel.datagrams[0]!.fails(error({ offender }))
    run()
    assert.equal(ipv4.source(frames.pop()!, IP_AT), GATEWAY)
  }
})

test('many errors at once all arrive, and none is limited', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(udpFrame(route, 1000, 2000, PAYLOAD))
  for (let i = 0; i < 3000; i++) kernel.datagrams[0]!.fails(error({ port: i }))
  run()
  assert.deepEqual(
    frames.map((view) => udp.dstPort(view, QUOTED_AT)),
    Array.from({ length: 3000 }, (_, i) => i),
  )
})

test('ping: the guest’s identifier and the sequence number of the request, its checksum, and its data', () => {
  const { net, kernel, frames, run } = stack()
  const request = icmpFrame(route, icmp.ECHO, 0, (77 << 16) | 9, PAYLOAD)
  net.receive(request)
  for (const [identifier, length] of [
    [5, 13],
    [0xfffe, 13],
    [77, 8],
  ] as const) {
    // As the kernel has sent it: with an identifier of its own.
    const sent = icmpFrame(route, icmp.ECHO, 0, (identifier << 16) | 9, PAYLOAD).slice(TRANSPORT_AT, TRANSPORT_AT + length)
    kernel.datagrams[0]!.fails(error({ port: 0, quote: sent }))
    run()
    const view = frames.pop()!
    const about = { from: GUEST, to: REMOTE, protocol: PROTOCOL_ICMP }
    assert.deepEqual(describe(view), { source: ROUTER, ttl: 59, type: icmp.TIME_EXCEEDED, code: 0, word: 0, ...about })
    assert.deepEqual(new Uint8Array(view.buffer, QUOTED_AT), request.slice(TRANSPORT_AT, TRANSPORT_AT + length))
  }
})

test('TCP: a router’s word about a SYN reaches the guest, whether the connect has ended by it or not', () => {
  for (const errno of [EHOSTUNREACH, ECONNREFUSED, 0]) {
    const { net, kernel, frames, run } = stack()
    net.receive(tcpFrame(route, [1000, 80], 12345, 0, SYN, NONE))
    const socket = kernel.tcp[0]!
    assert.equal(socket.hops, 63)
    socket.errors.push(error({ port: 80, ttl: -1, quote: new Uint8Array(20) }))
    socket.fails(errno)
    run()
    assert.equal(frames.length, 1)
    const view = frames[0]!
    const about = { from: GUEST, to: REMOTE, protocol: PROTOCOL_TCP }
    assert.deepEqual(describe(view), { source: ROUTER, ttl: 64, type: icmp.TIME_EXCEEDED, code: 0, word: 0, ...about })
    assert.deepEqual([view.getInt32(QUOTED_AT), view.getInt32(QUOTED_AT + 4)], [(1000 << 16) | 80, 12345])
    assert.equal(net.stack.table.inUse, errno === 0 ? 1 : 0)
    if (errno === 0) {
      socket.accepts()
      run()
      assert.equal(ipv4.protocol(frames[1]!, IP_AT), PROTOCOL_TCP)
    }
    net.stack.close()
    net.assertEmpty()
  }
})

test('TCP: a refusal without an ICMP error is a reset', () => {
  const { net, kernel, frames, run } = stack()
  net.receive(tcpFrame(route, [1000, 80], 12345, 0, SYN, NONE))
  kernel.tcp[0]!.fails(ECONNREFUSED)
  run()
  assert.equal(frames.length, 1)
  assert.equal(frames[0]!.getUint8(TRANSPORT_AT + 13) & RST, RST)
})
