// UDP through the whole stack: mappings, super-datagrams, turns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { IP_AT, icmpFrame, type Route, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const OTHER = 0xc6336401 | 0
const route: Route = { source: GUEST, destination: REMOTE }

const stack = (o = {}): SimulatedStack => new SimulatedStack(new Random(1), o)
const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill)

/** A frame that stands for datagrams of `size` bytes. */
function superFrame(payload: number, size: number): Uint8Array {
  const frame = udpFrame(route, 1000, 2000, bytes(payload))
  virtio.write(new DataView(frame.buffer), 0, virtio.FLAG_NEEDS_CSUM, virtio.GSO_UDP_L4, 42, size, 34, 6)
  return frame
}

test('one mapping serves every peer, and answers come from whoever sent them', () => {
  const net = stack()
  const seen: [number, number][] = []
  net.kernel.onFrame = (frame) => {
    const view = new DataView(frame.buffer)
    seen.push([ipv4.source(view, IP_AT), udp.srcPort(view, TRANSPORT_AT)])
    assert.equal(udp.dstPort(view, TRANSPORT_AT), 1000)
  }
  net.receive(udpFrame(route, 1000, 2000, bytes(3)), udpFrame({ source: GUEST, destination: GATEWAY }, 1000, 53, bytes(4)))
  const socket = net.kernel.datagrams[0]!
  assert.equal(net.kernel.datagrams.length, 1)
  assert.deepEqual(
    socket.sent.map((d) => [d.address, d.port, d.bytes.length]),
    [
      [REMOTE, 2000, 3],
      [0x7f000001, 53, 4],
    ],
  )
  socket.delivers(bytes(1), OTHER, 7)
  socket.delivers(bytes(0), 0x7f000001, 53)
  net.kernel.run()
  assert.deepEqual(seen, [
    [OTHER, 7],
    [GATEWAY, 53],
  ])
  net.wait(300_000)
  net.assertEmpty()
})

test('a super-datagram goes to the host whole; one of more pieces than a kernel makes goes nowhere', () => {
  const net = stack()
  net.receive(superFrame(5000, 1000), superFrame(128 * 10, 10), superFrame(128 * 10 + 1, 10), superFrame(60_000, 1), superFrame(100, 0))
  assert.deepEqual(
    net.kernel.datagrams[0]!.sent.map((d) => [d.bytes.length, d.segment]),
    [
      [5000, 1000],
      [1280, 10],
    ],
  )
  assert.equal(net.stack.input.drops.transportInvalid, 3)
  net.stack.close()
  net.assertEmpty()
})

test('a socket that is never empty does not make another one be forgotten', () => {
  const net = stack({ maxFlows: 2 })
  net.receive(udpFrame(route, 1000, 2000, bytes(1)), udpFrame(route, 1001, 2000, bytes(1)))
  const [busy, other] = net.kernel.datagrams
  let ofBusy = 0
  let ofOther = 0
  net.kernel.onFrame = (frame) => {
    const view = new DataView(frame.buffer)
    // One byte each, some of them in trains.
    const datagrams = udp.length(view, TRANSPORT_AT) - udp.HEADER_LENGTH
    if (udp.dstPort(view, TRANSPORT_AT) === 1001) {
      ofOther += datagrams
      return
    }
    const before = ofBusy
    ofBusy += datagrams
    if (ofBusy < 5000) for (let i = 0; i < datagrams; i++) busy!.delivers(bytes(1), REMOTE, 2000)
    if (before < 300 && ofBusy >= 300) for (let i = 0; i < 100; i++) other!.delivers(bytes(1), REMOTE, 2000)
  }
  for (let i = 0; i < 100; i++) busy!.delivers(bytes(1), REMOTE, 2000)
  net.kernel.run()
  assert.equal(ofOther, 100)
  net.stack.close()
  net.assertEmpty()
})

