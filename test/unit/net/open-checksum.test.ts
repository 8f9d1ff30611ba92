// Checksums that the guest's kernel has left open inside a payload: TCP in a tunnel in UDP, as VXLAN, GENEVE and UDP-encapsulated IP have it. What
// leaves has them complete; what a virtio-net header names elsewhere is not touched.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as checksum from '../../../src/wire/checksum.js'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { PSH } from '../../../src/wire/tcp.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { cut } from '../../support/fragments.js'
import { ETHERNET_AT, IP_AT, icmpFrame, TRANSPORT_AT, tcpFrame, udpFrame } from '../../support/frames.js'
import { fragment, packetFrame, REMOTE6, type Route6, TRANSPORT6_AT, tcp6Frame, udp6Frame } from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { GUEST, GUEST6, IPV6, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const ROUTE = { source: GUEST, destination: REMOTE }
const ROUTE6: Route6 = { source: GUEST6, destination: REMOTE6 }
const INNER = { source: 0x0a090001, destination: 0x0a090002 }
const TCP_FIELD = 16
const UDP_FIELD = 6
const NONE = virtio.GSO_NONE

const text = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 255)
const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))

/** A packet in a tunnel: its bytes as they are to leave, where its transport begins and its checksum is, and what the field holds until then. */
interface Inner {
  readonly whole: Uint8Array
  readonly transportAt: number
  readonly fieldAt: number
  readonly open: number
}

/** `frame`, whose transport begins at `at`, from `from` on behind a tunnel's header. */
function inner(header: Uint8Array, frame: Uint8Array, from: number, at: number, protocol: number): Inner {
  const whole = join(header, frame.subarray(from))
  const transportAt = header.length + at - from
  const length = whole.length - transportAt
  const view = new DataView(frame.buffer)
  const open =
    at === TRANSPORT_AT
      ? checksum.pseudoHeader4(INNER.source, INNER.destination, protocol, length)
      : checksum.pseudoHeader6(view, IP_AT, protocol, length)
  return { whole, transportAt, fieldAt: transportAt + (protocol === PROTOCOL_TCP ? TCP_FIELD : UDP_FIELD), open }
}

const VXLAN = Uint8Array.of(8, 0, 0, 0, 0, 0, 7, 0)
/** With an option, so that what follows lies elsewhere. */
const GENEVE = Uint8Array.of(2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 9, 9, 9, 9)
const GRE = Uint8Array.of(0, 0, 8, 0)
const tcpInside = tcpFrame(INNER, [40_000, 80], 1, 2, PSH, text(901))
const tcp6Inside = tcp6Frame(ROUTE6, [40_000, 80], 1, 2, PSH, text(700))
const udpInside = udpFrame(INNER, 5000, 6000, text(333))

const TUNNELS: readonly (readonly [string, Inner])[] = [
  ['TCP in VXLAN', inner(VXLAN, tcpInside, ETHERNET_AT, TRANSPORT_AT, PROTOCOL_TCP)],
  ['TCP over IPv6 in VXLAN', inner(VXLAN, tcp6Inside, ETHERNET_AT, TRANSPORT6_AT, PROTOCOL_TCP)],
  ['UDP in VXLAN', inner(VXLAN, udpInside, ETHERNET_AT, TRANSPORT_AT, PROTOCOL_UDP)],
  ['TCP in GENEVE', inner(GENEVE, tcpInside, ETHERNET_AT, TRANSPORT_AT, PROTOCOL_TCP)],
  ['TCP in IP in UDP', inner(new Uint8Array(), tcpInside, IP_AT, TRANSPORT_AT, PROTOCOL_TCP)],
  ['TCP over IPv6 in UDP', inner(new Uint8Array(), tcp6Inside, IP_AT, TRANSPORT6_AT, PROTOCOL_TCP)],
  ['TCP in GRE in UDP', inner(GRE, tcpInside, IP_AT, TRANSPORT_AT, PROTOCOL_TCP)],
]

const outer4 = (payload: Uint8Array) => udpFrame(ROUTE, 50_000, 8472, payload)
const outer6 = (payload: Uint8Array) => udp6Frame(ROUTE6, 50_000, 8472, payload)

/** The checksum at `field` is open, from `start` on: offsets in the frame. */
function leaveOpen(frame: Uint8Array, start: number, field: number, value: number, gsoType = NONE, gsoSize = 0): Uint8Array {
  const view = new DataView(frame.buffer)
  view.setUint16(field, value)
  virtio.write(view, 0, virtio.FLAG_NEEDS_CSUM, gsoType, 0, gsoSize, start - virtio.HEADER_LENGTH, field - start)
  return frame
}

/** The outer frame as the guest's kernel makes it: its checksum already takes the inner one for complete. */
function frameOf(outer: (payload: Uint8Array) => Uint8Array, one: Inner): Uint8Array {
  const frame = outer(one.whole)
  const at = frame.length - one.whole.length
  return leaveOpen(frame, at + one.transportAt, at + one.fieldAt, one.open)
}

