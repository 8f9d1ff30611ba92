// Frames of every kind, bent in every way, into the whole stack: it never throws, reads nothing outside the frame, and sends nothing
// that is not well-formed or that nobody should be sent.
//
// Each frame goes into two stacks that are alike. In one it lies at the very end of the arena, where reading on throws; in the other it
// lies amid junk. Whatever they send, open and count must be the same: it depends on the frame alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as ethernet from '../../src/wire/ethernet.js'
import * as icmp from '../../src/wire/icmpv4.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import * as tcp from '../../src/wire/tcp.js'
import * as udp from '../../src/wire/udp.js'
import * as virtio from '../../src/wire/virtio-net.js'
import { BROADCAST, inPieces, lie, mend, REMOTE, wellFormed } from '../support/bent-frames.js'
import { ends } from '../support/ends.js'
import { ETHERNET_AT, IP_AT, TRANSPORT_AT } from '../support/frames.js'
import { forEachSeed, Random } from '../support/random.js'
import { DNS, GATEWAY, GUEST, NETWORK, SimulatedStack } from '../support/simulated-stack.js'

const RUNS = 200
const FRAMES = 300
const MTU = 1500
const SPARE = 140_000
/** Junk on either side of the frame. */
const CANARY = 256
const GROUP_BIT = 0x0100

/** One stack, and what has come out of it. */
class Side {
  readonly net: SimulatedStack
  readonly frames: Uint8Array[] = []
  readonly #junk: number

  constructor(seed: number, junk: number) {
    // Alike, down to the secrets.
    this.net = new SimulatedStack(new Random(seed), { mtu: MTU, maxFlows: 6, spare: SPARE })
    this.#junk = junk
    this.net.kernel.onFrame = (frame) => this.frames.push(frame)
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.net.kernel.arena)
  }

  atEnd(frame: Uint8Array): void {
    const at = this.bytes.length - frame.length
    this.bytes.set(frame, at)
    this.net.receiveAt(at, frame.length)
  }

  amidJunk(frame: Uint8Array): void {
    const at = this.bytes.length - SPARE + CANARY
    const all = this.bytes.subarray(at - CANARY, at + frame.length + CANARY)
    all.fill(this.#junk)
    this.bytes.set(frame, at)
    this.net.receiveAt(at, frame.length)
    for (let i = 0; i < CANARY; i++) assert.ok(all[i] === this.#junk && all[all.length - 1 - i] === this.#junk, 'written outside the frame')
    assert.deepEqual(all.subarray(CANARY, CANARY + frame.length), frame, 'the frame was written to')
  }

  /** What the host has seen of it. */
  get outside(): unknown {
    const { kernel, stack } = this.net
    return [
      kernel.tcp.map((s) => [
        s.address,
        s.port,
        s.sentLength,
        s.isClosed,
        s.wasReset,
        s.isShut,
        ...s.sent.map((b) => Buffer.from(b).toString('hex')),
      ]),
      kernel.datagrams.map((d) => d.sent.map((s) => [Buffer.from(s.bytes).toString('hex'), s.segment, s.address, s.port])),
      stack.table.inUse,
      { ...stack.input.drops },
    ]
  }
}

/** A frame of the stack: well-formed, and for one host. */
function checkSent(frame: Uint8Array): void {
  const view = new DataView(frame.buffer)
  assert.equal(ethernet.dstHigh(view, ETHERNET_AT) & GROUP_BIT, 0, 'sent to a group of stations')
  const type = ethernet.etherType(view, ETHERNET_AT)
  if (type === ETHERTYPE_ARP) return
  assert.equal(type, ETHERTYPE_IPV4)
  assert.ok(ipv4.isValid(view, IP_AT, frame.length - IP_AT) && ipv4.checksumIsRight(view, IP_AT), 'a bad IPv4 header')
  assert.equal(ipv4.totalLength(view, IP_AT), frame.length - IP_AT)
  const target = ipv4.destination(view, IP_AT)
  const source = ipv4.source(view, IP_AT)
  for (const address of [source, target])
    assert.ok(address >>> 28 < 0xe && address !== BROADCAST && address !== NETWORK, 'sent to or as several hosts')
  assert.ok(target >>> 24 !== 127 && target >>> 24 !== 0 && target !== GATEWAY && target !== DNS, 'sent to what is no host of the guest')
  if (virtio.gsoType(view, 0) === virtio.GSO_NONE) assert.ok(frame.length - IP_AT <= MTU)
  if (ipv4.isFragment(view, IP_AT)) return
  const length = frame.length - TRANSPORT_AT
  switch (ipv4.protocol(view, IP_AT)) {
    case PROTOCOL_TCP:
      assert.ok(tcp.isValid(view, TRANSPORT_AT, length))
      return
    case PROTOCOL_UDP:
      assert.ok(udp.length(view, TRANSPORT_AT) === length && udp.checksumIsRight4(view, TRANSPORT_AT, source, target))
      return
    case PROTOCOL_ICMP:
      assert.ok(icmp.checksumIsRight(view, TRANSPORT_AT, length))
      if (icmp.isError(view, TRANSPORT_AT)) assert.ok(length <= icmp.HEADER_LENGTH + icmp.QUOTE_LIMIT, 'quotes too much')
      return
    default:
      assert.fail(`protocol ${ipv4.protocol(view, IP_AT)}`)
  }
}

/** An IPv4 datagram that is not meant for one host, or did not come so. */
function isForSeveral(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer)
  if (frame.length < TRANSPORT_AT || ethernet.etherType(view, ETHERNET_AT) !== ETHERTYPE_IPV4) return false
  const target = ipv4.destination(view, IP_AT)
  const isGroup = target >>> 28 >= 0xe || target === BROADCAST || target === NETWORK
  return isGroup || (ethernet.dstHigh(view, ETHERNET_AT) & GROUP_BIT) !== 0
}

