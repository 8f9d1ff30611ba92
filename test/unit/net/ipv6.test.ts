// Which packets of IPv6 are taken, and what becomes of the others (RFC 8200; RFC 4291; RFC 4007, 9; RFC 4443, 2.4 and 3).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Words } from '../../../src/wire/address.js'
import * as icmp from '../../../src/wire/icmpv6.js'
import { ACK, SYN } from '../../../src/wire/tcp.js'
import { BROADCAST_MAC, IP_AT, type Mac } from '../../support/frames.js'
import {
  ALL_NODES,
  ALL_ROUTERS,
  destinationOptions,
  fragment,
  hopByHop,
  icmp6Frame,
  LINK_LOCAL,
  packetFrame,
  REMOTE6,
  type Route6,
  readIcmp6,
  routing,
  tcp6Frame,
  UNSPECIFIED,
  udp6Frame,
} from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { DNS6, GATEWAY6, GUEST6, IPV6, NETWORK6, ROUTER6, SimulatedStack } from '../../support/simulated-stack.js'

const NONE = new Uint8Array()
const NOBODY: Words = [0xfd000000 | 0, 0, 0, 0x4d]
const LOOPBACK: Words = [0, 0, 0, 1]
const MAPPED: Words = [0, 0, 0xffff, 0xc0000207 | 0]
const GROUP: Words = [0xff020000 | 0, 0, 0, 0xfb]
const SCTP = 132
const route: Route6 = { source: GUEST6, destination: REMOTE6 }

/** What the stack does with frames. */
function ask(...frames: Uint8Array[]) {
  const net = new SimulatedStack(new Random(1), { ipv6: IPV6, maxFlows: 8 })
  const answers: Uint8Array[] = []
  net.kernel.onFrame = (frame) => answers.push(frame)
  net.receive(...frames)
  return { net, answers, kernel: net.kernel, drops: net.stack.input.drops }
}

const kinds = (r: Route6): Uint8Array[] => [
  udp6Frame(r, 1000, 2000, NONE),
  tcp6Frame(r, [1000, 2000], 1, 0, SYN, NONE),
  icmp6Frame(r, icmp.ECHO, 0, 7 << 16, NONE),
]

/** Nothing is answered, nor opened. */
function assertIgnored(frame: Uint8Array, why: string): void {
  const { answers, kernel } = ask(frame)
  assert.deepEqual([answers.length, kernel.inUse], [0, 0], why)
}

function checkError(answer: Uint8Array, about: Uint8Array, source: Words, type: number, code: number, word = 0): void {
  const error = readIcmp6(answer)
  assert.deepEqual([error.source, error.type, error.code, error.word], [source, type, code, word])
  assert.deepEqual(error.body, about.slice(IP_AT, IP_AT + icmp.QUOTE_LIMIT))
}

test('what is for the world beyond goes there, one hop less', () => {
  const { kernel, answers } = ask(...kinds(route))
  assert.equal(answers.length, 0)
  assert.deepEqual([kernel.tcp[0]!.words, kernel.tcp[0]!.port, kernel.tcp[0]!.hops], [REMOTE6, 2000, 63])
  assert.deepEqual(
    kernel.datagrams.map((d) => [d.family, d.sent[0]!.words, d.sent[0]!.header.ttl]),
    [
      [6, REMOTE6, 63],
      [6, REMOTE6, 63],
    ],
  )
})

test('without IPv6 on the link nothing is', () => {
  const net = new SimulatedStack(new Random(1))
  net.kernel.onFrame = () => assert.fail('answered')
  net.receive(...kinds(route))
  assert.deepEqual([net.kernel.inUse, net.stack.input.drops.etherType], [0, 3])
})

test('no packet comes from several hosts, the loopback, an IPv4 address in disguise, or us', () => {
  for (const source of [ALL_NODES, GROUP, LOOPBACK, MAPPED, GATEWAY6, DNS6, ROUTER6, NETWORK6])
    for (const destination of [REMOTE6, NOBODY, GATEWAY6])
      for (const frame of kinds({ source, destination })) assertIgnored(frame, `from ${source} to ${destination}`)
})

