// What the host has sent reaches the guest as soon as it is there, and no call only hears that there is no more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACK, FIN, SYN } from '../../../src/wire/tcp.js'
import type { FakeTcp } from '../../support/fake-tcp.js'
import { type Endpoints, guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const ENDS: Endpoints = { guest: GUEST, remote: 0xc0000207 | 0, guestPort: 1000, remotePort: 80 }
const NONE = new Uint8Array()
/** Of a guest whose SYN names none, bytes (RFC 9293, 3.7.1). */
const MSS = 536
/** Text of the host: bytes that differ from their neighbours. */
const TEXT = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)

class Guest {
  readonly net = new SimulatedStack(new Random(1))
  readonly segments: ReceivedSegment[] = []
  /** The first number of the host's text. */
  readonly first: number
  readonly socket: FakeTcp

  constructor() {
    this.net.kernel.onFrame = (frame) => this.segments.push(parse(frame))
    this.sends({ flags: SYN })
    this.socket = this.net.kernel.tcp.at(-1)!
    this.socket.incoming = TEXT
    this.socket.accepts()
    this.net.kernel.run()
    this.first = (this.segments.at(-1)!.seq + 1) | 0
    this.acknowledges(0)
    this.segments.length = 0
  }

  sends(s: Partial<TcpFields>): void {
    this.net.receive(guestFrame(ENDS, { seq: 0, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s }))
  }
  acknowledges(length: number): void {
    this.sends({ seq: 1, ack: (this.first + length) | 0 })
  }

  /** All that was sent, in its place. */
  get text(): Uint8Array {
    const all = new Uint8Array(TEXT.length)
    let end = 0
    for (const s of this.segments) {
      const at = (s.seq - this.first) | 0
      all.set(s.text, at)
      end = Math.max(end, at + s.text.length)
    }
    return all.subarray(0, end)
  }
  /** Which segments had text, and which our FIN. */
  get shape(): string[] {
    return this.segments.map((s) => `${s.text.length > 0 ? s.text.length : ''}${(s.flags & FIN) !== 0 ? 'F' : ''}`)
  }

  close(): void {
    this.net.stack.close()
    this.net.assertEmpty()
  }
}

test('text in pieces, each as it comes', () => {
  const g = new Guest()
  for (const length of [1, 2, 1000, 1]) {
    g.socket.delivers(length)
    g.net.kernel.run()
  }
  assert.deepEqual([g.shape, g.socket.vainPeeks], [['1', '2', '1000', '1'], 0])
  assert.deepEqual(g.text, TEXT.subarray(0, 1004))
  g.close()
})

test('the end with the last text leaves with it', () => {
  const g = new Guest()
  g.socket.delivers(100)
  g.socket.ends()
  g.net.kernel.run()
  assert.deepEqual(g.shape, ['100F'])
  g.acknowledges(101)
  assert.equal(g.socket.front, 100)
  g.close()
})

test('the end that comes later leaves by itself', () => {
  const g = new Guest()
  g.socket.delivers(100)
  g.net.kernel.run()
  g.socket.ends()
  g.net.kernel.run()
  assert.deepEqual(g.shape, ['100', 'F'])
  g.close()
})

test('text and the end are sent again after a timeout', () => {
  const g = new Guest()
  g.socket.delivers(100)
  g.socket.ends()
  g.net.kernel.run()
  g.net.wait(5000)
  assert.ok(g.segments.length > 1)
  assert.ok(g.segments.slice(1).some((s) => s.text.length === 100 && (s.flags & FIN) !== 0))
  assert.deepEqual(g.text, TEXT.subarray(0, 100))
  g.close()
})

test('text behind an urgent mark is read on, whatever came together', () => {
  for (const mark of [0, 1, 50, 99]) {
    const g = new Guest()
    g.socket.mark = mark
    g.socket.delivers(100)
    g.net.kernel.run()
    assert.deepEqual(g.text, TEXT.subarray(0, 100), `urgent at ${mark}`)
    g.socket.delivers(10)
    g.socket.ends()
    g.net.kernel.run()
    assert.deepEqual(g.text, TEXT.subarray(0, 110))
    assert.equal(g.segments.at(-1)!.flags & FIN, FIN)
    g.close()
  }
})

test('a mark that comes while a turn is under way is read on from with the next event', () => {
  const g = new Guest()
  g.socket.delivers(10)
  g.net.kernel.run()
  g.socket.mark = 15
  g.socket.delivers(20)
  g.net.kernel.run()
  assert.deepEqual(g.text, TEXT.subarray(0, 30))
  g.close()
})

test('what the window of the guest has kept back is read when it opens', () => {
  const g = new Guest()
  g.sends({ seq: 1, ack: g.first, window: 600 })
  g.socket.delivers(1000)
  g.net.kernel.run()
  assert.equal(g.text.length, MSS)
  g.sends({ seq: 1, ack: (g.first + MSS) | 0, window: 5000 })
  assert.deepEqual(g.text, TEXT.subarray(0, 1000))
  g.socket.delivers(500)
  g.net.kernel.run()
  assert.deepEqual(g.text, TEXT.subarray(0, 1500))
  g.close()
})
