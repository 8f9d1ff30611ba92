// Our TCP as the other side of a script (script.ts), with the host's socket played by script-host.ts and time that only moves when told.
import assert from 'node:assert/strict'
import type { Device } from '../../src/link/device.js'
import { tableWords } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { Input } from '../../src/net/input.js'
import { Interface, IP_AT } from '../../src/net/interface.js'
import { Arena, MAX_FRAME } from '../../src/packet/arena.js'
import { SLAB_CLASSES, SlabPool, slabBytes } from '../../src/packet/slab-pool.js'
import type { Connection } from '../../src/tcp/connection.js'
import { TcpDemux } from '../../src/tcp/demux.js'
import { verify } from '../../src/tcp/invariants.js'
import * as rto from '../../src/tcp/rto.js'
import { Tcp, TIMERS_PER_ROW } from '../../src/tcp/stack.js'
import type { State } from '../../src/tcp/state.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import * as virtio from '../../src/wire/virtio-net.js'
import { ends, ends6 } from './ends.js'
import type { Conversation, Told } from './script.js'
import { HostSocket, ROW } from './script-host.js'
import {
  compare,
  describe,
  GUEST,
  GUEST_PORT,
  GUEST6,
  REMOTE,
  REMOTE_PORT,
  REMOTE6,
  readSegment,
  type SegmentText,
  type SentSegment,
  writeSegment,
} from './script-segment.js'
import { IPV6 } from './simulated-stack.js'

/** Rows, rings and timers; one connection is all a script has. */
const FLOWS = 4
/** Of the guest's MAC address, 02:00:00:00:00:01. */
const GUEST_MAC_LOW = 1

export interface ScriptOptions {
  /** IP version that both ends speak; default 4. */
  family?: 4 | 6
  mtu?: number
  offload?: boolean
  /** Longest datagram of TCP the link takes; default 65,535: no BIG TCP. */
  largestDatagram?: number
  /** First word of the clock, to try wrapping. */
  start?: number
  /** Initial sequence number of the guest. */
  irs?: number
  /** What initial sequence numbers and timestamps are made from. */
  secret?: readonly [number, number]
}

export class TcpScript implements Conversation {
  readonly host: HostSocket
  readonly tcp: Tcp
  readonly demux: TcpDemux
  readonly input: Input
  now: number
  irs: number
  sent: SentSegment[] = []
  /** Longest frame that the link takes; a longer one is lost, and the stack told. */
  longest = Number.POSITIVE_INFINITY
  /** Sees each segment as it is sent. */
  onSent: (segment: SentSegment) => void = () => {}
  readonly #family: 4 | 6
  readonly #arena: Arena
  readonly #receiveAt: number
  readonly #slabs: SlabPool
  readonly #timers: TimerWheel

  constructor(o: ScriptOptions = {}) {
    this.#family = o.family ?? 4
    this.now = o.start ?? 100_000
    this.irs = o.irs ?? 1000
    this.#arena = new Arena(new ArrayBuffer(8 * MAX_FRAME + slabBytes(FLOWS)))
    const device: Device = {
      mtu: o.mtu ?? 1500,
      hasOffload: o.offload ?? true,
      largestDatagram: o.largestDatagram ?? 65_535,
      transmit: (at, length) => this.#take(at, length),
    }
    const addresses = { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: GUEST, ipv6: IPV6 }
    const iface = new Interface(this.#arena, addresses)
    iface.connect(device)
    this.#receiveAt = this.#arena.allot(MAX_FRAME)
    this.#slabs = new SlabPool(this.#arena, FLOWS)
    const rows = new Int32Array(tableWords(FLOWS))
    this.host = new HostSocket(rows)
    this.host.bytes = this.#arena.bytes
    this.host.now = () => this.now
    this.#timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    this.tcp = new Tcp(iface, this.host, rows, FLOWS, this.#slabs, this.#timers, Int32Array.from(o.secret ?? [1, 2]), SLAB_CLASSES - 1)
    this.tcp.verify = verify
    this.input = new Input(iface, new Inbound())
    this.demux = new TcpDemux(this.tcp, this.input.drops)
    this.input.serve(PROTOCOL_TCP, this.demux)
  }

  get connection(): Connection {
    return this.tcp.connection(ROW)
  }
  /** The guest's address and the remote one, four words each. */
  get both(): Int32Array {
    return this.#family === 6 ? ends6(GUEST6, REMOTE6) : ends(GUEST, REMOTE)
  }
  get state(): State {
    return this.connection.state
  }
  get isOver(): boolean {
    return !this.host.isUsed
  }
  get received(): string {
    return this.host.received
  }
  get told(): Told {
    const { events } = this.host
    if (events.includes('abort')) return 'reset'
    return events.includes('finish') ? 'end' : 'nothing'
  }
  get rto(): number {
    return rto.current(this.connection)
  }
  get ours(): this {
    return this
  }

  guest(...segments: SegmentText[]): this {
    this.input.inbound.now = this.now
    for (const s of segments) this.#write(s)
    this.demux.settle(this.now)
    return this
  }

  /** The host's socket has something for the guest. */
  hostSends(text: string, hasEnded = false): this {
    this.host.outgoing += text
    this.host.hasEnded ||= hasEnded
    this.demux.hostReadable(ROW, this.host.hasEnded)
    this.demux.settle(this.now)
    return this
  }

  hostEnds(): this {
    return this.hostSends('', true)
  }

  /** The host's socket has room again. */
  hostDrains(bytes: number): this {
    this.host.capacity += bytes
    this.demux.hostWritable(ROW, this.now)
    this.demux.settle(this.now)
    return this
  }

  hostConnects(): this {
    this.demux.hostConnected(ROW, this.now)
    if (this.host.outgoing !== '' || this.host.hasEnded) this.demux.hostReadable(ROW, this.host.hasEnded)
    return this
  }

  hostOpens(): this {
    this.demux.open(this.host.insert(this.both, (GUEST_PORT << 16) | REMOTE_PORT, GUEST_MAC_LOW, this.now), this.now)
    return this
  }

  guestReports(code: number, seq: number, mtu = 0): this {
    this.demux.unreachable(ROW, (this.connection.iss + seq) | 0, code, mtu, this.now)
    this.demux.settle(this.now)
    return this
  }

  hostBreaks(): this {
    this.demux.hostBroken(ROW, this.now)
    return this
  }

  // Timer by timer.
  wait(ms: number): this {
    const end = (this.now + ms) | 0
    for (;;) {
      const next = this.#timers.next(this.now)
      if (next < 0 || ((this.now + next - end) | 0) > 0) break
      this.now = (this.now + Math.max(next, 1)) | 0
      this.#expire()
    }
    this.now = end
    this.#expire()
    return this
  }

  #expire(): void {
    this.#timers.advance(this.now, { expire: (id) => this.demux.expire(Math.trunc(id / TIMERS_PER_ROW), id % TIMERS_PER_ROW, this.now) })
    this.demux.settle(this.now)
  }