test('who has no address yet is heard by its link, and only as far as ICMPv6 goes (RFC 4291, 2.5.2)', () => {
  for (const destination of [REMOTE6, GATEWAY6, GROUP, ALL_NODES])
    for (const frame of kinds({ source: UNSPECIFIED, destination })) assertIgnored(frame, `to ${destination}`)
})

test('nor goes one to nobody, the loopback, in disguise, or to a group of no link (RFC 4291, 2.7)', () => {
  const scope = (n: number): Words => [0xff000000 | (n << 16) | 0, 0, 0, 0xfb]
  for (const destination of [UNSPECIFIED, LOOPBACK, MAPPED, scope(0), scope(1), scope(0x11)])
    for (const frame of kinds({ source: GUEST6, destination })) assertIgnored(frame, `to ${destination}`)
})

test('a datagram to a group goes out as it is; a SYN or an echo request does not', () => {
  const { kernel, answers } = ask(...kinds({ source: LINK_LOCAL, destination: GROUP, hops: 1 }))
  assert.deepEqual([answers.length, kernel.tcp.length, kernel.datagrams.length], [0, 0, 1])
  const { words, port, header } = kernel.datagrams[0]!.sent[0]!
  assert.deepEqual([words, port, header.ttl], [GROUP, 2000, 1])
})

test('what came to many stations and is for one host is nobody’s', () => {
  for (const to of [BROADCAST_MAC, [0x3333, 1]] as Mac[])
    for (const destination of [REMOTE6, NOBODY, GATEWAY6])
      for (const frame of kinds({ source: GUEST6, destination, to })) assertIgnored(frame, `to ${to}`)
})

test('what a bridge floods is for another station, and not ours to answer', () => {
  for (const destination of [NOBODY, REMOTE6])
    for (const frame of kinds({ source: GUEST6, destination, to: [0x0200, 0x99] })) assertIgnored(frame, `to ${destination}`)
})

test('a packet to the world beyond that has no hop left ends here, and its sender is told', () => {
  for (const hops of [0, 1]) {
    for (const frame of kinds({ ...route, hops })) {
      const { answers, kernel } = ask(frame)
      assert.deepEqual([answers.length, kernel.inUse], [1, 0])
      checkError(answers[0]!, frame, GATEWAY6, icmp.TIME_EXCEEDED, icmp.HOP_LIMIT_EXCEEDED)
    }
  }
  // To us there is no hop.
  assert.equal(ask(...kinds({ source: GUEST6, destination: GATEWAY6, hops: 1 })).kernel.tcp.length, 1)
})

test('of fragments without a hop the first is answered', () => {
  const piece = (offset: number, more: 0 | 1): Uint8Array =>
    packetFrame({ ...route, hops: 1, extensions: [fragment(offset, more)] }, 17, new Uint8Array(16))
  const first = piece(0, 1)
  checkError(ask(first).answers[0]!, first, GATEWAY6, icmp.TIME_EXCEEDED, icmp.HOP_LIMIT_EXCEEDED)
  for (const later of [piece(16, 1), piece(16, 0)]) assertIgnored(later, 'a later fragment')
})

test('a link-local address stays on its link (RFC 4007, 9; RFC 4443, 3.1)', () => {
  for (const hops of [1, 64]) {
    for (const frame of kinds({ source: LINK_LOCAL, destination: REMOTE6, hops })) {
      const { answers, kernel } = ask(frame)
      assert.equal(kernel.inUse, 0)
      checkError(answers[0]!, frame, ROUTER6, icmp.UNREACHABLE, icmp.BEYOND_SCOPE)
    }
  }
  assert.equal(ask(...kinds({ source: LINK_LOCAL, destination: GATEWAY6 })).kernel.tcp.length, 1)
})