test('what a host lacks for a datagram loses it, and is counted; what is wrong with it is told', () => {
  const EMFILE = 24
  const ENOBUFS = 105
  const EACCES = 13
  const net = stack()
  const codes: number[] = []
  net.kernel.onFrame = (frame) => codes.push(icmp.code(new DataView(frame.buffer), TRANSPORT_AT))
  const datagram = udpFrame(route, 1000, 2000, bytes(3))
  const ping = icmpFrame(route, icmp.ECHO, 0, 7 << 16, bytes(3))
  net.kernel.openStatus = -EMFILE
  net.receive(datagram, ping)
  assert.deepEqual([codes, net.stack.input.drops.hostExhausted, net.stack.table.inUse], [[], 2, 0])
  net.kernel.openStatus = -EACCES
  net.receive(datagram, ping)
  assert.deepEqual(codes, [icmp.ADMINISTRATIVELY_PROHIBITED, icmp.ADMINISTRATIVELY_PROHIBITED])
  net.kernel.openStatus = 0
  net.kernel.sendStatus = -ENOBUFS
  net.receive(datagram, ping)
  assert.deepEqual([codes.length, net.stack.input.drops.hostExhausted], [2, 4])
  net.kernel.sendStatus = 0
  net.receive(datagram, ping)
  assert.deepEqual(
    net.kernel.datagrams.map((d) => d.sent.length),
    [1, 1],
  )
  net.stack.close()
  net.assertEmpty()
})

test('a mapping ends after 120 s when nothing came back, after 300 s when something did, and traffic begins that anew', () => {
  for (const isAnswered of [false, true]) {
    const net = stack()
    const [least, rest] = isAnswered ? [299_000, 2_000] : [119_000, 2_000]
    net.receive(udpFrame(route, 1000, 2000, bytes(3)))
    if (isAnswered) net.kernel.datagrams[0]!.delivers(bytes(1), REMOTE, 2000)
    net.kernel.run()
    net.wait(least)
    assert.equal(net.stack.table.inUse, 1)
    net.receive(udpFrame(route, 1000, 2000, bytes(3)))
    net.wait(least)
    assert.equal(net.stack.table.inUse, 1, 'it was used')
    net.wait(rest)
    net.assertEmpty()
  }
})

test('a mapping that has asked name servers alone ends after 20 s, answered or not (RFC 4787, REQ-5a)', () => {
  for (const alsoSendsTo of [0, 2000]) {
    const net = stack()
    net.receive(udpFrame(route, 1000, 53, bytes(3)))
    if (alsoSendsTo !== 0) net.receive(udpFrame(route, 1000, alsoSendsTo, bytes(3)))
    net.kernel.datagrams[0]!.delivers(bytes(1), REMOTE, 53)
    net.kernel.run()
    net.wait(21_000)
    assert.equal(net.stack.table.inUse, alsoSendsTo === 0 ? 0 : 1)
    net.wait(300_000)
    net.assertEmpty()
  }
})

test('with address-dependent filtering the guest hears those that it has sent to, from any port, and after a datagram to many everybody', () => {
  const net = stack({ udpFiltering: 'address-dependent' })
  const seen: number[] = []
  net.kernel.onFrame = (frame) => seen.push(ipv4.source(new DataView(frame.buffer), IP_AT))
  net.receive(udpFrame(route, 1000, 2000, bytes(3)))
  const socket = net.kernel.datagrams[0]!
  socket.delivers(bytes(1), REMOTE, 7)
  socket.delivers(bytes(1), OTHER, 2000)
  net.kernel.run()
  assert.deepEqual(seen, [REMOTE])
  assert.equal(net.stack.input.drops.filtered, 1)
  net.receive(udpFrame({ source: GUEST, destination: 0xeffffffa | 0 }, 1000, 1900, bytes(3)))
  socket.delivers(bytes(1), OTHER, 1900)
  net.kernel.run()
  assert.deepEqual(seen, [REMOTE, OTHER])
  net.wait(300_000)
  net.assertEmpty()
})
