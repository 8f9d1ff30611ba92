// A link that is bad on purpose does what it was told to, and nothing else: over numbered frames, from a seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImpairedDevice, impairedBytes } from '../../../src/link/impaired-device.js'
import { type Impairment, NO_IMPAIRMENT } from '../../../src/link/impairment.js'
import { Arena } from '../../../src/packet/arena.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_TCP } from '../../../src/wire/numbers.js'
import * as tcp from '../../../src/wire/tcp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { arpFrame, GUEST_MAC, IP_AT, TRANSPORT_AT, tcpFrame } from '../../support/frames.js'
import { ALL_NODES, icmp6Frame, LINK_LOCAL, REMOTE6, solicitationFrame } from '../../support/frames6.js'

const MTU = 1500
const ROUTE = { source: 0x0a000264, destination: 0xc0000207 | 0 }

const NEIGHBORS = { source: LINK_LOCAL, destination: ALL_NODES }

interface Departure {
  readonly number: number
  readonly at: number
  readonly bytes: Uint8Array
}

/** A link with a place for one frame in front of it: the same place for every frame, as the stack's transmit slot is. */
class Link {
  readonly device: ImpairedDevice
  readonly toGuest: Departure[] = []
  readonly toStack: Departure[] = []
  now: number
  readonly #arena = new Arena(new ArrayBuffer(impairedBytes(MTU) + (1 << 16)))
  readonly #slot = this.#arena.allot(1 << 12)