test('nobody else is on the link: told at once, from an address of the sender’s scope', () => {
  const neighbor: Words = [0xfe800000 | 0, 0, 0, 0x77]
  for (const [source, destination, from] of [
    [GUEST6, NOBODY, GATEWAY6],
    [LINK_LOCAL, NOBODY, ROUTER6],
    [LINK_LOCAL, neighbor, ROUTER6],
  ] as const) {
    for (const frame of kinds({ source, destination })) {
      const { answers, kernel } = ask(frame)
      assert.equal(kernel.inUse, 0)
      checkError(answers[0]!, frame, from, icmp.UNREACHABLE, icmp.ADDRESS_UNREACHABLE)
    }
  }
})

test('an error about what was sent to an address of ours comes from that (RFC 4443, 2.2)', () => {
  for (const destination of [DNS6, ROUTER6, NETWORK6]) {
    for (const source of [GUEST6, LINK_LOCAL]) {
      const frame = udp6Frame({ source, destination }, 1000, 2000, NONE)
      checkError(ask(frame).answers[0]!, frame, destination, icmp.UNREACHABLE, icmp.NO_ROUTE)
    }
  }
})

test('a checksum that is wrong, or none at all (RFC 8200, 8.1)', () => {
  for (const frame of kinds(route)) {
    const bad = frame.slice()
    bad[bad.length - 1]! ^= 1
    assertIgnored(bad, 'wrong')
  }
  const none = udp6Frame(route, 1000, 2000, NONE)
  none.fill(0, IP_AT + 46, IP_AT + 48)
  assertIgnored(none, 'none')
})

test('extension headers are gone through, in any number that makes sense', () => {
  const extensions = [hopByHop(), destinationOptions(), routing(0), destinationOptions()]
  const { kernel, answers } = ask(...kinds({ ...route, extensions }))
  assert.deepEqual([answers.length, kernel.tcp.length, kernel.datagrams.length], [0, 1, 2])
})

test('what one of them asks for, or cannot be, is told: where, and from whom', () => {
  const tooLong = { number: 60, bytes: [0, 9, 1, 4, 0, 0, 0, 0] }
  for (const [extension, code, pointer] of [
    [destinationOptions([0x9e, 4, 0, 0, 0, 0]), icmp.UNRECOGNIZED_OPTION, 42],
    [destinationOptions([0xde, 4, 0, 0, 0, 0]), icmp.UNRECOGNIZED_OPTION, 42],
    [routing(1), icmp.ERRONEOUS_HEADER, 42],
    [tooLong, icmp.ERRONEOUS_HEADER, 41],
  ] as const) {
    const frame = udp6Frame({ ...route, extensions: [extension] }, 1000, 2000, NONE)
    const { answers, kernel, drops } = ask(frame)
    assert.deepEqual([kernel.inUse, drops.ipv6Extension], [0, 1])
    checkError(answers[0]!, frame, GATEWAY6, icmp.PARAMETER_PROBLEM, code, pointer)
  }
  assertIgnored(udp6Frame({ ...route, extensions: [destinationOptions([0x5e, 4, 0, 0, 0, 0])] }, 1000, 2000, NONE), 'discard')
})

test('an option that wants to be told of is, even to a group; nothing else about that is (RFC 4443, 2.4 (e.3))', () => {
  const to = (extensions: Route6['extensions']): Route6 => ({ source: GUEST6, destination: ALL_NODES, extensions: extensions! })
  const asks = udp6Frame(to([destinationOptions([0x9e, 4, 0, 0, 0, 0])]), 1000, 2000, NONE)
  checkError(ask(asks).answers[0]!, asks, GATEWAY6, icmp.PARAMETER_PROBLEM, icmp.UNRECOGNIZED_OPTION, 42)
  assertIgnored(udp6Frame(to([destinationOptions([0xde, 4, 0, 0, 0, 0])]), 1000, 2000, NONE), 'only if it is one host')
  assertIgnored(packetFrame(to([]), SCTP, new Uint8Array(8)), 'a protocol')
})

