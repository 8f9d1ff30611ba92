// Who is answered, and who never is (RFC 1122, 3.2.2 and 3.3.6; RFC 9293, 3.9.2.3; RFC 1812, 3.3.2).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import { ACK, SYN } from '../../../src/wire/tcp.js'
import { arpFrame, BROADCAST_MAC, GUEST_MAC, icmpFrame, type Mac, type Route, tcpFrame, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { DNS, GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const NONE = new Uint8Array()
const NOBODY = 0x0a00024d
const MULTICAST = 0xe0000001 | 0
const GROUP_MAC: Mac = [0x0100, 0x5e000001]

/** How many frames the stack answers with. */
function answers(frame: Uint8Array): number {
  const net = new SimulatedStack(new Random(1))
  let count = 0
  net.kernel.onFrame = () => count++
  net.receive(frame)
  assert.equal(net.kernel.inUse, 0, 'something was opened')
  return count
}

const to = (destination: number, mac?: Mac): Route => ({ source: GUEST, destination, ...(mac ? { to: mac } : {}) })
/** A question of each kind that is answered: an error, a reset, an echo. */
const questions = (r: Route): Uint8Array[] => [
  udpFrame(r, 1000, 2000, NONE),
  tcpFrame(r, [1000, 2000], 1, 1, ACK, NONE),
  icmpFrame(r, icmp.ECHO, 0, 1, NONE),
]

test('what is sent to one host is answered, by an error at the least', () => {
  for (const frame of questions(to(NOBODY))) assert.equal(answers(frame), 1)
  assert.equal(answers(tcpFrame(to(NOBODY), [1000, 2000], 1, 0, SYN, NONE)), 1)
  assert.equal(answers(icmpFrame(to(GATEWAY), icmp.ECHO, 0, 1, NONE)), 1)
  assert.equal(answers(arpFrame(GUEST_MAC, GUEST, GATEWAY)), 1)
  assert.equal(answers(arpFrame(GUEST_MAC, GUEST, DNS)), 1)
})

test('what is sent to several hosts is not', () => {
  for (const destination of [MULTICAST, -1, 0x0a0002ff, 0x0a000200]) {
    const [datagram, ...others] = questions(to(destination, BROADCAST_MAC))
    // Who answers a datagram to many is on the host's network.
    if (destination >>> 24 === 0x0a) assert.equal(answers(datagram!), 0)
    for (const frame of others) assert.equal(answers(frame), 0)
    assert.equal(answers(tcpFrame(to(destination, BROADCAST_MAC), [1000, 2000], 1, 0, SYN, NONE)), 0)
  }
})

test('a datagram to many goes out as it is, but for one that asks for an address', () => {
  for (const destination of [MULTICAST, -1]) {
    const net = new SimulatedStack(new Random(1))
    net.receive(udpFrame(to(destination, BROADCAST_MAC), 1000, 1900, NONE), udpFrame(to(destination, BROADCAST_MAC), 1000, 67, NONE))
    const sent = net.kernel.datagrams.flatMap((socket) => socket.sent)
    assert.deepEqual(
      sent.map(({ address, port }) => [address, port]),
      destination === -1
        ? [[-1, 1900]]
        : [
            [destination, 1900],
            [destination, 67],
          ],
    )
  }
})

test('what came as a broadcast of the link is not answered', () => {
  for (const mac of [BROADCAST_MAC, GROUP_MAC]) for (const frame of questions(to(NOBODY, mac))) assert.equal(answers(frame), 0)
})

test('nor whoever claims to be several hosts, this network, the loopback, or us', () => {
  for (const source of [MULTICAST, -1, 0x0a0002ff, 0x0a000200, 0, 0x7f000001, GATEWAY, DNS]) {
    for (const frame of questions({ source, destination: NOBODY })) assert.equal(answers(frame), 0)
  }
  for (const from of [BROADCAST_MAC, GROUP_MAC]) {
    for (const frame of questions({ source: GUEST, destination: NOBODY, from })) assert.equal(answers(frame), 0)
    assert.equal(answers(arpFrame(from, GUEST, GATEWAY)), 0)
  }
})

test('an error is never answered, nor anything but an echo request', () => {
  for (const type of [icmp.ECHO_REPLY, icmp.UNREACHABLE, 4, icmp.REDIRECT, icmp.TIME_EXCEEDED, icmp.PARAMETER_PROBLEM, 13, 17]) {
    assert.equal(answers(icmpFrame(to(GATEWAY), type, 0, 0, new Uint8Array(28))), 0)
    assert.equal(answers(icmpFrame(to(NOBODY), type, 0, 0, new Uint8Array(28))), 0)
  }
})
