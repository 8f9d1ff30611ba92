// Frames of every kind, bent in every way, into the whole stack: it never throws, reads nothing outside the frame, and sends nothing
// that is not well-formed or that nobody should be sent.
//
// Each frame goes into two stacks that are alike. In one it lies at the very end of the arena, where reading on throws; in the other it
// lies amid junk. Whatever they send, open and count must be the same: it depends on the frame alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dhcpv6Server } from '../../src/service/dhcpv6-server.js'
import * as virtio from '../../src/wire/virtio-net.js'
import { inPieces, lie, mend, REMOTE, wellFormed } from '../support/bent-frames.js'
import { inPieces6, lie6, mend6, wellFormed6 } from '../support/bent-frames6.js'
import { ends, ends6 } from '../support/ends.js'
import type { FakeAddress } from '../support/fake-descriptor.js'
import { REMOTE6 } from '../support/frames6.js'
import { forEachSeed, Random } from '../support/random.js'
import { checkSent, isForAll, isForSeveral } from '../support/sent-frames.js'
import { DNS6, GUEST, GUEST6, IPV6, ROUTER6, SimulatedStack } from '../support/simulated-stack.js'

const RUNS = 80
const FRAMES = 300
const MTU = 1500
const SPARE = 140_000
/** Junk on either side of the frame. */
const CANARY = 256

/** One stack, and what has come out of it. */
class Side {
  readonly net: SimulatedStack
  readonly frames: Uint8Array[] = []
  readonly #junk: number

  constructor(seed: number, junk: number) {
    // Alike, down to the secrets.
    this.net = new SimulatedStack(new Random(seed), { mtu: MTU, maxFlows: 6, spare: SPARE, ipv6: IPV6 })
    this.#junk = junk
    const { stack } = this.net
    stack.serveDhcpv6(new Dhcpv6Server(stack.udp, { dns: Int32Array.from(DNS6), search: () => ['lan'] }))
    this.net.serveRouter({ search: ['lan'] }, true)
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
    assert.deepEqual(all.subarray(CANARY, CANARY + frame.length), asItMayBe(frame, all, CANARY), 'the frame was written to')
  }

  /** What the host has seen of it. */
  get outside(): unknown {
    const { kernel, stack } = this.net
    return [
      kernel.tcp.map((s) => [
        s.words,
        s.port,
        s.sentLength,
        s.isClosed,
        s.wasReset,
        s.isShut,
        ...s.sent.map((b) => Buffer.from(b).toString('hex')),
      ]),
      kernel.datagrams.map((d) => d.sent.map((s) => [Buffer.from(s.bytes).toString('hex'), s.segment, s.words, s.port])),
      stack.table.inUse,
      { ...stack.input.drops },
    ]
  }
}

/** The frame, whose open checksum may have been completed where it lies now (`at` of `all`). */
function asItMayBe(frame: Uint8Array, all: Uint8Array, at: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame.length < virtio.HEADER_LENGTH || (virtio.flags(view, 0) & virtio.FLAG_NEEDS_CSUM) === 0) return frame
  const field = virtio.HEADER_LENGTH + virtio.checksumStart(view, 0) + virtio.checksumOffset(view, 0)
  const changed = frame.slice()
  if (field + 2 <= frame.length) changed.set(all.subarray(at + field, at + field + 2), field)
  return changed
}