  expect(wanted: Partial<SentSegment>): SentSegment {
    return compare(this.sent.shift(), wanted)
  }

  silence(): this {
    assert.deepEqual(this.sent.map(describe), [], 'nothing more should have been sent')
    return this
  }

  ignore(): this {
    this.sent.length = 0
    return this
  }

  ends(): void {
    if (this.host.isUsed) this.demux.abandon(ROW)
    assert.equal(this.#slabs.inUse, 0, 'a receive ring was left')
    assert.equal(this.#timers.scheduled, 0, 'a timer was left')
  }

  close(): void {}

  #write(s: SegmentText): void {
    const view = this.#arena.view
    const at = this.#receiveAt
    const ip = at + IP_AT
    const isIpv6 = this.#family === 6
    const tcp = ip + this.#headerLength
    virtio.clear(view, at)
    const type = isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4
    ethernet.write(view, at + virtio.HEADER_LENGTH, 0x5255, 0x0a000202, 0x0200, GUEST_MAC_LOW, type)
    const length = writeSegment(view, tcp, s, this.connection.iss, this.irs)
    const to = s.to ?? REMOTE
    if (isIpv6) ipv6.write(view, ip, length, PROTOCOL_TCP, 64, 0, 0, ...GUEST6, ...REMOTE6)
    else ipv4.write(view, ip, ipv4.HEADER_LENGTH + length, PROTOCOL_TCP, GUEST, to, 1, 64, 0, 1)
    wire.setChecksum(view, tcp, length, this.#pseudoSum(ip, length))
    if (s.hasBadChecksum === true) view.setUint16(tcp + wire.CHECKSUM_OFFSET, wire.checksum(view, tcp) ^ 0x0100)
    this.input.receive(at, IP_AT + this.#headerLength + length)
  }

  get #headerLength(): number {
    return this.#family === 6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH
  }

  #pseudoSum(ip: number, length: number): number {
    const view = this.#arena.view
    if (this.#family === 6) return checksum.pseudoHeader6(view, ip, PROTOCOL_TCP, length)
    return checksum.pseudoHeader4(ipv4.source(view, ip), ipv4.destination(view, ip), PROTOCOL_TCP, length)
  }

  #take(at: number, length: number): boolean {
    const view = this.#arena.view
    const ip = at + IP_AT
    const tcp = ip + this.#headerLength
    const total = length - IP_AT - this.#headerLength
    if (length > this.longest) return false
    this.#checkHeader(at, length - IP_AT)
    assert.ok(wire.isValid(view, tcp, total), 'a bad TCP header was sent')
    const isPartial = (virtio.flags(view, at) & virtio.FLAG_NEEDS_CSUM) !== 0
    const pseudo = this.#pseudoSum(ip, total)
    if (!isPartial) assert.ok(wire.checksumIsRight(view, tcp, total, pseudo), 'bad checksum')
    else assert.equal(wire.checksum(view, tcp), pseudo, 'not the sum of the pseudo-header')
    const gsoSize = virtio.gsoType(view, at) === virtio.GSO_NONE ? 0 : virtio.gsoSize(view, at)
    const segment = readSegment(view, tcp, total, this.connection.iss, this.irs, gsoSize)
    this.sent.push(segment)
    this.onSent(segment)
    return true
  }

  // What a receiver asks of the headers in front, virtio-net's among them.
  #checkHeader(at: number, available: number): void {
    const view = this.#arena.view
    const ip = at + IP_AT
    const type = ethernet.etherType(view, at + virtio.HEADER_LENGTH)
    const gsoType = virtio.gsoType(view, at)
    if (this.#family === 6) {
      assert.equal(type, ETHERTYPE_IPV6)
      assert.ok(
        ipv6.isValid(view, ip, available) && ipv6.payloadLength(view, ip) === available - ipv6.HEADER_LENGTH,
        'a bad IP header was sent',
      )
      assert.ok(gsoType === virtio.GSO_NONE || gsoType === virtio.GSO_TCPV6, 'a super-segment of another family')
      return
    }
    assert.equal(type, ETHERTYPE_IPV4)
    const field = ipv4.totalLength(view, ip)
    assert.ok(ipv4.checksumIsRight(view, ip) && field === (available > 65_535 ? 0 : available), 'a bad IP header was sent')
    assert.ok(gsoType === virtio.GSO_NONE || gsoType === virtio.GSO_TCPV4, 'a super-segment of another family')
  }
}
