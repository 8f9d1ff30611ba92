// Timed conversations with the TCP of one connection. The test plays the guest (`peer`) and the host's socket (`host`), with
// time that only moves when told:
//
//     const t = established()
//     t.peer.sends({ text: 'hello' })
//     t.peer.expects({ ack: t.guestSeq + 5 })
//     t.at(200)
//
// Segments the stack sends are taken apart into plain objects; numbers are relative to the initial sequence numbers, so that
// a conversation reads the same each time. Every script ends with `t.ends()`, which finds what was left behind.
import assert from 'node:assert/strict'
import type { Device } from '../../src/link/device.js'
import { ACTIVE, KIND, KIND_TCP, MAC_LOW, ROW_SHIFT, SOCKET, tableWords } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { Interface, IP_AT } from '../../src/net/interface.js'
import { Ipv4Input } from '../../src/net/ipv4.js'
import { Arena, MAX_FRAME } from '../../src/packet/arena.js'
import { SLAB_CLASSES, SlabPool, slabBytes } from '../../src/packet/slab-pool.js'
import type { Connection } from '../../src/tcp/connection.js'
import { TcpDemux } from '../../src/tcp/demux.js'
import { verify } from '../../src/tcp/invariants.js'
import { END, type Relay, Tcp, TIMERS_PER_ROW } from '../../src/tcp/stack.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { ETHERTYPE_IPV4, PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as virtio from '../../src/wire/virtio-net.js'

const GUEST = 0x0a000264
const REMOTE = 0xc0000207 | 0
const GUEST_PORT = 40000
const REMOTE_PORT = 80
const FLOWS = 4
const EPIPE = 32

/** A segment as the test writes and reads it; numbers relative to the initial sequence numbers of their side. */
export interface SegmentText {
  seq?: number
  ack?: number
  /** 'S', 'F', 'R', 'P', '.' (ACK), 'U' in any order. */
  flags?: string
  window?: number
  text?: string
  mss?: number
  scale?: number
  sackPermitted?: boolean
  timestamp?: readonly [value: number, echo: number]
  /** Options as they are, in place of those above: bytes, filled up to a multiple of 4. */
  raw?: readonly number[]
}

/** A segment that the stack has sent. */
export interface SentSegment {
  seq: number
  ack: number
  flags: string
  window: number
  text: string
  options: Int32Array
  sack: [number, number][]
  gsoSize: number
}

/** What the host's socket does: bytes it has for the guest, room it has, and what it was told. */
export class HostSocket implements Relay {
  /** Text the host has sent and the guest has not acknowledged. */
  outgoing = ''
  hasEnded = false
  /** Text the guest has sent, as the host's kernel took it. */
  received = ''
  /** Bytes the host's kernel still takes. */
  capacity = 1 << 20
  /** With less than this free the kernel does not call the socket writable. */
  lowWater = 1
  /** Somebody found it full, or asked to be told: only then the kernel speaks when it drains. */
  isWaiting = false
  /** Connections so far. */
  accepted = 0
  isBroken = false
  events: string[] = []
  #offset = 0
  readonly rows: Int32Array
  isUsed = false
  isRefusing = false

  constructor(rows: Int32Array) {
    this.rows = rows
  }
  bytes: Uint8Array = new Uint8Array()

  find(): number {
    return this.isUsed ? 1 : 0
  }
  accept(inbound: Inbound): number {
    this.isUsed = true
    const base = 1 << ROW_SHIFT
    this.rows.fill(0, base, base + 40)
    this.rows[base + KIND] = KIND_TCP
    this.rows[base + 5] = inbound.source
    this.rows[base + 9] = inbound.destination
    this.rows[base + 10] = inbound.ports
    this.rows[base + MAC_LOW] = inbound.macLow
    this.rows[base + SOCKET] = 7
    this.rows[base + ACTIVE] = inbound.now
    this.#offset = 0
    this.outgoing = this.received = ''
    this.hasEnded = this.isBroken = this.isWaiting = false
    this.events = []
    this.accepted++
    return 1
  }
  send(_c: Connection, at: number, length: number): number {
    if (this.isBroken) return -EPIPE
    const taken = Math.min(length, this.capacity)
    this.isWaiting ||= taken < length
    this.received += Buffer.from(this.bytes.subarray(at, at + taken)).toString('latin1')
    this.capacity -= taken
    return taken
  }
  receive(_c: Connection, at: number, length: number): number {
    if (this.isBroken) return -EPIPE
    const text = this.outgoing.slice(this.#offset, this.#offset + length)
    if (text.length === 0) return this.hasEnded ? END : 0
    for (let i = 0; i < text.length; i++) this.bytes[at + i] = text.charCodeAt(i)
    this.#offset += text.length
    return text.length
  }
  rewind(_c: Connection, offset: number): void {
    this.#offset = offset
  }
  consume(_c: Connection, length: number): void {
    assert.ok(length <= this.outgoing.length, 'the guest acknowledged what the host never sent')
    this.outgoing = this.outgoing.slice(length)
    this.#offset = Math.max(0, this.#offset - length)
  }
  room(): number {
    return this.capacity < this.lowWater ? 0 : this.capacity
  }
  makeRoom(_c: Connection, length: number): void {
    this.events.push(`make-room ${length}`)
  }
  wantRoom(): void {
    this.isWaiting = true
    this.events.push('want-room')
  }
  opened(): void {}
  finish(): void {
    this.events.push('finish')
  }
  close(c: Connection): void {
    this.events.push('close')
    c.socket = -1
  }
  abort(): void {
    this.events.push('abort')
  }
  release(): void {
    this.events.push('release')
    this.isUsed = false
    this.rows[(1 << ROW_SHIFT) + KIND] = 0
  }
}

export interface ScriptOptions {
  mtu?: number
  offload?: boolean
  /** Longest datagram of TCP the link takes; default 65,535: no BIG TCP. */
  largestDatagram?: number
  /** First word of the clock, to try wrapping. */
  start?: number
}

export class TcpScript {
  readonly host: HostSocket
  readonly tcp: Tcp
  readonly demux: TcpDemux
  readonly input: Ipv4Input
  now: number
  /** Initial sequence number of the guest. */
  irs = 1000
  sent: SentSegment[] = []
  /** Longest frame that the link takes; a longer one is lost, and the stack told. */
  longest = Number.POSITIVE_INFINITY
  /** Sees each segment as it is sent. */
  onSent: (segment: SentSegment) => void = () => {}
  readonly #arena: Arena
  readonly #receiveAt: number
  readonly #slabs: SlabPool
  readonly #timers: TimerWheel