/** Something happens on the host, on both sides alike. */
function hostEvent(sides: readonly Side[], random: Random): void {
  const what = random.below(8)
  const which = random.below(1000)
  const length = random.pick([0, 1, 100, 1472, 1473, 5000, 65_507])
  const from = random.pick<FakeAddress>([REMOTE, 0x7f000001, 0x08080808])
  const from6 = random.pick<FakeAddress>([REMOTE6, [0, 0, 0, 1], ROUTER6, [0xfe800000 | 0, 0, 0, 9]])
  const wait = random.pick([1, 10, 1000, 70_000])
  for (const { net } of sides) {
    const { kernel } = net
    const socket = kernel.tcp.filter((s) => !s.isClosed)[which % Math.max(1, kernel.tcp.filter((s) => !s.isClosed).length)]
    const datagram = kernel.datagrams[which % Math.max(1, kernel.datagrams.length)]
    if (what < 3 && socket?.isConnected === false) socket.accepts()
    else if (what === 3 && socket) socket.fails([111, 113, 110, 104][which % 4]!)
    else if (what === 4 && socket?.isConnected && socket.incoming.length === 0 && !socket.isEnded) {
      socket.incoming = new Uint8Array(length).fill(7)
      socket.delivers(length)
    } else if (what === 5 && socket?.isConnected) socket.ends()
    else if (what === 6 && datagram) datagram.delivers(new Uint8Array(length).fill(9), datagram.family === 6 ? from6 : from, 53)
    else if (what === 7) net.wait(wait)
    kernel.run()
  }
}

test('any frame, with junk behind it or nothing at all', () => {
  forEachSeed('frames.test', RUNS, (random, seed) => {
    const end = new Side(seed, 0)
    const junk = new Side(seed, random.pick([0xa5, 0x00, 0xff, 0x45]))
    const sides = [end, junk]
    let isIpv6 = false
    const seqOf = (port: number): [number, number] => {
      // Near what the connection expects, when there is one.
      const both = isIpv6 ? ends6(GUEST6, REMOTE6) : ends(GUEST, REMOTE)
      const row = end.net.stack.table.find(1, both, 0, (port << 16) | 80)
      if (row === 0) return [random.int32(), random.int32()]
      const c = end.net.stack.tcp.connection(row)
      return [(c.rcvNxt + random.pick([0, 0, 0, 1, -1, 3000])) | 0, (c.sndMax + random.pick([0, 0, 0, -1, 1])) | 0]
    }
    const receive = (frame: Uint8Array): void => {
      end.atEnd(frame)
      junk.amidJunk(frame)
      if (isForSeveral(frame)) assert.ok(end.frames.every(isForAll), 'what was sent to several hosts was answered')
      compare()
    }
    /** What has come out of both. */
    const compare = (): void => {
      for (const sent of end.frames) checkSent(sent, MTU)
      assert.equal(junk.frames.length, end.frames.length, 'junk behind the frame changed what was sent')
      for (let n = 0; n < end.frames.length; n++)
        assert.ok(Buffer.compare(end.frames[n]!, junk.frames[n]!) === 0, 'junk behind the frame was sent')
      end.frames.length = junk.frames.length = 0
    }
    for (let i = 0; i < FRAMES; i++) {
      isIpv6 = random.chance(60)
      let frame = isIpv6 ? wellFormed6(random, seqOf) : wellFormed(random, seqOf)
      if (random.chance(50)) frame = isIpv6 ? lie6(random, frame) : lie(random, frame)
      if (random.chance(80)) {
        if (isIpv6) mend6(frame)
        else mend(frame)
      }
      if (random.chance(20) && frame.length >= virtio.HEADER_LENGTH) {
        const size = random.pick([0, 1, 1448, 65_535, random.below(65_536)])
        virtio.write(
          new DataView(frame.buffer),
          0,
          random.below(4),
          random.pick([0, 1, 3, 4, 5, 0x81, random.below(256)]),
          random.below(65_536),
          size,
          // Of the transport itself, somewhere in the frame or at its end, or anywhere.
          random.pick([34, 54, random.below(frame.length + 20), frame.length - 12, random.below(65_536)]),
          random.pick([6, 16, 2, 0, random.below(100), random.below(65_536)]),
        )
      }
      const cut = isIpv6 ? inPieces6 : inPieces
      for (const one of random.chance(15) ? cut(random, frame) : [frame]) receive(one)
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
