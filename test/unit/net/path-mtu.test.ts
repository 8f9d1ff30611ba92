// A link in the guest that takes less than ours (RFC 8201): datagrams of IPv6 over it are cut here, for no router does it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PATHS, PathMtus } from '../../../src/net/path-mtu.js'
import type { Words } from '../../../src/wire/address.js'
import * as icmp from '../../../src/wire/icmpv6.js'
import { join6 } from '../../support/fragments6.js'
import { IP_AT } from '../../support/frames.js'
import { icmp6Frame, packetFrame, REMOTE6, udp6Frame } from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { GATEWAY6, GUEST6, IPV6, SimulatedStack } from '../../support/simulated-stack.js'

const OTHER_GUEST: Words = [0xfd000000 | 0, 0, 0, 0x101]
const ROUTER: Words = [0xfd000000 | 0, 0, 0, 0x200]
const TEN_MINUTES = 600_000

function stack() {
  const net = new SimulatedStack(new Random(1), { ipv6: IPV6 })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  for (const source of [GUEST6, OTHER_GUEST]) net.receive(udp6Frame({ source, destination: REMOTE6 }, 1000, 2000, new Uint8Array(1)))
  /** Lengths of the packets that a datagram, or a train of such, goes to a guest in. */
  const deliver = (guest: number, length: number, segment = 0): number[] => {
    net.kernel.datagrams[guest]!.delivers(new Uint8Array(length), REMOTE6, 2000, 64, 0, segment)
    net.kernel.run()
    return frames.splice(0).map((frame) => frame.length - IP_AT)
  }
  /** A router tells about a packet of ours to the first guest. */
  const tell = (mtu: number, quote = udp6Frame({ source: REMOTE6, destination: GUEST6 }, 2000, 1000, new Uint8Array(1400))): void =>
    net.receive(icmp6Frame({ source: ROUTER, destination: REMOTE6 }, icmp.PACKET_TOO_BIG, 0, mtu, quote.slice(IP_AT, IP_AT + 1200)))
  return { net, frames, deliver, tell }
}

test('what is too big for a link behind the guest comes in fragments from then on, there and nowhere else', () => {
  const { deliver, tell } = stack()
  assert.deepEqual(deliver(0, 1452), [1500])
  tell(1400)
  assert.deepEqual(deliver(0, 1352), [1400])
  assert.deepEqual(deliver(0, 1353), [1392 + 8, 64 + 1 - 8])
  assert.deepEqual(deliver(1, 1452), [1500])
  // Of a train each datagram that is too long.
  assert.deepEqual(deliver(0, 2400, 1200), [48 + 2400])
  assert.deepEqual(deliver(0, 2800, 1400), [1400, 104, 1400, 104])
})

test('the pieces make the datagram', () => {
  const { net, frames, tell } = stack()
  tell(1280)
  const text = new Uint8Array(5000).map((_, i) => i)
  net.kernel.datagrams[0]!.delivers(text, REMOTE6, 2000)
  net.kernel.run()
  for (const frame of frames) assert.ok(frame.length - IP_AT <= 1280)
  assert.deepEqual(join6(frames).slice(8), text)
})

test('echo replies, too', () => {
  const { net, frames, tell } = stack()
  tell(1300)
  net.receive(icmp6Frame({ source: GUEST6, destination: GATEWAY6 }, icmp.ECHO, 0, 1, new Uint8Array(1400)))
  assert.equal(frames.length, 2)
})

test('no path has less than 1280 bytes, and none more than the link (RFC 8201, 4)', () => {
  for (const [mtu, most] of [
    [1279, 1280],
    [0, 1280],
    [1500, 1500],
    [9000, 1500],
    [-1, 1500],
  ] as const) {
    const { deliver, tell } = stack()
    tell(mtu)
    assert.equal(Math.max(...deliver(0, 1452)), most, `${mtu}`)
  }
})

test('a lower one is believed, a higher one only when the first is forgotten, after ten minutes (5.3)', () => {
  const { net, frames, tell } = stack()
  tell(1400)
  tell(1300)
  tell(1450)
  // Flows end sooner than that: who asks is answered without any.
  const longest = (): number => {
    net.receive(icmp6Frame({ source: GUEST6, destination: GATEWAY6 }, icmp.ECHO, 0, 1, new Uint8Array(1452)))
    return Math.max(...frames.splice(0).map((frame) => frame.length - IP_AT))
  }
  assert.equal(longest(), 1296)
  net.wait(TEN_MINUTES - 1)
  assert.equal(longest(), 1296)
  net.wait(1)
  assert.equal(longest(), 1500)
})

test('an error about a fragment counts; one about TCP, or that quotes too little, is nothing to datagrams', () => {
  const ends = { source: REMOTE6, destination: GUEST6 }
  for (const [quote, isHeard] of [
    [packetFrame(ends, 44, new Uint8Array(100)), true],
    [packetFrame(ends, 6, new Uint8Array(100)), false],
    [packetFrame(ends, 17, new Uint8Array(7)), false],
  ] as const) {
    const { deliver, tell } = stack()
    tell(1300, quote)
    assert.equal(deliver(0, 1452).length, isHeard ? 2 : 1)
  }
})

test('paths without end take the places of those that would be forgotten first', () => {
  const paths = new PathMtus()
  const address = (i: number): Int32Array => Int32Array.from([1, 2, 3, i])
  for (let i = 0; i < 1000; i++) paths.lower(address(i), 0, 1300, i)
  for (let i = 0; i < 1000; i++) assert.equal(paths.of(address(i), 0, 1500), i < 1000 - PATHS ? 1500 : 1300, `${i}`)
  assert.equal(paths.expire(999 + TEN_MINUTES - 1), 1)
  assert.equal(paths.expire(999 + TEN_MINUTES), -1)
  assert.equal(paths.of(address(999), 0, 1500), 1500)
})