  constructor(o: ScriptOptions = {}) {
    this.now = o.start ?? 100_000
    this.#arena = new Arena(new ArrayBuffer(8 * MAX_FRAME + slabBytes(FLOWS)))
    const device: Device = {
      mtu: o.mtu ?? 1500,
      hasOffload: o.offload ?? true,
      largestDatagram: o.largestDatagram ?? 65_535,
      transmit: (at, length) => this.#take(at, length),
    }
    const iface = new Interface(this.#arena, { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: GUEST })
    iface.connect(device)
    this.#receiveAt = this.#arena.allot(MAX_FRAME)
    this.#slabs = new SlabPool(this.#arena, FLOWS)
    const rows = new Int32Array(tableWords(FLOWS))
    this.host = new HostSocket(rows)
    this.host.bytes = this.#arena.bytes
    this.#timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    this.tcp = new Tcp(iface, this.host, rows, FLOWS, this.#slabs, this.#timers, new Int32Array([1, 2]), SLAB_CLASSES - 1)
    this.tcp.verify = verify
    this.input = new Ipv4Input(iface, new Inbound())
    this.demux = new TcpDemux(this.tcp, this.input.drops)
    this.input.serve(PROTOCOL_TCP, this.demux)
  }

  get connection(): Connection {
    return this.tcp.connection(1)
  }

  /** The guest sends segments, in one batch. */
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
    this.demux.hostReadable(1)
    this.demux.settle(this.now)
    return this
  }

  /** The host's socket has room again. */
  hostDrains(bytes: number): this {
    this.host.capacity += bytes
    this.demux.hostWritable(1, this.now)
    this.demux.settle(this.now)
    return this
  }

  hostConnects(): this {
    this.demux.hostConnected(1, this.now)
    return this
  }

  hostBreaks(): this {
    this.demux.hostBroken(1, this.now)
    return this
  }

  /** Lets `ms` pass, timer by timer. */
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

  /** The next segment the stack has sent, compared with what is named. */
  expect(wanted: Partial<Pick<SentSegment, 'seq' | 'ack' | 'flags' | 'text' | 'window' | 'sack' | 'gsoSize'>>): SentSegment {
    const segment = this.sent.shift()
    assert.ok(segment, `nothing was sent; expected ${JSON.stringify(wanted)}`)
    for (const [key, value] of Object.entries(wanted)) {
      assert.deepEqual(segment[key as keyof SentSegment], value, `${key} of ${JSON.stringify(segment)}`)
    }
    return segment
  }

  silence(): this {
    assert.deepEqual(this.sent, [], 'nothing more should have been sent')
    return this
  }

