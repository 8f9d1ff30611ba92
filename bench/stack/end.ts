// One end of a benchmark's link: a stack as app/stack.ts puts it together, with a flow table, over a pipe device. Its hosts take whatever
// they are given and touch no byte of it, so that what is timed is the stack's own work, and the pipe's copy.

import { LIST_NONE, LIST_TIME_WAIT } from '../../src/flow/flow-lists.js'
import { FlowTable, tableBytes } from '../../src/flow/flow-table.js'
import type { Device, FrameReceiver } from '../../src/link/device.js'
import { PipeDevice, type PipeFeatures } from '../../src/link/pipe-device.js'
import type { InterfaceAddresses } from '../../src/net/address-plan.js'
import { KIND_TCP, MAC_HIGH, MAC_LOW, ROW_SHIFT, SOCKET } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { Input } from '../../src/net/input.js'
import { Interface, MAC_OF_IPV4 } from '../../src/net/interface.js'
import type { Arena } from '../../src/packet/arena.js'
import { SLAB_CLASSES, SlabPool } from '../../src/packet/slab-pool.js'
import type { Connection } from '../../src/tcp/connection.js'
import { TcpDemux } from '../../src/tcp/demux.js'
import { END, type Relay, Tcp, TIMERS_PER_ROW } from '../../src/tcp/stack.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import { MAPPED, PROTOCOL_TCP } from '../../src/wire/numbers.js'

/** Connections of an end at a time. */
export const FLOWS = 1024
/** Frames on their way to one end, bytes: more than the largest window. */
export const REGION = 8 << 20
/** Bytes that a host's socket always has room for. */
const ROOM = 8 << 20
const DESCRIPTOR = 3

/** Hosts that read everything at once, and write as much as they are told to. */
class Hosts implements Relay {
  readonly #table: FlowTable
  /** By row: bytes written and not acknowledged, how far of them the stack has read, whether that is all. */
  readonly #written = new Int32Array(FLOWS + 1)
  readonly #offset = new Int32Array(FLOWS + 1)
  readonly #hasEnded = new Uint8Array(FLOWS + 1)
  /** Rows of which the stack is to be told something when its turn comes. */
  readonly events = new Int32Array(4 * FLOWS)
  eventCount = 0
  /** Connections that have been opened, and those that are over. */
  opens = 0
  releases = 0
  /** Bytes taken. */
  received = 0

  constructor(table: FlowTable) {
    this.#table = table
  }

  begin(row: number): void {
    this.#written[row] = this.#offset[row] = this.#hasEnded[row] = 0
  }
  writes(row: number, bytes: number): void {
    this.#written[row]! += bytes
  }
  ends(row: number): void {
    this.#hasEnded[row] = 1
  }

