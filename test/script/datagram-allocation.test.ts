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
import * as icmp6 from '../../src/wire/icmpv6.js'
import * as ndp from '../../src/wire/ndp.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../../src/wire/numbers.js'
import { cut } from '../support/fragments.js'
import { cut6 } from '../support/fragments6.js'
import { IP_AT, icmpFrame, type Route, udpFrame } from '../support/frames.js'
import {
  advertisementFrame,
  destinationOptions,
  fragment,
  hopByHop,
  icmp6Frame,
  LINK_LOCAL,
  packetFrame,
  REMOTE6,
  solicitationFrame,
  TRANSPORT6_AT,
  udp6Frame,
} from '../support/frames6.js'
import { bytesPerPacket, NOISE, PACKETS } from '../support/heap-growth.js'
import { DNS, GATEWAY, GATEWAY6, GUEST, GUEST6, IPV6, NETWORK } from '../support/simulated-stack.js'

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
    const iface = new Interface(this.arena, { network: NETWORK, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST, ipv6: IPV6 })
    this.at = this.arena.allot(1 << 17)
    this.input = new Input(iface, new Inbound())
    const toGuest = new Icmp(iface, this.input.drops)
    this.reassembly = new Reassembly(iface, toGuest, this.input.drops)
    this.input.connect(this.reassembly, toGuest)
    const udp = new Udp(iface, this.input.drops)
    udp.connect({ receive: () => this.taken++ })
    this.input.serve(PROTOCOL_UDP, udp)
    this.input.serve(PROTOCOL_ICMP, toGuest.v4)
    this.input.serve(PROTOCOL_ICMPV6, toGuest.v6)
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

const route6 = { source: GUEST6, destination: REMOTE6 }
const NOBODY6 = [0xfd000000 | 0, 0, 0, 0x4d] as const

/** Each loads frames whose receipt is to cost nothing, and says how many answers a frame brings at least. */
const kinds6: Record<string, { frames: readonly Uint8Array[]; answers: number }> = {
  'datagrams behind extension headers': {
    frames: [udp6Frame({ ...route6, extensions: [hopByHop(), destinationOptions()] }, 1000, 2000, new Uint8Array(500))],
    answers: 0,
  },
  'datagrams in fragments': { frames: cut6(udp6Frame(route6, 1000, 2000, new Uint8Array(65_507)), 1448), answers: 0 },
  'echo replies in fragments': {
    frames: cut6(icmp6Frame({ source: GUEST6, destination: GATEWAY6 }, icmp6.ECHO, 0, 1, new Uint8Array(8000)), 1448),
    answers: 1,
  },
  'packets that have no hop left': { frames: [udp6Frame({ ...route6, hops: 1 }, 1000, 2000, new Uint8Array(100))], answers: 1 },
  'packets of the link for beyond': {
    frames: [udp6Frame({ source: LINK_LOCAL, destination: REMOTE6 }, 1, 2, new Uint8Array(1))],
    answers: 1,
  },
  'headers that cannot be': {
    frames: [udp6Frame({ ...route6, extensions: [destinationOptions([0x9e, 4, 0, 0, 0, 0])] }, 1000, 2000, new Uint8Array(1))],
    answers: 1,
  },
  'protocols that are not there': { frames: [packetFrame(route6, 132, new Uint8Array(20))], answers: 1 },
  'errors about segments of ours': {
    frames: [icmp6Frame(route6, icmp6.PACKET_TOO_BIG, 0, 1300, udp6Frame(route6, 1, 2, new Uint8Array(8)).slice(IP_AT))],
    answers: 0,
  },
  'questions about our addresses, and answers to none': {
    frames: [
      solicitationFrame(GATEWAY6, { source: GUEST6 }),
      solicitationFrame(GATEWAY6, { source: [0, 0, 0, 0] }, []),
      solicitationFrame(NOBODY6, { source: GUEST6 }),
      advertisementFrame(NOBODY6, ndp.SOLICITED),
    ],
    answers: 0.5,
  },
}

for (const [name, { frames, answers }] of Object.entries(kinds6)) {
  test(`over IPv6: ${name}`, async () => {
    const bench = new Bench()
    bench.load(frames)
    const bytes = await bytesPerPacket((i) => bench.receive(i))
    assert.ok(bench.sent >= answers * PACKETS, `${bench.sent} answers`)
    assert.ok(bytes < NOISE, `${bytes} bytes a packet`)
  })
}

test('over IPv6: first fragments without end, and the errors about those that time out', async () => {
  const bench = new Bench()
  bench.load([packetFrame({ ...route6, extensions: [fragment(0, 1)] }, PROTOCOL_UDP, new Uint8Array(1448))])
  const bytes = await bytesPerPacket((i) => {
    bench.arena.view.setInt32(bench.at + TRANSPORT6_AT + 4, i)
    bench.receive(i * 1000)
  })
  assert.ok(bench.sent >= PACKETS / 2)
  assert.ok(bytes < NOISE, `${bytes} bytes a fragment`)
})
