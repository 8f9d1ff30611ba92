// Errors that a router in the guest sends about our segments over IPv6 (RFC 4443, 3; RFC 8201; RFC 9293, 3.9.2.2), and how many of ours there
// are (RFC 4443, 2.4 (f)).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS_AT_ONCE, ERRORS_PER_SECOND } from '../../../src/net/icmp-common.js'
import type { Words } from '../../../src/wire/address.js'
import * as icmp from '../../../src/wire/icmpv6.js'
import * as tcp from '../../../src/wire/tcp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { IP_AT, udpFrame } from '../../support/frames.js'
import { icmp6Frame, REMOTE6, type Route6, readIcmp6, TRANSPORT6_AT, tcp6Frame, udp6Frame } from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { GATEWAY6, GUEST, GUEST6, IPV6, SimulatedStack } from '../../support/simulated-stack.js'

const NONE = new Uint8Array()
const NOBODY: Words = [0xfd000000 | 0, 0, 0, 0x4d]
/** A router in the guest. */
const ROUTER: Words = [0xfd000000 | 0, 0, 0, 0x200]
const route: Route6 = { source: GUEST6, destination: REMOTE6 }
const PORTS = [1000, 80] as const
const TEXT = 1440

/** A connection with a segment of the host's in flight: its packet, and what comes behind. */
function inFlight() {
  const net = new SimulatedStack(new Random(1), { offload: false, ipv6: IPV6 })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame.slice())
  net.kernel.onConnect = (socket) => {
    socket.incoming = new Uint8Array(TEXT)
    socket.accepts()
    socket.delivers(TEXT)
  }
  // With an MSS, which the shortest header does not have.
  const syn = tcp6Frame(route, PORTS, 1000, 0, tcp.SYN, Uint8Array.from([2, 4, 0x05, 0xa0]))
  syn[TRANSPORT6_AT + 12] = 0x60
  syn[0] = virtio.FLAG_DATA_VALID
  net.receive(syn)
  net.kernel.run()
  const seq = tcp.sequence(new DataView(frames.shift()!.buffer), TRANSPORT6_AT)
  net.receive(tcp6Frame(route, PORTS, 1001, (seq + 1) | 0, tcp.ACK, NONE))
  net.kernel.run()
  const packet = frames.map((frame) => frame.subarray(IP_AT)).find((bytes) => bytes.length > 100)!
  const texts = (): number[] => frames.splice(0).map((frame) => frame.length - TRANSPORT6_AT - tcp.HEADER_LENGTH)
  assert.deepEqual(texts(), [TEXT])
  return { net, packet, texts }
}

const tooBig = (quote: Uint8Array, mtu = 1300): Uint8Array =>
  icmp6Frame({ source: ROUTER, destination: REMOTE6 }, icmp.PACKET_TOO_BIG, 0, mtu, quote)

test('a packet that is too big for a link in the guest is sent again in smaller ones, of no less than 1280 bytes', () => {
  for (const [mtu, lengths] of [
    [1300, [1240, 200]],
    [1280, [1220, 220]],
    [576, [1220, 220]],
    [0, [1220, 220]],
    [1500, []],
    [65_536 + 1300, []],
    [0xffff_ffff | 0, []],
  ] as const) {
    const { net, packet, texts } = inFlight()
    net.receive(tooBig(packet.subarray(0, 48), mtu))
    net.kernel.run()
    assert.deepEqual(texts(), lengths, `${mtu}`)
    net.stack.close()
  }
})

test('an error that quotes too little, or nonsense, is nobody’s', () => {
  const { net, packet, texts } = inFlight()
  const random = new Random(2)
  for (let length = 0; length < 48; length++) net.receive(tooBig(packet.slice(0, length)))
  net.kernel.run()
  assert.deepEqual(texts(), [])
  for (let i = 0; i < 500; i++) {
    const quote = packet.slice(0, 80)
    quote[random.below(quote.length)] = random.below(256)
    net.receive(tooBig(quote))
  }
  net.kernel.run()
  for (const length of texts()) assert.ok(length <= TEXT)
  net.stack.close()
})

test('a connection that works is ended by no error', () => {
  const { net, packet, texts } = inFlight()
  for (const type of [icmp.UNREACHABLE, icmp.TIME_EXCEEDED, icmp.PARAMETER_PROBLEM]) {
    for (let code = 0; code < 8; code++)
      net.receive(icmp6Frame({ source: ROUTER, destination: REMOTE6 }, type, code, 0, packet.subarray(0, 48)))
  }
  net.kernel.run()
  assert.deepEqual([texts(), net.stack.table.inUse, net.kernel.tcp[0]!.isClosed], [[], 1, false])
  net.stack.close()
})

test('there are never too many errors of ours, of both versions together; answers are no errors', () => {
  const net = new SimulatedStack(new Random(1), { ipv6: IPV6 })
  let answers = 0
  net.kernel.onFrame = () => answers++
  const flood = (frame: Uint8Array, count: number): number => {
    answers = 0
    net.receive(...Array.from({ length: count }, () => frame))
    return answers
  }
  const six = udp6Frame({ source: GUEST6, destination: NOBODY }, 1000, 2000, NONE)
  const four = udpFrame({ source: GUEST, destination: 0x0a00024d }, 1000, 2000, NONE)
  assert.equal(flood(six, 1000), ERRORS_AT_ONCE)
  assert.deepEqual([flood(four, 10), net.stack.input.drops.errorLimit], [0, 1010 - ERRORS_AT_ONCE])
  net.wait(100)
  assert.equal(flood(six, 1000), ERRORS_PER_SECOND / 10)
  assert.equal(flood(icmp6Frame({ source: GUEST6, destination: GATEWAY6 }, icmp.ECHO, 0, 1, NONE), 2000), 2000)
})

test('an error quotes as much as 1280 bytes hold (RFC 4443, 2.4 (c))', () => {
  for (const length of [0, 1183, 1184, 1185, 1400]) {
    const net = new SimulatedStack(new Random(1), { ipv6: IPV6 })
    const frames: Uint8Array[] = []
    net.kernel.onFrame = (frame) => frames.push(frame)
    net.receive(udp6Frame({ source: GUEST6, destination: NOBODY }, 1000, 2000, new Uint8Array(length)))
    assert.equal(frames[0]!.length - IP_AT, Math.min(1280, 48 + 48 + length))
    assert.equal(readIcmp6(frames[0]!).hops, 64)
  }
})