  constructor(toGuest: Partial<Impairment>, fromGuest: Partial<Impairment> = {}, seed = 1, now = 1000) {
    this.now = now
    const note = (list: Departure[]) => (at: number, length: number) => {
      const bytes = this.#arena.bytes.slice(at, at + length)
      list.push({ number: new DataView(bytes.buffer).getInt32(TRANSPORT_AT + 4), at: this.now, bytes })
      return true
    }
    const [out, back] = [
      { ...NO_IMPAIRMENT, ...toGuest },
      { ...NO_IMPAIRMENT, ...fromGuest },
    ]
    this.device = new ImpairedDevice(this.#arena, MTU, { receive: note(this.toStack) }, out, back, seed, now)
    this.device.connect({ mtu: MTU, hasOffload: true, largestDatagram: 65_535, transmit: note(this.toGuest) })
  }

  #put(bytes: Uint8Array): number {
    this.#arena.bytes.fill(0xa5, this.#slot, this.#slot + (1 << 12))
    this.#arena.bytes.set(bytes, this.#slot)
    return bytes.length
  }
  sends(frame: Uint8Array): void {
    assert.equal(this.device.transmit(this.#slot, this.#put(frame)), true)
  }
  receives(frame: Uint8Array): void {
    this.device.receive(this.#slot, this.#put(frame))
  }

  /** Lets time pass in the steps that the link asks for, and none in between. */
  wait(ms: number): this {
    const end = (this.now + ms) | 0
    for (let next = this.device.next(this.now); next >= 0 && ((this.now + next - end) | 0) <= 0; next = this.device.next(this.now)) {
      this.now = (this.now + next) | 0
      this.device.advance(this.now)
    }
    this.now = end
    this.device.advance(end)
    return this
  }
}

/** A segment whose sequence number is the frame's number. */
const frame = (number: number, text = 0): Uint8Array => tcpFrame(ROUTE, [40_000, 80], number, 0, tcp.ACK, new Uint8Array(text).fill(number))
const numbers = (list: readonly Departure[]): number[] => list.map(({ number }) => number)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

test('with no impairment every frame goes on at once, as it is', () => {
  const link = new Link({})
  for (const i of upTo(100)) {
    link.sends(frame(i, 100))
    link.receives(frame(1000 + i))
  }
  assert.deepEqual(numbers(link.toGuest), upTo(100))
  assert.equal(link.toStack.length, 100)
  assert.deepEqual(link.toGuest[7]!.bytes, frame(7, 100))
  assert.equal(link.device.next(link.now), -1)
})

test('each way loses its share of frames', () => {
  const link = new Link({ loss: 20 }, { loss: 0.5 })
  for (const i of upTo(20_000)) {
    link.sends(frame(i))
    link.receives(frame(i))
  }
  assert.equal(link.device.toGuest.lost, 20_000 - link.toGuest.length)
  // Five standard deviations.
  assert.ok(Math.abs(link.device.toGuest.lost - 4000) < 283, `${link.device.toGuest.lost} lost`)
  assert.ok(Math.abs(link.device.fromGuest.lost - 100) < 50, `${link.device.fromGuest.lost} lost`)
})

test('a loss of 100 % lets nothing through', () => {
  const link = new Link({ loss: 100 })
  for (const i of upTo(100)) link.sends(frame(i))
  assert.deepEqual(link.toGuest, [])
})

test('the same seed is the same fate', () => {
  const fate = (seed: number): number[] => {
    const link = new Link({ loss: 10, duplication: 10, reordering: 10, jitter: 5 }, {}, seed)
    for (const i of upTo(500)) {
      link.sends(frame(i))
      if (i % 10 === 0) link.wait(1)
    }
    return numbers(link.wait(100).toGuest)
  }
  assert.deepEqual(fate(3), fate(3))
  assert.notDeepEqual(fate(3), fate(4))
})

test('a frame that is doubled comes twice in a row', () => {
  const link = new Link({ duplication: 30 })
  for (const i of upTo(1000)) link.sends(frame(i))
  const twice = upTo(1000).flatMap((i) => (numbers(link.toGuest).filter((number) => number === i).length === 2 ? [i, i] : [i]))
  assert.deepEqual(numbers(link.toGuest), twice)
  assert.equal(link.toGuest.length, 1000 + link.device.toGuest.duplicated)
  assert.ok(Math.abs(link.device.toGuest.duplicated - 300) < 75)
})

test('a delay is kept to the millisecond, by copies, also where the clock wraps', () => {
  const link = new Link({ delay: 40 }, { delay: 7 }, 1, 0x7fffffff - 20)
  const start = link.now
  for (const i of upTo(50)) {
    link.sends(frame(i, i))
    link.receives(frame(i))
    link.wait(1)
  }
  link.wait(100)
  assert.deepEqual(
    link.toGuest.map(({ at }) => (at - start) | 0),
    upTo(50).map((i) => i + 40),
  )
  assert.deepEqual(
    link.toStack.map(({ at }) => (at - start) | 0),
    upTo(50).map((i) => i + 7),
  )
  assert.deepEqual(
    link.toGuest.map(({ bytes }) => bytes),
    upTo(50).map((i) => frame(i, i)),
  )
  assert.equal(link.device.toGuest.waiting + link.device.fromGuest.waiting, 0)
})

test('jitter lengthens the delay and keeps the order', () => {
  const link = new Link({ delay: 10, jitter: 30 })
  const start = link.now
  for (const i of upTo(400)) {
    link.sends(frame(i))
    link.wait(20)
  }
  link.wait(100)
  const waits = link.toGuest.map(({ at }, i) => at - start - 20 * i)
  assert.deepEqual(numbers(link.toGuest), upTo(400))
  assert.deepEqual([Math.min(...waits), Math.max(...waits)], [10, 40])
})

test('silence of weeks does not lengthen a delay', () => {
  const link = new Link({ delay: 10, rate: 1e6 })
  link.sends(frame(0))
  for (let i = 0; i < 40; i++) link.wait(24 * 3600 * 1000)
  link.sends(frame(1))
  const sent = link.now
  link.wait(1000)
  assert.equal(link.toGuest[1]!.at - sent, 10)
})

test('a rate spaces frames, and the queue before it holds as much as it was told', () => {
  // 1,250 bytes take 10 ms at 1 Mbit/s; virtio-net headers are on no wire.
  const link = new Link({ rate: 1e6, queue: 100 })
  const start = link.now
  const bytes = 1250 + virtio.HEADER_LENGTH - frame(0).length
  for (const i of upTo(20)) link.sends(frame(i, bytes))
  link.wait(1000)
  assert.deepEqual(
    link.toGuest.map(({ number, at }) => [number, at - start]),
    upTo(11).map((i) => [i, 10 * (i + 1)]),
  )
  assert.equal(link.device.toGuest.overflowed, 9)
  link.sends(frame(99, bytes))
  assert.deepEqual(numbers(link.wait(10).toGuest.slice(11)), [99])
})

test('a frame held back is overtaken by as many as were drawn, and by no others', () => {
  const link = new Link({ reordering: 10, reorderFrames: 4, reorderDelay: 1000 })
  for (const i of upTo(2000)) link.sends(frame(i))
  link.wait(1000)
  const order = numbers(link.toGuest)
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    upTo(2000),
  )
  const overtaken = order.map((number, i) => order.slice(0, i).filter((earlier) => earlier > number).length)
  assert.ok(Math.max(...overtaken) >= 4)
  assert.ok(overtaken.filter((count) => count > 0).length <= link.device.toGuest.heldBack)
  assert.ok(Math.abs(link.device.toGuest.heldBack - 200) < 70)
  assert.equal(link.device.toGuest.waiting, 0)
})

test('a frame held back that nothing overtakes is free after a time', () => {
  for (const reorderFrames of [0, 3]) {
    const link = new Link({ reordering: 100, reorderFrames, reorderDelay: 25, delay: 5 })
    const start = link.now
    link.sends(frame(1))
    link.wait(100)
    assert.deepEqual(
      link.toGuest.map(({ at }) => at - start),
      [30],
    )
  }
})

const pseudo = (length: number): number => checksum.pseudoHeader4(ROUTE.source, ROUTE.destination, PROTOCOL_TCP, length)

/** Neither the IPv4 nor the TCP checksum finds fault with it. */
function isWhole({ bytes }: Departure): boolean {
  const view = new DataView(bytes.buffer)
  const length = bytes.length - TRANSPORT_AT
  return ipv4.checksumIsRight(view, IP_AT) && tcp.checksumIsRight(view, TRANSPORT_AT, length, pseudo(length))
}

test('damage is found by a checksum, whether it was complete or left open', () => {
  const link = new Link({ corruption: 100 })
  for (const i of upTo(500)) {
    const whole = frame(i, i)
    const open = whole.slice()
    const view = new DataView(open.buffer)
    virtio.write(view, 0, virtio.FLAG_NEEDS_CSUM, virtio.GSO_NONE, 0, 0, TRANSPORT_AT - virtio.HEADER_LENGTH, tcp.CHECKSUM_OFFSET)
    tcp.setPartial(view, TRANSPORT_AT, pseudo(open.length - TRANSPORT_AT))
    link.sends(whole)
    link.sends(open)
  }
  assert.equal(link.toGuest.length, 1000)
  assert.equal(link.device.toGuest.corrupted, 1000)
  for (const departure of link.toGuest) {
    assert.equal(virtio.flags(new DataView(departure.bytes.buffer), 0), 0, 'the receiver would not verify it')
    assert.ok(!isWhole(departure), `frame ${departure.number} is whole`)
  }
})

test('a checksum said to be outside of the frame is not written', () => {
  const link = new Link({ corruption: 100 })
  for (const [start, offset] of [
    [0xffff, 0xffff],
    [34, 30],
    [70, 0],
  ] as const) {
    const open = frame(1)
    virtio.write(new DataView(open.buffer), 0, virtio.FLAG_NEEDS_CSUM, virtio.GSO_NONE, 0, 0, start, offset)
    link.sends(open)
  }
  assert.equal(link.toGuest.length, 3)
})

test('what has no checksum is not damaged', () => {
  const link = new Link({ corruption: 100 })
  const request = arpFrame(GUEST_MAC, 0x0a000264, 0x0a000202)
  link.sends(request)
  assert.deepEqual(link.toGuest[0]!.bytes, request)
})

test('what finds others on the link is not lost', () => {
  const link = new Link({ loss: 100 })
  const spared = [
    arpFrame(GUEST_MAC, 0x0a000264, 0x0a000202),
    solicitationFrame(REMOTE6),
    ...[133, 134, 136, 137].map((type) => icmp6Frame(NEIGHBORS, type, 0, 0, new Uint8Array(24))),
  ]
  const others = [frame(1), ...[128, 129, 132, 138, 1].map((type) => icmp6Frame(NEIGHBORS, type, 0, 0, new Uint8Array(24)))]
  for (const bytes of [...others, ...spared]) link.sends(bytes)
  // Cut short behind the Ethernet header, by the type of IPv6.
  link.sends(icmp6Frame(NEIGHBORS, 135, 0, 0, new Uint8Array(24)).slice(0, IP_AT + 40))
  assert.deepEqual(
    link.toGuest.map(({ bytes }) => bytes),
    spared,
  )
  assert.equal(link.device.toGuest.lost, others.length + 1)
})

test('a full pool loses frames, and has all of its room again when they have left', () => {
  const link = new Link({ delay: 1000 })
  for (const round of [1, 2]) {
    for (const i of upTo(20_000)) link.sends(frame(i))
    const kept = link.device.toGuest.waiting
    assert.ok(kept > 1000 && kept < 20_000)
    assert.equal(link.device.toGuest.overflowed, round * (20_000 - kept))
    link.wait(1000)
    assert.deepEqual(numbers(link.toGuest.splice(0)), upTo(kept))
    assert.equal(link.device.toGuest.waiting, 0)
  }
})

test('frames that no device takes yet are lost', () => {
  const arena = new Arena(new ArrayBuffer(impairedBytes(MTU)))
  const device = new ImpairedDevice(arena, MTU, { receive: () => {} }, { ...NO_IMPAIRMENT, delay: 1 }, NO_IMPAIRMENT, 1, 0)
  device.transmit(0, 100)
  device.advance(1)
  assert.equal(device.toGuest.waiting, 0)
})
