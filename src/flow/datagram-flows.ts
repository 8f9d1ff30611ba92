// What UDP mappings and ping exchanges have in common: a row with a host socket, which ends after a time of silence, or as the
// least recently used when the table is full. The relays (udp-relay.ts, ping-relay.ts) add what their protocol asks for.
import { EPOLLERR, EPOLLET, EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_DATAGRAM, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { DropCounters } from '../net/drops.js'
import {
  ACTIVE,
  ANSWERED,
  BYTES_IN,
  BYTES_OUT,
  CREATED,
  count,
  GENERATION,
  IS_POSTPONED,
  KIND,
  KIND_TCP,
  MAC_HIGH,
  MAC_LOW,
  PACKETS_IN,
  PACKETS_OUT,
  PROTOCOL,
  ROW_SHIFT,
  SOCKET,
} from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import { TIMERS_PER_ROW } from '../tcp/stack.js'
import type { TimerWheel } from '../util/timer-wheel.js'
import { LIST_DATAGRAM } from './flow-lists.js'
import type { Evictor, FlowTable } from './flow-table.js'
import { outgoing } from './hops.js'
import { READ_ALL, READ_ON, READ_PAUSE, type ReadOutcome } from './read-outcome.js'

/** Kinds of rows, flow-row.ts: they index the relays. */
const KINDS = 6
/** A datagram flow's own column: TTL | TOS << 8 | DF << 16 that its socket sends with. */
const SENT_WITH = PROTOCOL
const UNKNOWN = -1

/** One protocol's part. */
export interface DatagramRelay {
  /** The socket has something to read. */
  readable(row: number): ReadOutcome
  /** The socket's error queue may have something. True when a budget ran out and more may be left. */
  failed(row: number): boolean
  /** The row and its socket are about to go: what waits for them has to leave now. */
  ends?(row: number): void
}

export class DatagramFlows implements ReadyHandler, Evictor {
  readonly table: FlowTable
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #rows: Int32Array
  readonly #timers: TimerWheel
  readonly drops: DropCounters
  readonly #relays: (DatagramRelay | null)[] = new Array<DatagramRelay | null>(KINDS).fill(null)
  #pending: Int32Array
  #pendingCount = 0
  /** All that wait only fail: they are not asked before then, int32 ms. */
  #isPaused = false
  #pausedUntil = 0

  constructor(native: NativeContext, loop: EventLoop, table: FlowTable, timers: TimerWheel, drops: DropCounters) {
    this.#native = native
    this.#loop = loop
    this.table = table
    this.#rows = table.rows
    this.#timers = timers
    this.drops = drops
    this.#pending = new Int32Array(table.capacity)
    loop.serve(TOKEN_DATAGRAM, this)
  }

  /** Names the relay of a kind of rows. */
  serve(kind: number, relay: DatagramRelay): void {
    this.#relays[kind] = relay
    this.table.serve(kind, this)
  }

  get now(): number {
    return this.#loop.now
  }

  /** A row for a socket just opened, which it takes over; its ends as FlowTable.insert has them: 0, with the socket closed, when none can be had. */
  open(kind: number, words: Int32Array, ports: number, socket: number, now: number): number {
    return this.#begin(this.table.insert(kind, words, 0, ports), socket, now)
  }

  /** The same for the client of a published port, four words and the port. */
  openClient(kind: number, words: Int32Array, ports: number, socket: number, client: Int32Array, now: number): number {
    return this.#begin(this.table.insertClient(kind, words, 0, ports, client, 0), socket, now)
  }

  #begin(row: number, socket: number, now: number): number {
    if (row !== 0) {
      const base = row << ROW_SHIFT
      this.#rows[base + SOCKET] = socket
      this.#rows[base + SENT_WITH] = UNKNOWN
      this.#rows[base + CREATED] = now
      if (this.#native.epollAdd(socket, token(TOKEN_DATAGRAM, this.#rows[base + GENERATION]!, row), EPOLLIN | EPOLLET) >= 0) return row
      this.table.remove(row)
      this.drops.hostExhausted++
    } else this.drops.tableFull++
    this.#native.closeDescriptor(socket)
    return 0
  }

  /** True when the row's socket sends with what the guest has sent with. */
  isHeaded(row: number, inbound: Inbound, isAtHand: boolean): boolean {
    return this.#rows[(row << ROW_SHIFT) + SENT_WITH] === headerWord(inbound, isAtHand)
  }

  /**
   * Has the row's socket send with TTL, TOS and don't-fragment as the guest has sent (RFC 1812, 5.3.1: one hop less). Most flows never change
   * them, so the kernel is told once. `isAtHand`: where it goes is no hop away.
   */
  head(row: number, inbound: Inbound, isAtHand: boolean): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const word = headerWord(inbound, isAtHand)
    if (rows[base + SENT_WITH] === word) return
    rows[base + SENT_WITH] = word
    this.#native.datagramHeader(rows[base + SOCKET]!, inbound.isIpv6 ? 6 : 4, word & 0xff, inbound.typeOfService, inbound.dontFragment)
  }

  /** Counts `length` bytes from the guest, in so many datagrams, and keeps the flow for another `expiry` ms. */
  sent(row: number, inbound: Inbound, length: number, expiry: number, datagrams = 1): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows[base + MAC_HIGH] = inbound.macHigh
    rows[base + MAC_LOW] = inbound.macLow
    rows[base + PACKETS_IN] = (rows[base + PACKETS_IN]! + datagrams) | 0
    count(rows, base + BYTES_IN, length)
    this.#used(row, base, inbound.now, expiry)
  }

  /** Counts `length` bytes to the guest, in so many datagrams, and keeps the flow for another `expiry` ms. */
  received(row: number, length: number, expiry: number, datagrams = 1): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows[base + ANSWERED] = 1
    rows[base + PACKETS_OUT] = (rows[base + PACKETS_OUT]! + datagrams) | 0
    count(rows, base + BYTES_OUT, length)
    this.#used(row, base, this.#loop.now, expiry)
  }

  #used(row: number, base: number, now: number, expiry: number): void {
    this.#rows[base + ACTIVE] = now
    this.table.file(row, LIST_DATAGRAM)
    this.#timers.schedule(row * TIMERS_PER_ROW, (now + expiry) | 0)
  }

  /** An event of a row's socket (epoll). */
  ready(row: number, generation: number, events: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const kind = rows[base + KIND]!
    if (kind === KIND_TCP || rows[base + GENERATION] !== generation) return
    const relay = this.#relays[kind] as DatagramRelay | null
    if (relay === null) return
    const hasErrors = (events & EPOLLERR) !== 0 && relay.failed(row)
    this.#goOn(row, (events & EPOLLIN) === 0 ? READ_ALL : relay.readable(row), hasErrors)
  }

  #goOn(row: number, outcome: ReadOutcome, hasErrors: boolean): void {
    if (outcome === READ_ALL && !hasErrors) return
    if (outcome === READ_ON || hasErrors) this.#isPaused = false
    // Those that only fail have the next turn for themselves when there is another one anyway.
    else if (this.#pendingCount === 0) {
      this.#isPaused = true
      this.#pausedUntil = (this.#loop.now + READ_PAUSE) | 0
    }
    this.#postpone(row)
  }

  // Once only: an event may tell again of what waits already, and the list has a place for each row.
  #postpone(row: number): void {
    const base = row << ROW_SHIFT
    if (this.#rows[base + IS_POSTPONED] === 1 || this.#pendingCount === this.#pending.length) return
    this.#rows[base + IS_POSTPONED] = 1
    this.#pending[this.#pendingCount++] = row
  }

  /** Sockets wait whose budget ran out. */
  get hasWork(): boolean {
    return this.#pendingCount > 0 && !this.#isPaused
  }

  /** Ends the pause of sockets that only failed when it is over; the ms until then, -1: there is none. */
  expire(now: number): number {
    if (!this.#isPaused) return -1
    const wait = (this.#pausedUntil - now) | 0
    if (wait > 0) return wait
    this.#isPaused = false
    return this.#pendingCount > 0 ? 0 : -1
  }

  /** Goes on with those sockets. */
  resume(): void {
    if (!this.hasWork) return
    const count = this.#pendingCount
    this.#pendingCount = 0
    for (let i = 0; i < count; i++) {
      const row = this.#pending[i]!
      const base = row << ROW_SHIFT
      this.#rows[base + IS_POSTPONED] = 0
      const relay = this.#relays[this.#rows[base + KIND]!] ?? null
      if (relay === null) continue
      const hasErrors = relay.failed(row)
      this.#goOn(row, relay.readable(row), hasErrors)
    }
  }

  /** See Evictor. */
  evict(row: number): void {
    this.remove(row)
  }

  /** Ends a flow: its timer, socket and row go. */
  remove(row: number): void {
    this.#relays[this.#rows[(row << ROW_SHIFT) + KIND]!]?.ends?.(row)
    this.#timers.cancel(row * TIMERS_PER_ROW)
    this.#native.closeDescriptor(this.#rows[(row << ROW_SHIFT) + SOCKET]!)
    this.table.remove(row)
  }
}

/** TTL | TOS << 8 | DF << 16: what the host's socket is to send with. */
const headerWord = (inbound: Inbound, isAtHand: boolean): number =>
  outgoing(inbound.timeToLive, isAtHand) | (inbound.typeOfService << 8) | (inbound.dontFragment << 16)
