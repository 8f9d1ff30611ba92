// Errors that we make ourselves: as the last hop (RFC 1812, 5.3.1), as a host that has not the protocol (RFC 1122, 3.2.2.1), and never too
// many of them (RFC 1812, 4.3.2.8).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS_AT_ONCE, ERRORS_PER_SECOND } from '../../../src/net/icmp-common.js'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { SYN } from '../../../src/wire/tcp.js'
import { mend } from '../../support/bent-frames.js'
import { BROADCAST_MAC, IP_AT, icmpFrame, type Route, TRANSPORT_AT, tcpFrame, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { DNS, GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const NONE = new Uint8Array()
const REMOTE = 0xc0000207 | 0
const NOBODY = 0x0a00024d
const MULTICAST = 0xe0000001 | 0
const SCTP = 132
/** Offsets in the IP header. */
const FRAGMENT = 6
const TTL = 8
const PROTOCOL = 9

const to = (destination: number): Route => ({ source: GUEST, destination })
const kinds = (r: Route): Uint8Array[] => [
  udpFrame(r, 1000, 2000, NONE),
  tcpFrame(r, [1000, 2000], 1, 0, SYN, NONE),
  icmpFrame(r, icmp.ECHO, 0, 1, NONE),
]

function bent(frame: Uint8Array, offset: number, value: number): Uint8Array {
  const view = new DataView(frame.buffer)
  if (offset === FRAGMENT) view.setUint16(IP_AT + offset, value)
  else view.setUint8(IP_AT + offset, value)
  mend(frame)
  return frame
}

/** What the stack answers with, and the kernel that it may have asked. */
function ask(...frames: Uint8Array[]) {
  const net = new SimulatedStack(new Random(1))
  const answers: Uint8Array[] = []
  net.kernel.onFrame = (frame) => answers.push(frame)
  net.receive(...frames)
  return { net, answers, kernel: net.kernel }
}

function checkError(answer: Uint8Array, about: Uint8Array, type: number, code: number): void {
  const view = new DataView(answer.buffer)
  assert.equal(ipv4.source(view, IP_AT), GATEWAY)
  assert.equal(ipv4.destination(view, IP_AT), GUEST)
  assert.deepEqual([icmp.type(view, TRANSPORT_AT), icmp.code(view, TRANSPORT_AT)], [type, code])
  assert.ok(icmp.checksumIsRight(view, TRANSPORT_AT, answer.length - TRANSPORT_AT))
  assert.deepEqual(answer.subarray(TRANSPORT_AT + icmp.HEADER_LENGTH), about.subarray(IP_AT))
}

test('a packet to the world beyond that has no hop left ends here, and its sender is told', () => {
  for (const ttl of [0, 1]) {
    for (const frame of kinds(to(REMOTE))) {
      const { answers, kernel } = ask(bent(frame, TTL, ttl))
      assert.equal(answers.length, 1)
      checkError(answers[0]!, frame, icmp.TIME_EXCEEDED, icmp.TTL_EXCEEDED)
      assert.equal(kernel.inUse, 0, 'something was opened for it')
    }
  }
})

test('one with a hop left goes on with none of ours (RFC 1812, 5.3.1)', () => {
  const { kernel } = ask(...kinds(to(REMOTE)).map((frame) => bent(frame, TTL, 2)))
  assert.deepEqual([kernel.tcp[0]!.hops, ...kernel.datagrams.map((d) => d.sent[0]!.header.ttl)], [1, 1, 1])
})

test('to us there is no hop', () => {
  const [udp, tcp] = kinds(to(GATEWAY))
  const { kernel } = ask(bent(udp!, TTL, 1), bent(tcp!, TTL, 1))
  assert.deepEqual([kernel.tcp.length, kernel.datagrams[0]!.sent[0]!.header.ttl], [1, 1])
  for (const address of [GATEWAY, DNS]) {
    const { answers } = ask(bent(icmpFrame(to(address), icmp.ECHO, 0, 1, NONE), TTL, 1))
    assert.equal(icmp.type(new DataView(answers[0]!.buffer), TRANSPORT_AT), icmp.ECHO_REPLY)
  }
})

test('nobody is told of what was for several hosts, of an error, or of a fragment that is not the first', () => {
  const silent = [
    udpFrame({ ...to(MULTICAST), to: BROADCAST_MAC }, 1000, 2000, NONE),
    icmpFrame(to(REMOTE), icmp.UNREACHABLE, 0, 0, new Uint8Array(28)),
    icmpFrame(to(REMOTE), icmp.ECHO_REPLY, 0, 0, NONE),
    bent(udpFrame(to(REMOTE), 1000, 2000, NONE), FRAGMENT, 0x2001),
  ]
  for (const frame of silent) assert.equal(ask(bent(frame, TTL, 1)).answers.length, 0)
  const first = bent(udpFrame(to(REMOTE), 1000, 2000, new Uint8Array(8)), FRAGMENT, 0x2000)
  assert.equal(ask(bent(first, TTL, 1)).answers.length, 1)
})

test('a protocol that is not there is said to be unreachable', () => {
  for (const destination of [REMOTE, GATEWAY]) {
    const frame = bent(udpFrame(to(destination), 1000, 2000, NONE), PROTOCOL, SCTP)
    const { answers } = ask(frame)
    assert.equal(answers.length, 1)
    checkError(answers[0]!, frame, icmp.UNREACHABLE, icmp.PROTOCOL_UNREACHABLE)
  }
  assert.equal(ask(bent(udpFrame(to(MULTICAST), 1000, 2000, NONE), PROTOCOL, SCTP)).answers.length, 0)
})

test('there are never too many of them', () => {
  const { net, answers } = ask()
  const flood = (count: number): number => {
    answers.length = 0
    net.receive(...Array.from({ length: count }, () => udpFrame(to(NOBODY), 1000, 2000, NONE)))
    return answers.length
  }
  assert.equal(flood(1000), ERRORS_AT_ONCE)
  assert.equal(net.stack.input.drops.errorLimit, 1000 - ERRORS_AT_ONCE)
  net.wait(100)
  assert.equal(flood(1000), ERRORS_PER_SECOND / 10)
  net.wait(60_000)
  assert.equal(flood(1000), ERRORS_AT_ONCE)
  // Answers are no errors.
  net.receive(...Array.from({ length: 2000 }, () => icmpFrame(to(GATEWAY), icmp.ECHO, 0, 1, NONE)))
  assert.equal(answers.length, ERRORS_AT_ONCE + 2000)
})
