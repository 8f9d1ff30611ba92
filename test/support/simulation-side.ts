// One side of a simulated connection: a stack as app/stack.ts puts it together, with a socket in memory in place of the host's, a clock of
// its own, and a watch over every frame it sends.
import assert from 'node:assert/strict'
import type { Device, FrameReceiver } from '../../src/link/device.js'
import type { InterfaceAddresses } from '../../src/net/address-plan.js'
import { tableWords } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { Input } from '../../src/net/input.js'
import { Interface } from '../../src/net/interface.js'
import type { Arena } from '../../src/packet/arena.js'
import { SlabPool } from '../../src/packet/slab-pool.js'
import { TcpDemux } from '../../src/tcp/demux.js'
import { verify } from '../../src/tcp/invariants.js'
import { Tcp, TIMERS_PER_ROW } from '../../src/tcp/stack.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'
import { IP_AT } from './frames.js'
import { BROKEN, READABLE, ROW, SimulatedHost, WRITABLE } from './simulation-host.js'
import type { HostPlan } from './simulation-plan.js'
import { Seen, Watch } from './simulation-watch.js'
import { isWhole } from './tcp-in-frame.js'

/** Rows of a side's table. */
export const FLOWS = 2

/** What is particular to one side. */
interface SidePlan {
  readonly name: string
  readonly addresses: InterfaceAddresses
  readonly host: HostPlan
  /** Where the text of the other host begins. */
  readonly expectedKey: number
  /** Clock of this side when the simulation begins: int32 ms. */
  readonly start: number
  /** Keys of its initial sequence numbers. */
  readonly keys: Int32Array
  /** Size class that its receive window grows to. */
  readonly largestSlab: number
  readonly keepAliveIdle: number
}

/** What is known of the frames that come. */
interface Traffic {
  /** All of them belong to the same connection. */
  readonly isOfOneConnection: boolean
  /** Some are damaged, and it is for their checksums to tell. */
  readonly isDamaged: boolean
}

export class Side implements Device, FrameReceiver {
  readonly plan: SidePlan
  readonly mtu: number
  readonly hasOffload: boolean
  readonly largestDatagram: number
  readonly host: SimulatedHost
  readonly interface: Interface
  readonly input: Input
  readonly watch: Watch
  tcp: Tcp
  demux: TcpDemux
  slabs: SlabPool
  timers: TimerWheel
  /** Segments that processes before this one have sent again. */
  retransmissions = 0
  /** Sees each frame after the watch, and may change it. */
  onSent: (seen: Seen, at: number, length: number) => void = () => {}
  now: number
  readonly #arriving = new Seen()
  readonly #arena: Arena
  readonly #view: DataView
  readonly #below: Device
  readonly #isDamaged: boolean

  /** `below`: where its frames go. */
  constructor(arena: Arena, plan: SidePlan, below: Device, traffic: Traffic) {
    this.plan = plan
    this.#below = below
    this.mtu = below.mtu
    this.hasOffload = below.hasOffload
    this.largestDatagram = below.largestDatagram
    this.now = plan.start
    this.#arena = arena
    this.#view = arena.view
    this.#isDamaged = traffic.isDamaged
    this.interface = new Interface(arena, plan.addresses)
    this.interface.connect(this)
    const rows = new Int32Array(tableWords(FLOWS))
    this.host = new SimulatedHost(rows, arena.bytes, plan.host, plan.expectedKey)
    this.watch = new Watch(this.host, arena.bytes, this.hasOffload ? this.largestDatagram : this.mtu, traffic.isOfOneConnection)
    this.host.onBegin = () => this.watch.restart()
    this.input = new Input(this.interface, new Inbound())
    this.slabs = new SlabPool(arena, FLOWS)
    this.timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    this.tcp = this.#newTcp(rows, plan.keys)
    this.demux = this.#newDemux()
  }

  #newTcp(rows: Int32Array, keys: Int32Array): Tcp {
    const { largestSlab, keepAliveIdle } = this.plan
    const tcp = new Tcp(this.interface, this.host, rows, FLOWS, this.slabs, this.timers, keys, largestSlab)
    tcp.keepAliveIdle = keepAliveIdle
    tcp.verify = verify
    return tcp
  }

  #newDemux(): TcpDemux {
    const demux = new TcpDemux(this.tcp, this.input.drops)
    this.input.serve(PROTOCOL_TCP, demux)
    return demux
  }

  /**
   * Another process takes over: of the connection it is given a snapshot and the host's socket, and nothing else is left of this one. The
   * arena must have room for another set of rings.
   */
  handOver(): void {
    if (!this.host.isUsed) return
    const bytes = this.demux.snapshot(ROW)
    const rows = new Int32Array(tableWords(FLOWS))
    this.retransmissions += this.tcp.retransmissions
    this.slabs = new SlabPool(this.#arena, FLOWS)
    this.timers = new TimerWheel((FLOWS + 1) * TIMERS_PER_ROW, this.now)
    this.host.handOver(rows)
    this.tcp = this.#newTcp(
      rows,
      this.plan.keys.map((key) => ~key),
    )
    this.demux = this.#newDemux()
    this.demux.restore(ROW, bytes, this.now)
    verify(this.tcp, this.tcp.connection(ROW))
  }

  /** A frame of this side's stack. */
  transmit(at: number, length: number): boolean {
    const seen = this.watch.seen
    assert.ok(seen.read(this.#view, at, length), 'a frame that is no segment')
    this.watch.sends(length - IP_AT)
    this.onSent(seen, at, length)
    return this.#below.transmit(at, length)
  }

  /** A frame for this side's stack. */
  receive(at: number, length: number): void {
    const s = this.#arriving
    if (s.read(this.#view, at, length) && !(this.#isDamaged && !isWhole(this.#view, at, length))) this.watch.receives(s)
    this.input.receive(at, length)
  }

  /** Time has come to `t` ms since the simulation began. */
  begin(t: number): void {
    this.now = (this.plan.start + t) | 0
    this.input.inbound.now = this.now
    this.timers.advance(this.now, this.#expiry)
  }

  readonly #expiry = {
    expire: (id: number): void => this.demux.expire(Math.trunc(id / TIMERS_PER_ROW), id % TIMERS_PER_ROW, this.now),
  }

  /** The host connects to the guest. */
  open(ends: Int32Array, ports: number, macHigh: number, macLow: number): void {
    this.host.begin(ends, ports, macHigh, macLow)
    this.host.isConnected = true
    this.demux.open(ROW, this.now)
  }

  /** The application's turn. */
  work(t: number): void {
    const events = this.host.work(t)
    if ((events & BROKEN) !== 0) this.demux.hostBroken(ROW, this.now)
    else {
      if ((events & WRITABLE) !== 0) this.demux.hostWritable(ROW, this.now)
      if ((events & READABLE) !== 0 && this.host.isUsed) this.demux.hostReadable(ROW, this.host.hasEnded)
    }
  }

  settle(): void {
    if (this.demux.hasWork) this.demux.settle(this.now)
  }

  /** ms until a timer of the stack, -1 for none. */
  get untilTimer(): number {
    return this.timers.next(this.now)
  }

  /** What a connection must not leave behind. */
  checkEmpty(): void {
    const { name } = this.plan
    assert.equal(this.slabs.inUse, 0, `${name}: a receive ring was left`)
    assert.equal(this.timers.scheduled, 0, `${name}: a timer was left`)
    assert.ok(!this.host.isUsed, `${name}: a row was left`)
  }

  get dropped(): number {
    return Object.values(this.input.drops).reduce((sum: number, count: number) => sum + count, 0)
  }
}