  find(inbound: Inbound): number {
    return this.#table.find(KIND_TCP, inbound.words, 0, inbound.ports)
  }
  accept(inbound: Inbound): number {
    const row = this.#table.insert(KIND_TCP, inbound.words, 0, inbound.ports)
    const base = row << ROW_SHIFT
    this.#table.rows[base + MAC_HIGH] = inbound.macHigh
    this.#table.rows[base + MAC_LOW] = inbound.macLow
    this.#table.rows[base + SOCKET] = DESCRIPTOR
    this.begin(row)
    this.events[this.eventCount++] = row
    return row
  }
  send(_c: Connection, _at: number, length: number): number {
    this.received += length
    return length
  }
  receive(c: Connection, _at: number, length: number): number {
    const left = this.#written[c.row]! - this.#offset[c.row]!
    if (left === 0) return this.#hasEnded[c.row] === 1 ? END : 0
    const taken = Math.min(left, length)
    this.#offset[c.row]! += taken
    return taken
  }
  rewind(c: Connection, offset: number): void {
    this.#offset[c.row] = offset
  }
  consume(c: Connection, length: number): void {
    this.#written[c.row]! -= length
    this.#offset[c.row] = Math.max(0, this.#offset[c.row]! - length)
  }
  room(): number {
    return ROOM
  }
  makeRoom(): void {}
  sendUrgent(c: Connection, at: number): number {
    return this.send(c, at, 1)
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
  /** The other host has ended: so does this one. */
  finish(c: Connection): void {
    if (this.#hasEnded[c.row] === 1) return
    this.#hasEnded[c.row] = 1
    this.events[this.eventCount++] = c.row
  }
  opened(c: Connection): void {
    this.opens++
    this.#table.file(c.row, LIST_NONE)
  }
  close(c: Connection): void {
    c.socket = -1
    this.#table.file(c.row, LIST_TIME_WAIT)
  }
  abort(): void {
    throw new Error('a connection was reset')
  }
  release(c: Connection): void {
    this.releases++
    this.#table.remove(c.row)
  }
}

export class End implements Device, FrameReceiver {
  readonly mtu: number
  readonly hasOffload: boolean
  readonly largestDatagram: number
  readonly pipe: PipeDevice
  readonly hosts: Hosts
  readonly table: FlowTable
  readonly tcp: Tcp
  readonly demux: TcpDemux
  readonly #interface: Interface
  readonly #input: Input
  readonly #timers: TimerWheel
  /** The addresses of the connection that is opened, as a row has them. */
  readonly #words = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
  /** Frames sent. */
  frames = 0
  now = 1
  #below: Device

  constructor(arena: Arena, addresses: InterfaceAddresses, features: PipeFeatures, arrivals: FrameReceiver | null) {
    this.pipe = new PipeDevice(arena, REGION, arrivals ?? this, features)
    this.#below = this.pipe
    this.mtu = features.mtu
    this.hasOffload = this.pipe.hasOffload
    this.largestDatagram = this.pipe.largestDatagram
    this.#interface = new Interface(arena, addresses)
    this.#interface.connect(this)
    this.table = new FlowTable(new ArrayBuffer(tableBytes(FLOWS)), FLOWS, new Int32Array([1, 2]))
    this.hosts = new Hosts(this.table)
    this.#timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    const slabs = new SlabPool(arena, FLOWS)
    const random = new Int32Array([3, 4])
    this.tcp = new Tcp(this.#interface, this.hosts, this.table.rows, FLOWS, slabs, this.#timers, random, SLAB_CLASSES - 1)
    this.#input = new Input(this.#interface, new Inbound())
    this.demux = new TcpDemux(this.tcp, this.#input.drops)
    this.#input.serve(PROTOCOL_TCP, this.demux)
  }

  /** Puts a device in between. */
  sendBy(device: Device): void {
    this.#below = device
  }

  transmit(at: number, length: number): boolean {
    this.frames++
    return this.#below.transmit(at, length)
  }

  receive(at: number, length: number): void {
    this.#input.receive(at, length)
  }

  /** Connects to the guest `guest` from `remote`. The row. */
  open(guest: number, remote: number, ports: number, peer: End): number {
    this.#words[3] = guest
    this.#words[7] = remote
    const row = this.table.insert(KIND_TCP, this.#words, 0, ports)
    const base = row << ROW_SHIFT
    this.table.rows[base + MAC_HIGH] = MAC_OF_IPV4
    this.table.rows[base + MAC_LOW] = peer.#interface.addresses.gateway
    this.table.rows[base + SOCKET] = DESCRIPTOR
    this.hosts.begin(row)
    this.demux.open(row, this.now)
    return row
  }

  /** Time has come to `now`: timers that are due go off. */
  begin(now: number): void {
    this.now = now
    this.#input.inbound.now = now
    this.#timers.advance(now, this.#expiry)
  }

  readonly #expiry = {
    expire: (id: number): void => this.demux.expire(Math.trunc(id / TIMERS_PER_ROW), id % TIMERS_PER_ROW, this.now),
  }

  /** What has arrived is received. */
  receives(): void {
    this.pipe.deliver()
  }

  /** The batch ends: hosts answer, text and acknowledgments leave. */
  settle(): void {
    const { hosts } = this
    for (let i = 0; i < hosts.eventCount; i++) {
      const row = hosts.events[i]!
      if (this.demux.isPending(row)) this.demux.hostConnected(row, this.now)
      else this.demux.hostReadable(row, false)
    }
    hosts.eventCount = 0
    this.demux.settle(this.now)
  }

  get hasWork(): boolean {
    return this.demux.hasWork || this.hosts.eventCount > 0 || this.pipe.waiting > 0
  }

  /** ms until a timer is due, -1 for none. */
  get untilTimer(): number {
    return this.#timers.next(this.now)
  }
}
