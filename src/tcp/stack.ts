// What the functions of this folder work with: one Tcp per network. It owns the timers, the list of connections to look
// at when a batch ends, and the ways out: the interface towards the guest, the relay towards the host.
//
// The relay is TCP's user (RFC 9293, 3.9.1) and holds no bytes: what we read from it stays in the host's kernel until the
// guest has acknowledged it, and what we give it is in the host's kernel when the call returns.

import { ROW_SHIFT, rangesAt } from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import type { SlabPool } from '../packet/slab-pool.js'
import type { TimerWheel } from '../util/timer-wheel.js'
import { MAX_SACK_BLOCKS } from '../wire/tcp-options.js'
import { IS_DIRTY } from './columns.js'
import { Connection } from './connection.js'
import { Segment } from './segment.js'

/** What `Relay.receive` returns when the host has sent its last byte. */
export const END = -1

/** The host's side of a connection. */
export interface Relay {
  /** Gives bytes to the host's kernel: how many it took (0: full), or -errno when the connection is broken. */
  send(c: Connection, at: number, length: number): number
  /**
   * Copies the next bytes (from sndNxt on) into the arena: how many, 0 for none now, END, or -errno below END. Lowers HOST_READABLE when it knows
   * that there are no more for now, and raises HOST_EOF besides when they are the last.
   */
  receive(c: Connection, at: number, length: number): number
  /** Gives one byte, marked as urgent. */
  sendUrgent(c: Connection, at: number): number
  /** How many bytes behind sndUna the host's urgent byte is; -1: there is none that can be told. */
  mark(c: Connection): number
  /** The next `receive` starts `offset` bytes behind sndUna. */
  rewind(c: Connection, offset: number): void
  /** The guest has acknowledged `length` bytes from sndUna on: they may go. Called before sndUna moves. */
  consume(c: Connection, length: number): void
  /** Bytes the host's socket will take without refusing any; asks the kernel. */
  room(c: Connection): number
  /** The guest has sent again `length` bytes that the host's socket had no room for: it is to take them, if it can be made to. */
  makeRoom(c: Connection, length: number): void
  /** The window is closed: `Tcp.hostWritable` is to be called when the socket has drained. */
  wantRoom(c: Connection): void
  /**
   * ms since the host's peer was heard last, 0 when that cannot be told or says nothing, because bytes are on their way to it and are neither
   * acknowledged nor sent again in vain. `asks`: the guest asks whether it lives, after about that time; so the kernel is to ask it, now and in that rhythm.
   */
  silence(c: Connection, asks: boolean): number
  /** True when the host's kernel has sent again and again what the peer does not acknowledge. */
  stalled(c: Connection): boolean
  /** The guest has ended: pass its FIN on. */
  finish(c: Connection): void
  /** The guest has acknowledged our SYN: the connection is established. */
  opened(c: Connection): void
  /** Both ends are done, and the row stays for TIME-WAIT: the host's socket may go. */
  close(c: Connection): void
  /** The guest has reset the connection, or broken it: the host must see a reset. */
  abort(c: Connection): void
  /** The connection is over and its row free: after `abort`, or both ends. */
  release(c: Connection): void
  /** A SYN for a connection that is not known: 0 when it was refused (and the guest told), or a fresh row with its host connect under way. */
  accept(inbound: Inbound): number
  /** The row of a connection by its addresses and ports, 0 for none. */
  find(inbound: Inbound): number
}

/** RFC 9293, 3.8.4: two hours, ms. It is on, as a dead guest has no other way to free what the host keeps for it. */
const KEEP_ALIVE_IDLE = 7_200_000

/** Timers of a row. */
export const TIMER_RETRANSMIT = 0 // retransmission, persist, TIME-WAIT: never two of them at once
export const TIMER_DELAYED_ACK = 1
/** Keep-alive. */
export const TIMER_KEEP_ALIVE = 2
export const TIMERS_PER_ROW = 3

