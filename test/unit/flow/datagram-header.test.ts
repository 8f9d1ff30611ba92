// What of the IP header crosses: TTL, TOS and ECN both ways, don't-fragment out (RFC 1812, 5.3.1; RFC 2474; RFC 3168; RFC 1191).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { mend } from '../../support/bent-frames.js'
import { IP_AT, icmpFrame, type Route, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const LOOPBACK = 0x7f000001
const route: Route = { source: GUEST, destination: REMOTE }
const toGateway: Route = { source: GUEST, destination: GATEWAY }
const ECHO_REPLY_TO_7 = icmpFrame(route, icmp.ECHO_REPLY, 0, 7 << 16, new Uint8Array(10)).slice(TRANSPORT_AT)

const echo = (r: Route, length = 10): Uint8Array => icmpFrame(r, icmp.ECHO, 0, 7 << 16, new Uint8Array(length))
const datagram = (r: Route, length = 10): Uint8Array => udpFrame(r, 1000, 2000, new Uint8Array(length))

function headed(frame: Uint8Array, ttl: number, tos: number, dontFragment: boolean): Uint8Array {
  const view = new DataView(frame.buffer)
  view.setUint8(IP_AT + 8, ttl)
  view.setUint8(IP_AT + 1, tos)
  view.setUint16(IP_AT + 6, dontFragment ? 0x4000 : 0)
  mend(frame)
  return frame
}

function stack() {
  const net = new SimulatedStack(new Random(1))
  const frames: DataView[] = []
  net.kernel.onFrame = (frame) => frames.push(new DataView(frame.buffer))
  return { net, kernel: net.kernel, frames }
}

test('out: each datagram and echo request leaves as it came, one hop less', () => {
  for (const frame of [datagram, echo]) {
    const { net, kernel } = stack()
    const headers = [
      { ttl: 64, tos: 0, dontFragment: true },
      { ttl: 64, tos: 0, dontFragment: false },
      { ttl: 2, tos: 0xb8, dontFragment: false },
      { ttl: 255, tos: 3, dontFragment: true },
      { ttl: 64, tos: 0, dontFragment: true },
    ]
    for (const h of headers) net.receive(headed(frame(route), h.ttl, h.tos, h.dontFragment))
    assert.deepEqual(
      kernel.datagrams[0]!.sent.map((sent) => sent.header),
      headers.map((h) => ({ ...h, ttl: h.ttl - 1 })),
    )
  }
})

test('out: to the host’s loopback there is no hop', () => {
  const { net, kernel } = stack()
  net.receive(headed(datagram(toGateway), 1, 0, true), headed(datagram(route), 64, 0, true), headed(datagram(toGateway), 64, 0, true))
  assert.deepEqual(
    kernel.datagrams[0]!.sent.map((sent) => [sent.address, sent.header.ttl]),
    [
      [LOOPBACK, 1],
      [REMOTE, 63],
      [LOOPBACK, 64],
    ],
  )
})

test('out: the kernel is told once', () => {
  const { net, kernel } = stack()
  let calls = 0
  const told = kernel.datagramHeader.bind(kernel)
  kernel.datagramHeader = (...args) => {
    calls++
    return told(...args)
  }
  for (let i = 0; i < 10; i++) net.receive(datagram(route), echo(route))
  assert.equal(calls, 2)
})

test('back: a hop less as well, congestion marks included; and whoever cuts it in the guest may', () => {
  const { net, kernel, frames } = stack()
  net.receive(datagram(route), echo(route))
  const [udp, ping] = kernel.datagrams
  const header = (view: DataView) => [ipv4.timeToLive(view, IP_AT), ipv4.typeOfService(view, IP_AT), ipv4.dontFragment(view, IP_AT)]
  for (const [ttl, tos, from, expected] of [
    [57, 0xbb, REMOTE, 56],
    [1, 0, REMOTE, 1],
    [-1, -1, REMOTE, 64],
    [255, 3, REMOTE, 254],
    [64, 0, LOOPBACK, 64],
  ] as const) {
    udp!.delivers(new Uint8Array(3), from, 2000, ttl, tos)
    ping!.delivers(ECHO_REPLY_TO_7, from, 0, ttl, tos)
    kernel.run()
    for (const view of frames.splice(0)) assert.deepEqual(header(view), [expected, Math.max(0, tos), false])
  }
  // Each fragment of what is longer has them, too.
  udp!.delivers(new Uint8Array(4000), REMOTE, 2000, 9, 3)
  kernel.run()
  assert.equal(frames.length, 3)
  for (const view of frames) assert.deepEqual(header(view), [8, 3, false])
})

test('what the path cannot take in one piece is refused with its MTU if it must not be cut, and only then', () => {
  for (const frame of [datagram, echo]) {
    const { net, kernel, frames } = stack()
    net.receive(headed(frame(route), 64, 0, true))
    const socket = kernel.datagrams[0]!
    socket.mtu = 1280
    const long = headed(frame(route, 1400), 64, 0, true)
    net.receive(long)
    assert.equal(socket.sent.length, 1)
    const view = frames.pop()!
    assert.equal(ipv4.source(view, IP_AT), GATEWAY)
    assert.deepEqual([icmp.type(view, TRANSPORT_AT), icmp.code(view, TRANSPORT_AT)], [icmp.UNREACHABLE, icmp.FRAGMENTATION_NEEDED])
    assert.equal(icmp.nextHopMtu(view, TRANSPORT_AT), 1280)
    const quote = new Uint8Array(view.buffer, TRANSPORT_AT + icmp.HEADER_LENGTH)
    assert.deepEqual(quote, long.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
    net.receive(headed(frame(route, 1400), 64, 0, false))
    assert.deepEqual([socket.sent.length, frames.length], [2, 0])
  }
})

test('a super-datagram whose pieces are too long for the path is refused as well', () => {
  const { net, kernel, frames } = stack()
  net.receive(headed(datagram(route), 64, 0, true))
  kernel.datagrams[0]!.mtu = 1280
  const frame = headed(datagram(route, 5000), 64, 0, true)
  virtio.write(new DataView(frame.buffer), 0, virtio.FLAG_NEEDS_CSUM, virtio.GSO_UDP_L4, 42, 1400, 34, 6)
  net.receive(frame)
  assert.deepEqual([frames.length, icmp.nextHopMtu(frames[0]!, TRANSPORT_AT)], [1, 1280])
})

test('an echo request with a code is none', () => {
  const { net, kernel, frames } = stack()
  net.receive(icmpFrame(route, icmp.ECHO, 1, 7 << 16, new Uint8Array(3)))
  assert.deepEqual([kernel.datagrams.length, frames.length], [0, 0])
})