const stack = () => new SimulatedStack(new Random(1), { ipv6: IPV6 })
const sentBy = (net: SimulatedStack) => net.kernel.datagrams.flatMap((socket) => socket.sent.map(({ bytes }) => bytes))
function end(net: SimulatedStack): void {
  net.stack.close()
  net.assertEmpty()
}

for (const [name, one] of TUNNELS) {
  for (const [version, outer] of [
    ['IPv4', outer4],
    ['IPv6', outer6],
  ] as const) {
    test(`${name}, over ${version}, leaves with its checksum complete`, () => {
      const net = stack()
      net.receive(frameOf(outer, one))
      assert.deepEqual(sentBy(net), [one.whole])
      end(net)
    })
  }
}

test('so it does without an outer checksum, which IPv4 allows', () => {
  const one = TUNNELS[0]![1]
  const net = stack()
  const frame = frameOf(outer4, one)
  new DataView(frame.buffer).setUint16(TRANSPORT_AT + UDP_FIELD, 0)
  net.receive(frame)
  assert.deepEqual(sentBy(net), [one.whole])
  end(net)
})

test('a wrong outer checksum is no less wrong for it', () => {
  for (const [outer, at] of [
    [outer4, TRANSPORT_AT],
    [outer6, TRANSPORT6_AT],
  ] as const) {
    const net = stack()
    const frame = frameOf(outer, TUNNELS[0]![1])
    frame[at + UDP_FIELD] = frame[at + UDP_FIELD]! ^ 1
    net.receive(frame)
    assert.deepEqual([sentBy(net), net.stack.input.drops.transportChecksum], [[], 1])
    end(net)
  }
})

test('many of one turn leave as a train, each with its own, and so does what needs nothing', () => {
  const one = TUNNELS[0]![1]
  const net = stack()
  net.receive(frameOf(outer4, one), outer4(one.whole), frameOf(outer4, one))
  assert.deepEqual(sentBy(net), [join(one.whole, one.whole, one.whole)])
  end(net)
})

test('a ping whose payload has an open checksum leaves with it complete', () => {
  const one = TUNNELS[4]![1]
  const net = stack()
  net.receive(frameOf((payload) => icmpFrame(ROUTE, icmp.ECHO, 0, 7 << 16, payload), one))
  const [sent] = sentBy(net)
  assert.deepEqual(sent!.subarray(sent!.length - one.whole.length), one.whole)
  end(net)
})

test('a fragment is completed by itself, and the whole is verified', () => {
  const payload = text(2000)
  for (const isIpv6 of [false, true]) {
    const whole = isIpv6 ? outer6(payload) : outer4(payload)
    const transportAt = isIpv6 ? TRANSPORT6_AT : TRANSPORT_AT
    const pieces = isIpv6 ? cut6(whole.subarray(TRANSPORT6_AT), 1208) : cut(whole, 1208, 9)
    const headers = isIpv6 ? transportAt + 8 : transportAt
    // The last piece has a word whose sum is open, over that piece alone.
    const last = pieces.at(-1)!
    const view = new DataView(last.buffer)
    const [start, field] = [headers + 40, headers + 60]
    const right = view.getUint16(field)
    const others = checksum.add(view, start, last.length - start, 0)
    // Whatever has to stand there for the sum to come out as it was.
    const needed = checksum.fold(checksum.finish(right) + checksum.finish(checksum.fold(others + checksum.finish(right))))
    leaveOpen(last, start, field, needed)
    const net = stack()
    net.receive(...pieces)
    assert.deepEqual(sentBy(net), [payload])
    end(net)
  }
})

/** A UDP datagram of IPv6 in two pieces. */
const cut6 = (datagram: Uint8Array, size: number): Uint8Array[] => [
  packetFrame({ ...ROUTE6, extensions: [fragment(0, 1)] }, PROTOCOL_UDP, datagram.slice(0, size)),
  packetFrame({ ...ROUTE6, extensions: [fragment(size, 0)] }, PROTOCOL_UDP, datagram.slice(size)),
]

test("the transport's own stays open, in a train as well", () => {
  const payload = text(3000)
  for (const [outer, at] of [
    [outer4, TRANSPORT_AT],
    [outer6, TRANSPORT6_AT],
  ] as const) {
    const net = stack()
    // Nothing like the pseudo-header: nobody looks.
    net.receive(leaveOpen(outer(payload), at, at + UDP_FIELD, 0x1234, virtio.GSO_UDP_L4, 1000))
    assert.deepEqual(
      net.kernel.datagrams.flatMap((socket) => socket.sent.map(({ bytes, segment }) => [bytes, segment])),
      [[payload, 1000]],
    )
    end(net)
  }
})

test('a field of the transport other than its checksum is completed, and then the transport is verified', () => {
  const net = stack()
  const frame = outer4(text(100))
  const view = new DataView(frame.buffer)
  net.receive(leaveOpen(frame, TRANSPORT_AT, TRANSPORT_AT, view.getUint16(TRANSPORT_AT)))
  assert.deepEqual([sentBy(net), net.stack.input.drops.transportChecksum], [[], 1])
  end(net)
})