  /** Ends the script: nothing may be left of a connection that is over. */
  ends(): void {
    if (this.host.isUsed) this.demux.abandon(1)
    assert.equal(this.#slabs.inUse, 0, 'a receive ring was left')
    assert.equal(this.#timers.scheduled, 0, 'a timer was left')
  }

  #write(s: SegmentText): void {
    const view = this.#arena.view
    const at = this.#receiveAt
    const ip = at + IP_AT
    const tcp = ip + ipv4.HEADER_LENGTH
    virtio.clear(view, at)
    ethernet.write(view, at + virtio.HEADER_LENGTH, 0x5255, 0x0a000202, 0x0200, 1, ETHERTYPE_IPV4)
    let header = wire.HEADER_LENGTH
    const flags = s.flags ?? '.'
    if (s.raw) {
      this.#arena.bytes.fill(0, tcp + header, tcp + header + s.raw.length + 3)
      this.#arena.bytes.set(s.raw, tcp + header)
      header += (s.raw.length + 3) & ~3
    } else if (flags.includes('S')) {
      const stamp = s.timestamp
      header += options.writeSyn(
        view,
        tcp + header,
        s.mss ?? 1460,
        s.scale ?? 7,
        s.sackPermitted === false ? 0 : 1,
        stamp ? 1 : 0,
        stamp?.[0] ?? 0,
        stamp?.[1] ?? 0,
      )
    } else if (s.timestamp) {
      options.writeTimestamp(view, tcp + header, s.timestamp[0], s.timestamp[1])
      header += options.TIMESTAMP_LENGTH
    }
    const text = s.text ?? ''
    for (let i = 0; i < text.length; i++) this.#arena.bytes[tcp + header + i] = text.charCodeAt(i)
    const isAck = flags.includes('.')
    const seq = (this.irs + (s.seq ?? 0)) | 0
    const ack = isAck ? (this.connection.iss + (s.ack ?? 1)) | 0 : 0
    wire.write(view, tcp, GUEST_PORT, REMOTE_PORT, seq, ack, header, flagBits(flags), s.window ?? 500)
    const length = header + text.length
    wire.setChecksum(view, tcp, length, checksum.pseudoHeader4(GUEST, REMOTE, PROTOCOL_TCP, length))
    ipv4.write(view, ip, ipv4.HEADER_LENGTH + length, PROTOCOL_TCP, GUEST, REMOTE, 1, 64, 0, 1)
    this.input.receive(at, IP_AT + ipv4.HEADER_LENGTH + length)
  }

  #take(at: number, length: number): boolean {
    const view = this.#arena.view
    const ip = at + IP_AT
    const tcp = ip + ipv4.HEADER_LENGTH
    const available = length - IP_AT
    if (length > this.longest) return false
    const field = ipv4.totalLength(view, ip)
    assert.ok(ipv4.checksumIsRight(view, ip) && field === (available > 65_535 ? 0 : available), 'a bad IP header was sent')
    const total = available - ipv4.HEADER_LENGTH
    assert.ok(wire.isValid(view, tcp, total), 'a bad TCP header was sent')
    const pseudo = checksum.pseudoHeader4(ipv4.source(view, ip), ipv4.destination(view, ip), PROTOCOL_TCP, total)
    if ((virtio.flags(view, at) & virtio.FLAG_NEEDS_CSUM) === 0) assert.ok(wire.checksumIsRight(view, tcp, total, pseudo), 'bad checksum')
    const header = wire.headerLength(view, tcp)
    const parsed = new Int32Array(options.LENGTH)
    assert.ok(options.parse(view, tcp + wire.HEADER_LENGTH, header - wire.HEADER_LENGTH, parsed), 'bad options were sent')
    const iss = this.connection.iss
    const flags = flagText(wire.flags(view, tcp))
    const sack: [number, number][] = []
    for (let i = 0; i < parsed[options.SACK_COUNT]!; i++) {
      sack.push([(parsed[options.SACK_LEFT + 2 * i]! - this.irs) | 0, (parsed[options.SACK_LEFT + 2 * i + 1]! - this.irs) | 0])
    }
    const segment = {
      seq: (wire.sequence(view, tcp) - iss) | 0,
      ack: flags.includes('.') ? (wire.acknowledgment(view, tcp) - this.irs) | 0 : 0,
      flags,
      window: wire.window(view, tcp),
      text: Buffer.from(this.#arena.bytes.subarray(tcp + header, tcp + total)).toString('latin1'),
      options: parsed,
      sack,
      gsoSize: virtio.gsoType(view, at) === virtio.GSO_NONE ? 0 : virtio.gsoSize(view, at),
    }
    this.sent.push(segment)
    this.onSent(segment)
    return true
  }
}

const BITS: readonly (readonly [string, number])[] = [
  ['S', wire.SYN],
  ['F', wire.FIN],
  ['R', wire.RST],
  ['P', wire.PSH],
  ['U', wire.URG],
  ['.', wire.ACK],
]

const flagBits = (text: string): number => BITS.reduce((bits, [letter, bit]) => (text.includes(letter) ? bits | bit : bits), 0)
const flagText = (bits: number): string => BITS.filter(([, bit]) => (bits & bit) !== 0).reduce((text, [letter]) => text + letter, '')

/** A connection whose SYN is held: the host's connect is pending. */
export function synReceived(o: ScriptOptions = {}, syn: SegmentText = {}): TcpScript {
  const t = new TcpScript(o)
  t.guest({ flags: 'S', seq: 0, ...syn })
  return t
}

/** A connection in ESTABLISHED: the guest's next byte is 1, ours is 1, its window 64,000 bytes (500 << 7). */
export function established(o: ScriptOptions = {}, syn: SegmentText = {}): TcpScript {
  const t = synReceived(o, syn).hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  t.guest({ seq: 1, ack: 1, ...(syn.timestamp ? { timestamp: syn.timestamp } : {}) }).silence()
  assert.equal(t.connection.state, 'ESTABLISHED')
  return t
}