export class Tcp {
  readonly interface: Interface
  readonly relay: Relay
  readonly slabs: SlabPool
  readonly timers: TimerWheel
  readonly segment = new Segment()
  /** Bound of the memory a connection's receive window may take: a size class of slab-pool.ts. */
  readonly largestSlab: number
  /** Keys of initial sequence numbers (RFC 6528). */
  readonly key0: number
  readonly key1: number
  /** SACK blocks of the segment that is being put together: sack.ts. */
  readonly sackBlocks = new Int32Array(2 * MAX_SACK_BLOCKS)
  sackCount = 0
  /** ms of silence after which a guest is asked whether it is still there. */
  keepAliveIdle = KEEP_ALIVE_IDLE
  /** The SYN that opens a connection anew, and the least ISS it may get: isn.ts. */
  successorIrs = 0
  successorIss = 0
  /** Looks at each row that was worked on, in debug builds: invariants.ts. */
  verify: ((tcp: Tcp, c: Connection) => void) | null = null
  /** ms, set when a batch begins. */
  now = 0
  /** Segments the guest had to be sent twice. */
  retransmissions = 0
  readonly #rows: Int32Array
  readonly #flows: number
  #connections: (Connection | undefined)[]
  #dirty: Int32Array
  #dirtyCount = 0
  #ready: Int32Array

  /**
   * `rows`: the flow table's words; `flows`: how many rows it has. `timers` has TIMERS_PER_ROW ids a row from 0 on, shared with
   * the other relays. `random`: two secret words.
   */
  constructor(
    iface: Interface,
    relay: Relay,
    rows: Int32Array,
    flows: number,
    slabs: SlabPool,
    timers: TimerWheel,
    random: Int32Array,
    largestSlab: number,
  ) {
    this.interface = iface
    this.relay = relay
    this.slabs = slabs
    this.timers = timers
    this.largestSlab = largestSlab
    this.key0 = random[0]!
    this.key1 = random[1]!
    this.#rows = rows
    this.#flows = flows
    // Filled, so that it is of one kind to V8, whether or not there was a connection yet.
    this.#connections = new Array<Connection | undefined>(flows + 1).fill(undefined)
    this.#dirty = new Int32Array(flows + 1)
    this.#ready = new Int32Array(flows + 1)
  }

  /** The view of a row; the same one each time. */
  connection(row: number): Connection {
    const known = this.#connections[row]
    if (known !== undefined) return known
    // Off the packet path: once a row.
    const made = new Connection(this.#rows, row << ROW_SHIFT, rangesAt(this.#flows, row), row)
    this.#connections[row] = made
    return made
  }

  /** Has `settle` look at the connection when the batch ends. */
  touch(c: Connection): void {
    if (c.has(IS_DIRTY)) return
    c.raise(IS_DIRTY)
    this.#dirty[this.#dirtyCount++] = c.row
  }

  /** Connections touched since the last call are moved to a second list, whose length is returned; read it with `touched`. */
  takeTouched(): number {
    const count = this.#dirtyCount
    const list = this.#dirty
    this.#dirty = this.#ready
    this.#ready = list
    this.#dirtyCount = 0
    for (let i = 0; i < count; i++) this.connection(list[i]!).lower(IS_DIRTY)
    return count
  }

  touched(i: number): Connection {
    return this.connection(this.#ready[i]!)
  }

  /** True while connections wait for `settle`. */
  get hasTouched(): boolean {
    return this.#dirtyCount > 0
  }

  setTimer(c: Connection, kind: number, wait: number): void {
    this.timers.schedule(c.row * TIMERS_PER_ROW + kind, (this.now + wait) | 0)
  }

  cancelTimer(c: Connection, kind: number): void {
    this.timers.cancel(c.row * TIMERS_PER_ROW + kind)
  }

  /** When a timer that is set goes off, ms. */
  deadline(c: Connection, kind: number): number {
    return this.timers.deadline(c.row * TIMERS_PER_ROW + kind)
  }

  hasTimer(c: Connection, kind: number): boolean {
    return this.timers.isScheduled(c.row * TIMERS_PER_ROW + kind)
  }
}