/** Something happens on the host, on both sides alike. */
function hostEvent(sides: readonly Side[], random: Random): void {
  const what = random.below(8)
  const which = random.below(1000)
  const length = random.pick([0, 1, 100, 1472, 1473, 5000, 65_507])
  const from = random.pick([REMOTE, 0x7f000001, 0x08080808])
  const wait = random.pick([1, 10, 1000, 70_000])
  for (const { net } of sides) {
    const { kernel } = net
    const socket = kernel.tcp.filter((s) => !s.isClosed)[which % Math.max(1, kernel.tcp.filter((s) => !s.isClosed).length)]
    const datagram = kernel.datagrams[which % Math.max(1, kernel.datagrams.length)]
    if (what < 3 && socket?.isConnected === false) socket.accepts()
    else if (what === 3 && socket) socket.fails([111, 113, 110, 104][which % 4]!)
    else if (what === 4 && socket?.isConnected && socket.incoming.length === 0) {
      socket.incoming = new Uint8Array(length).fill(7)
      socket.delivers(length)
    } else if (what === 5 && socket?.isConnected) socket.ends()
    else if (what === 6 && datagram) datagram.delivers(new Uint8Array(length).fill(9), from, 53)
    else if (what === 7) net.wait(wait)
    kernel.run()
  }
}

test('any frame, with junk behind it or nothing at all', () => {
  forEachSeed('frames.test', RUNS, (random, seed) => {
    const end = new Side(seed, 0)
    const junk = new Side(seed, random.pick([0xa5, 0x00, 0xff, 0x45]))
    const sides = [end, junk]
    const seqOf = (port: number): [number, number] => {
      // Near what the connection expects, when there is one.
      const row = end.net.stack.table.find(1, ends(GUEST, REMOTE), 0, (port << 16) | 80)
      if (row === 0) return [random.int32(), random.int32()]
      const c = end.net.stack.tcp.connection(row)
      return [(c.rcvNxt + random.pick([0, 0, 0, 1, -1, 3000])) | 0, (c.sndMax + random.pick([0, 0, 0, -1, 1])) | 0]
    }
    const receive = (frame: Uint8Array): void => {
      end.atEnd(frame)
      junk.amidJunk(frame)
      if (isForSeveral(frame)) assert.equal(end.frames.length, 0, 'what was sent to several hosts was answered')
      compare()
    }
    /** What has come out of both. */
    const compare = (): void => {
      for (const sent of end.frames) checkSent(sent)
      assert.equal(junk.frames.length, end.frames.length, 'junk behind the frame changed what was sent')
      for (let n = 0; n < end.frames.length; n++)
        assert.ok(Buffer.compare(end.frames[n]!, junk.frames[n]!) === 0, 'junk behind the frame was sent')
      end.frames.length = junk.frames.length = 0
    }
    for (let i = 0; i < FRAMES; i++) {
      let frame = wellFormed(random, seqOf)
      if (random.chance(50)) frame = lie(random, frame)
      if (random.chance(80)) mend(frame)
      if (random.chance(20) && frame.length >= virtio.HEADER_LENGTH) {
        const size = random.pick([0, 1, 1448, 65_535, random.below(65_536)])
        virtio.write(
          new DataView(frame.buffer),
          0,
          random.below(4),
          random.pick([0, 1, 3, 4, 5, 0x81, random.below(256)]),
          random.below(65_536),
          size,
          random.below(65_536),
          random.below(65_536),
        )
      }
      for (const one of random.chance(15) ? inPieces(random, frame) : [frame]) receive(one)
      if (random.chance(30)) hostEvent(sides, random)
      compare()
    }
    assert.deepEqual(junk.outside, end.outside)
    for (const { net } of sides) {
      net.stack.close()
      net.assertEmpty()
    }
  })
})
