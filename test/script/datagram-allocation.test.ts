// Datagrams, fragments and errors allocate nothing either (DESIGN 3), well-meant or not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Device } from '../../src/link/device.js'
import { REASSEMBLY_BYTES } from '../../src/net/fragment-slots.js'
import { Icmp } from '../../src/net/icmp.js'
import { Inbound } from '../../src/net/inbound.js'
import { Input } from '../../src/net/input.js'
import { Interface } from '../../src/net/interface.js'
import { Reassembly } from '../../src/net/reassembly.js'
import { Arena, BIG_FRAME, MAX_FRAME } from '../../src/packet/arena.js'
import { Udp } from '../../src/udp/udp.js'
import * as icmp from '../../src/wire/icmpv4.js'
import { PROTOCOL_ICMP, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import { cut } from '../support/fragments.js'
import { IP_AT, icmpFrame, type Route, udpFrame } from '../support/frames.js'
import { bytesPerPacket, NOISE, PACKETS } from '../support/heap-growth.js'
import { DNS, GATEWAY, GUEST, NETWORK } from '../support/simulated-stack.js'

const GAP = 2048

/** A network down to its device, without the host: datagrams for it are counted. */
class Bench implements Device {
  readonly mtu = 1500
  readonly hasOffload = true
  readonly largestDatagram = 65_535
  readonly arena = new Arena(new ArrayBuffer(2 * MAX_FRAME + BIG_FRAME + GAP + REASSEMBLY_BYTES + (1 << 20)))
  readonly input: Input
  readonly reassembly: Reassembly
  readonly at: number
  sent = 0
  taken = 0
  #lengths: number[] = []

  constructor() {
    const iface = new Interface(this.arena, { network: NETWORK, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST })
    this.at = this.arena.allot(1 << 17)
    this.input = new Input(iface, new Inbound())
    const toGuest = new Icmp(iface, this.input.drops)
    this.reassembly = new Reassembly(iface, toGuest, this.input.drops)
    this.input.connect(this.reassembly, toGuest)
    const udp = new Udp(iface, this.input.drops)
    udp.connect({ receive: () => this.taken++ })
    this.input.serve(PROTOCOL_UDP, udp)
    this.input.serve(PROTOCOL_ICMP, toGuest.v4)
    iface.connect(this)
  }

  transmit(): boolean {
    this.sent++
    return true
  }

  /** Frames that are received over and over. */
  load(frames: readonly Uint8Array[]): void {
    frames.forEach((frame, i) => {
      this.arena.bytes.set(frame, this.at + i * GAP)
    })
    this.#lengths = frames.map((frame) => frame.length)
  }

  receive(i: number): void {
    const which = i % this.#lengths.length
    this.input.inbound.now = i
    this.input.receive(this.at + which * GAP, this.#lengths[which]!)
    this.reassembly.expire(i)
  }
}

const route: Route = { source: GUEST, destination: 0xc0000207 | 0 }

test('datagrams in fragments', async () => {
  const bench = new Bench()
  bench.load(cut(udpFrame(route, 1000, 2000, new Uint8Array(65_507)), 1480))
  const bytes = await bytesPerPacket((i) => bench.receive(i))
  assert.ok(bench.taken >= PACKETS / 50)
  assert.ok(bytes < NOISE, `${bytes} bytes a fragment`)
})

test('echo replies in fragments', async () => {
  const bench = new Bench()
  bench.load(cut(icmpFrame({ source: GUEST, destination: GATEWAY }, icmp.ECHO, 0, 1, new Uint8Array(8000)), 1480))
  const bytes = await bytesPerPacket((i) => bench.receive(i))
  assert.ok(bench.sent >= PACKETS)
  assert.ok(bytes < NOISE, `${bytes} bytes a fragment`)
})

test('first fragments without end, and the errors about those that time out', async () => {
  const bench = new Bench()
  bench.load([cut(udpFrame(route, 1000, 2000, new Uint8Array(3000)), 1480)[0]!])
  const { view } = bench.arena
  const bytes = await bytesPerPacket((i) => {
    // Another identification each time; what is added to it is taken off the checksum, and the other way round.
    const at = bench.at + IP_AT
    const sum = view.getUint16(at + 4) + view.getUint16(at + 10)
    const id = i % 60_000
    view.setUint16(at + 4, id)
    view.setUint16(at + 10, (((sum - id) % 0xffff) + 0xffff) % 0xffff)
    bench.receive(i * 1000)
  })
  assert.ok(bench.sent >= PACKETS / 2)
  assert.ok(bytes < NOISE, `${bytes} bytes a fragment`)
})

test('packets that have no hop left, and errors about them', async () => {
  const bench = new Bench()
  const frame = udpFrame(route, 1000, 2000, new Uint8Array(100))
  const view = new DataView(frame.buffer)
  view.setUint8(IP_AT + 8, 1)
  view.setUint16(IP_AT + 10, view.getUint16(IP_AT + 10) + 0x3f00)
  bench.load([frame])
  const bytes = await bytesPerPacket((i) => bench.receive(i))
  assert.ok(bench.sent >= PACKETS)
  assert.ok(bytes < NOISE, `${bytes} bytes a packet`)
})