test('a protocol that is not there is a parameter problem, at the field that names it', () => {
  const extensions = [hopByHop(), destinationOptions()]
  for (const protocol of [SCTP, 1, 2, 47, 50, 51, 250]) {
    const frame = packetFrame(route, protocol, new Uint8Array(8))
    checkError(ask(frame).answers[0]!, frame, GATEWAY6, icmp.PARAMETER_PROBLEM, icmp.UNRECOGNIZED_NEXT_HEADER, 6)
    const behind = packetFrame({ ...route, extensions }, protocol, new Uint8Array(8))
    checkError(ask(behind).answers[0]!, behind, GATEWAY6, icmp.PARAMETER_PROBLEM, icmp.UNRECOGNIZED_NEXT_HEADER, 48)
  }
  assertIgnored(packetFrame(route, 59, new Uint8Array(8)), 'no next header')
})

test('no error about another error, or a redirect, behind whatever headers (RFC 4443, 2.4 (e.1), (e.2))', () => {
  const bad = destinationOptions([0x9e, 4, 0, 0, 0, 0])
  for (const type of [1, 2, 3, 4, 100, 127, icmp.REDIRECT]) {
    for (const extensions of [[], [destinationOptions()], [hopByHop(), routing(0)], [bad], [fragment(0, 1), destinationOptions()]]) {
      for (const r of [{ hops: 1 }, { destination: NOBODY }, { source: LINK_LOCAL }]) {
        const frame = icmp6Frame({ ...route, ...r, extensions }, type, 0, 0, new Uint8Array(48))
        assertIgnored(frame, `type ${type}, ${JSON.stringify(extensions)}`)
      }
    }
  }
  // What is no error is told about there.
  const reply = icmp6Frame({ ...route, hops: 1 }, icmp.ECHO_REPLY, 0, 0, NONE)
  assert.equal(ask(reply).answers.length, 1)
})

test('a packet as long as no field says is cut to what its length says; a shorter one is none', () => {
  const frame = udp6Frame(route, 1000, 2000, new Uint8Array(10))
  const longer = new Uint8Array(frame.length + 20)
  longer.set(frame)
  assert.equal(ask(longer).kernel.datagrams[0]!.sent[0]!.bytes.length, 10)
  for (let length = IP_AT; length < frame.length; length++) assertIgnored(frame.slice(0, length), `${length} bytes`)
})

test('a segment of no connection is reset from where it was sent to', () => {
  const { answers } = ask(tcp6Frame(route, [1000, 2000], 1, 99, ACK, NONE))
  assert.equal(answers.length, 1)
  assert.deepEqual([...answers[0]!.slice(IP_AT + 8, IP_AT + 24)], [...packetFrame(route, 6, NONE).slice(IP_AT + 24, IP_AT + 40)])
})

test('all nodes and all routers of the link answer an echo request (RFC 4443, 4.2)', () => {
  for (const [source, destination, from] of [
    [LINK_LOCAL, ALL_NODES, ROUTER6],
    [LINK_LOCAL, ALL_ROUTERS, ROUTER6],
    [GUEST6, ALL_NODES, GATEWAY6],
    [GUEST6, GATEWAY6, GATEWAY6],
    [GUEST6, DNS6, DNS6],
    [LINK_LOCAL, ROUTER6, ROUTER6],
    [GUEST6, NETWORK6, NETWORK6],
  ] as const) {
    const { answers } = ask(icmp6Frame({ source, destination }, icmp.ECHO, 0, (5 << 16) | 6, Uint8Array.from([1, 2, 3])))
    const reply = readIcmp6(answers[0]!)
    assert.deepEqual([reply.type, reply.source, reply.destination, reply.word], [icmp.ECHO_REPLY, from, source, (5 << 16) | 6])
    assert.deepEqual([...reply.body], [1, 2, 3])
  }
})
