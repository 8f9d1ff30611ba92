// A guest and a host's socket without strings or objects, for tests that count what the stack allocates and benchmarks that
// count what it does: one connection, frames written over and over into the same place.
import type { Device } from '../../src/link/device.js'
import { KIND, KIND_TCP, PORTS, ROW_SHIFT, SOCKET, setEnds, tableWords } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { Input } from '../../src/net/input.js'
import { Interface, IP_AT } from '../../src/net/interface.js'
import { Arena, MAX_FRAME } from '../../src/packet/arena.js'
import { SLAB_CLASSES, SlabPool, slabBytes } from '../../src/packet/slab-pool.js'
import { TcpDemux } from '../../src/tcp/demux.js'
import { type Relay, Tcp, TIMERS_PER_ROW } from '../../src/tcp/stack.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as virtio from '../../src/wire/virtio-net.js'
import { ends6 } from './ends.js'
import { GUEST6, REMOTE6 } from './script-segment.js'
import { IPV6 } from './simulated-stack.js'

const GUEST = 0x0a000264
const REMOTE = 0xc0000207 | 0
const PORTS_WORD = (40_000 << 16) | 80
const FLOWS = 2
const ROW = 1

class Endless implements Relay {
  readonly rows: Int32Array
  isUsed = false
  /** Bytes the host still has for the guest. */
  available = 0
  taken = 0
  acknowledged = 0

  readonly #isIpv6: boolean

  constructor(rows: Int32Array, isIpv6: boolean) {
    this.rows = rows
    this.#isIpv6 = isIpv6
  }
  find(): number {
    return this.isUsed ? ROW : 0
  }
  accept(): number {
    this.isUsed = true
    this.rows[(ROW << ROW_SHIFT) + KIND] = KIND_TCP
    if (this.#isIpv6) setEnds(this.rows, ROW << ROW_SHIFT, ends6(GUEST6, REMOTE6), 0, PROTOCOL_TCP, true)
    this.rows[(ROW << ROW_SHIFT) + PORTS] = PORTS_WORD
    this.rows[(ROW << ROW_SHIFT) + SOCKET] = 3
    return ROW
  }
  send(_c: unknown, _at: number, length: number): number {
    this.taken += length
    return length
  }
  receive(_c: unknown, _at: number, length: number): number {
    const n = Math.min(length, this.available)
    this.available -= n
    return n
  }
  rewind(): void {}
  consume(_c: unknown, length: number): void {
    this.acknowledged += length
  }
  room(): number {
    return 1 << 22
  }
  makeRoom(): void {}
  sendUrgent(): number {
    return 1
  }
  mark(): number {
    return -1
  }
  silence(): number {
    return 0
  }
  stalled(): boolean {
    return false
  }
  wantRoom(): void {}
  opened(): void {}
  finish(): void {}
  close(): void {}
  abort(): void {}
  release(): void {
    this.isUsed = false
  }
}

export class BenchPeer {
  readonly host: Endless
  readonly demux: TcpDemux
  readonly tcp: Tcp
  readonly input: Input
  /** Frames the stack has sent. */
  frames = 0
  now = 1
  readonly #arena: Arena
  readonly #at: number
  #seq = 1000

  readonly #isIpv6: boolean

  constructor(family: 4 | 6 = 4) {
    this.#isIpv6 = family === 6
    this.#arena = new Arena(new ArrayBuffer(4 * MAX_FRAME + slabBytes(FLOWS)))
    const device: Device = { mtu: 1500, hasOffload: true, largestDatagram: 65_535, transmit: () => this.#sent() }
    const addresses = { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: GUEST, ipv6: IPV6 }
    const iface = new Interface(this.#arena, addresses)
    iface.connect(device)
    this.#at = this.#arena.allot(MAX_FRAME)
    const rows = new Int32Array(tableWords(FLOWS))
    this.host = new Endless(rows, this.#isIpv6)
    const timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    this.tcp = new Tcp(iface, this.host, rows, FLOWS, new SlabPool(this.#arena, FLOWS), timers, new Int32Array([1, 2]), SLAB_CLASSES - 1)
    this.input = new Input(iface, new Inbound())
    this.demux = new TcpDemux(this.tcp, this.input.drops)
    this.input.serve(PROTOCOL_TCP, this.demux)
    this.#open()
  }

  #open(): void {
    this.#frame(wire.SYN, 0, 0)
    this.demux.hostConnected(ROW, this.now)
    this.#seq = (this.#seq + 1) | 0
    this.acknowledge()
  }

  /** A segment of `length` bytes in order, acknowledging all that was sent. */
  text(length: number): void {
    this.#frame(wire.ACK | wire.PSH, this.tcp.connection(ROW).sndMax, length)
    this.#seq = (this.#seq + length) | 0
  }

  /** A bare acknowledgment of all that was sent. */
  acknowledge(): void {
    this.#frame(wire.ACK, this.tcp.connection(ROW).sndMax, 0)
  }

  /** The host has `length` bytes for the guest. */
  hostSends(length: number): void {
    this.host.available += length
    this.demux.hostReadable(ROW, false)
  }

  /** Ends a batch. */
  settle(): void {
    this.demux.settle(this.now)
  }

  #frame(flags: number, ack: number, length: number): void {
    const view = this.#arena.view
    const at = this.#at
    const ip = at + IP_AT
    const ipHeader = this.#isIpv6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH
    const tcp = ip + ipHeader
    virtio.write(view, at, virtio.FLAG_NEEDS_CSUM, 0, 0, 0, 14 + ipHeader, 16)
    ethernet.write(view, at + virtio.HEADER_LENGTH, 0x5255, 0x0a000202, 0x0200, 1, this.#isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4)
    let header = wire.HEADER_LENGTH
    if (flags === wire.SYN) header += options.writeSyn(view, tcp + header, 1460, 7, 1, 1, this.now, 0)
    else {
      options.writeTimestamp(view, tcp + header, this.now, 0)
      header += options.TIMESTAMP_LENGTH
    }
    wire.write(view, tcp, PORTS_WORD >>> 16, PORTS_WORD & 0xffff, this.#seq, ack, header, flags, 0xffff)
    if (this.#isIpv6) this.#writeIpv6(ip, header + length)
    else ipv4.write(view, ip, ipv4.HEADER_LENGTH + header + length, PROTOCOL_TCP, GUEST, REMOTE, 1, 64, 0, 1)
    this.input.inbound.now = this.now
    this.input.receive(at, IP_AT + ipHeader + header + length)
  }

  // Word by word: nothing may be spread out where nothing may be allocated.
  #writeIpv6(ip: number, length: number): void {
    const [g0, g1, g2, g3] = GUEST6
    const [r0, r1, r2, r3] = REMOTE6
    ipv6.write(this.#arena.view, ip, length, PROTOCOL_TCP, 64, 0, 0, g0, g1, g2, g3, r0, r1, r2, r3)
  }

  #sent(): boolean {
    this.frames++
    return true
  }
}