const HOSTILE: readonly (readonly [string, number, number])[] = [
  ['begins in the Ethernet header', ETHERNET_AT, IP_AT],
  ['begins at the IP header', IP_AT, TRANSPORT_AT],
  ['begins in the IP header, with its length for a field', IP_AT + 2, IP_AT + 2],
  ['begins before the transport', TRANSPORT_AT - 1, TRANSPORT_AT + 20],
  ['has half a field', TRANSPORT_AT, TRANSPORT_AT + udp.HEADER_LENGTH + 99],
  ['has its field behind the frame', TRANSPORT_AT, TRANSPORT_AT + udp.HEADER_LENGTH + 100],
  ['begins behind the frame', TRANSPORT_AT + udp.HEADER_LENGTH + 100, TRANSPORT_AT + udp.HEADER_LENGTH + 100],
  ['is as far away as can be said', virtio.HEADER_LENGTH + 0xffff, virtio.HEADER_LENGTH + 0xffff + 0xffff],
]
for (const [what, start, field] of HOSTILE) {
  test(`a frame whose open checksum ${what} is dropped as it is, and counted`, () => {
    const net = stack()
    const frame = outer4(text(100))
    virtio.write(new DataView(frame.buffer), 0, virtio.FLAG_NEEDS_CSUM, NONE, 0, 0, start - virtio.HEADER_LENGTH, field - start)
    const before = frame.slice()
    net.receive(frame)
    assert.deepEqual([sentBy(net), net.stack.input.drops.offload, frame], [[], 1, before])
    end(net)
  })
}

test('a super-segment with an open checksum elsewhere is dropped: each of its pieces would need its own', () => {
  const one = TUNNELS[0]![1]
  for (const type of [virtio.GSO_TCPV4, virtio.GSO_TCPV6, virtio.GSO_UDP_L4, 3, 0x20 | virtio.GSO_TCPV4, 0x81]) {
    for (const [outer, headers] of [
      [outer4, TRANSPORT_AT],
      [outer6, TRANSPORT6_AT],
    ] as const) {
      const net = stack()
      const at = headers + udp.HEADER_LENGTH
      net.receive(leaveOpen(outer(one.whole), at + one.transportAt, at + one.fieldAt, one.open, type, 500))
      assert.deepEqual([sentBy(net), net.stack.input.drops.offload], [[], 1])
      end(net)
    }
  }
})

test('a fragment with an open checksum in what has been read of it is dropped', () => {
  const net = stack()
  const [first] = cut6(outer6(text(2000)).subarray(TRANSPORT6_AT), 1208)
  for (const at of [TRANSPORT6_AT, TRANSPORT6_AT + 6]) {
    virtio.write(new DataView(first!.buffer), 0, virtio.FLAG_NEEDS_CSUM, NONE, 0, 0, at - virtio.HEADER_LENGTH, 0)
    net.receive(first!.slice())
  }
  assert.deepEqual([sentBy(net), net.stack.input.drops.offload], [[], 2])
  assert.equal(net.stack.reassembly.inUse, 0)
  end(net)
})

test('what an error quotes of a tunnel is complete', () => {
  const net = stack()
  const one = TUNNELS[4]![1]
  let quoted = new Uint8Array()
  net.kernel.onFrame = (frame) => {
    quoted = frame.slice(TRANSPORT_AT + icmp.HEADER_LENGTH + ipv4.HEADER_LENGTH + udp.HEADER_LENGTH)
  }
  // Nobody has this address of the guest's own network.
  net.receive(frameOf((payload) => udpFrame({ source: GUEST, destination: 0x0a00024d }, 1000, 2000, payload), one))
  assert.deepEqual(quoted, one.whole.subarray(0, quoted.length))
  assert.ok(quoted.length > one.fieldAt + 2)
  end(net)
})

test('any place in the payload: as a network card would, or not at all', () => {
  const random = new Random(18)
  for (let run = 0; run < 300; run++) {
    const payload = text(random.between(2, 1400))
    const frame = outer4(payload)
    const payloadAt = frame.length - payload.length
    const start = payloadAt - 6 + random.below(payload.length + 12)
    const field = start + random.pick([0, 2, 6, 16, random.below(payload.length + 4)])
    new DataView(frame.buffer).setUint16(TRANSPORT_AT + UDP_FIELD, 0)
    const view = new DataView(frame.slice().buffer)
    virtio.write(new DataView(frame.buffer), 0, virtio.FLAG_NEEDS_CSUM, NONE, 0, 0, start - virtio.HEADER_LENGTH, field - start)
    const net = stack()
    net.receive(frame)
    const fits = field + 2 <= frame.length
    if (!fits) assert.deepEqual([sentBy(net), net.stack.input.drops.offload], [[], 1])
    else if (field >= payloadAt) {
      const sum = checksum.finish(checksum.add(view, start, frame.length - start, 0))
      view.setUint16(field, sum === 0 ? 0xffff : sum)
      assert.deepEqual(sentBy(net), [new Uint8Array(view.buffer).slice(payloadAt)], `${start} ${field}`)
    }
    net.stack.close()
  }
})
