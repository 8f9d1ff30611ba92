// The table of flows: every TCP connection, UDP mapping and ping exchange is one row of it (net/flow-row.ts), in one buffer that
// another process can map. Rows are found through an open-addressing index with linear probing and a keyed hash, so that
// nobody can choose ports that all collide.
//
//   index:  | 0 | 17 | 0 | 4 | 9 | 0 | ...      row number or 0, at hash & mask, twice as many places as rows
//   rows:   | - | row 1 | row 2 | ...           128 words each (and ranges behind them all); row 0 is never used
//
// Deleting shifts the entries behind it back (Knuth 6.4, algorithm R), so that no tombstones gather.
//
// When the table is full a new flow takes the row of one that can be missed most (flow-lists.ts). Clients of published ports have three
// quarters of it at most, so that the sandbox always has a network of its own, and each of them a share of that (client-shares.ts).
//
// Half-open connections have a limit of their own as well, beyond which a new one takes the place of the oldest: a flood of SYNs has
// so many sockets of the host at a time, and costs nobody else a row until the table is full.
//
// Flows are counted by guest and, TCP connections, by destination, for the gate's limits (gate.ts). Those that are over do not count.

import {
  BYTES_IN,
  BYTES_OUT,
  counter,
  GENERATION,
  GUEST_ADDRESS,
  HASH,
  HOST_ADDRESS,
  HOST_PORT,
  hashFlow,
  IS_CLIENT,
  KIND,
  KIND_DIRECT,
  KIND_FREE,
  KIND_TCP,
  KIND_UDP_FORWARD,
  PORTS,
  REMOTE_ADDRESS,
  ROW_SHIFT,
  SOCKET,
  setEnds,
  tableWords,
} from '../net/flow-row.js'
import { NetloomError } from '../util/errors.js'
import { HandlePool } from '../util/handle-pool.js'
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/numbers.js'
import { AddressCounts } from './address-counts.js'
import { ClientShares } from './client-shares.js'
import { FlowLists, isHalfOpen, isOver, LIST_DATAGRAM, LIST_HALF_OPEN, LIST_TIME_WAIT } from './flow-lists.js'
import { RuleCounts } from './rule-counts.js'

/** Most rows a table can have: the index of a token has 20 bits. */
export const MAX_FLOWS = 1 << 19

const KINDS = 6
/** Rows that clients of published ports leave to the sandbox: one in so many. */
const SANDBOX_SHARE = 4

/** Ends a flow whose row another one is to have. */
export interface Evictor {
  /** Its socket, timers and memory go, and its row goes back to the table. */
  evict(row: number): void
}

/** How many flows there may be of a kind, in flows. One that is not below the table's capacity is none. */
export interface FlowLimits {
  /** TCP connections that are not established yet; the oldest makes room. */
  readonly maxHalfOpen: number
  /** TCP connections to one address; the gate refuses more. */
  readonly maxFlowsPerDestination: number
  /** Flows of one address in the sandbox; the gate refuses more. */
  readonly maxFlowsPerGuest: number
  /** Flows of one client of published ports; the gate refuses more connections. */
  readonly maxFlowsPerClient: number
}

/** No limits but the table's size. */
const NO_LIMITS: FlowLimits = {
  maxHalfOpen: MAX_FLOWS,
  maxFlowsPerDestination: MAX_FLOWS,
  maxFlowsPerGuest: MAX_FLOWS,
  maxFlowsPerClient: MAX_FLOWS,
}

/** Bytes of the buffer that `flows` rows take. */
export const tableBytes = (flows: number): number => tableWords(flows) * 4

export class FlowTable {
  readonly rows: Int32Array
  readonly capacity: number
  #index: Int32Array
  #mask: number
  #pool: HandlePool
  #key0: number
  #key1: number
  readonly #lists: FlowLists
  readonly #evictors: (Evictor | null)[] = new Array<Evictor | null>(KINDS).fill(null)
  readonly #limits: FlowLimits
  // Null without such a limit: then nothing is counted.
  readonly #guests: AddressCounts | null
  readonly #destinations: AddressCounts | null
  /** Of each guest, flows of clients. */
  readonly #served: AddressCounts | null
  readonly #shares: ClientShares
  readonly #mostOfClients: number
  #ofClients = 0
  /** Flows of port forwards. */
  readonly rules = new RuleCounts()
  /** Flows that were ended for another one; those that were over already do not count. */
  evictions = 0
  /** Flows since the table was made. */
  total = 0
  /** Payload of flows that have ended: from the guest, and to it. */
  endedBytesIn = 0
  endedBytesOut = 0

  /** `buffer`: tableBytes(capacity) zero bytes. `random`: two secret words for the hash. */
  constructor(buffer: ArrayBuffer, capacity: number, random: Int32Array, limits = NO_LIMITS) {
    if (capacity < 1 || capacity > MAX_FLOWS)
      throw new NetloomError('ERR_FLOWS', `a table of ${capacity} flows was asked for, 1 to ${MAX_FLOWS} are possible`)
    this.rows = new Int32Array(buffer, 0, tableWords(capacity))
    this.capacity = capacity
    this.#pool = new HandlePool(capacity)
    let places = 16
    while (places < capacity * 2) places *= 2
    this.#index = new Int32Array(places)
    this.#mask = places - 1
    this.#key0 = random[0]!
    this.#key1 = random[1]!
    this.#limits = limits
    this.#guests = limits.maxFlowsPerGuest < capacity ? new AddressCounts(capacity, this.#key0, this.#key1) : null
    this.#served = limits.maxFlowsPerGuest < capacity ? new AddressCounts(capacity, this.#key0, this.#key1) : null
    this.#destinations = limits.maxFlowsPerDestination < capacity ? new AddressCounts(capacity, this.#key0, this.#key1) : null
    this.#shares = new ClientShares(capacity, limits.maxFlowsPerClient, this.#key0, this.#key1)
    this.#lists = new FlowLists(this.rows, capacity, limits.maxHalfOpen)
    this.#mostOfClients = partOfClients(capacity)
  }

  get inUse(): number {
    return this.#pool.inUse
  }

  /** Names who ends flows of a kind. */
  serve(kind: number, evictor: Evictor): void {
    this.#evictors[kind] = evictor
  }

  /** The oldest flow of the sandbox in a list, 0 when it is empty. */
  oldest(list: number): number {
    return this.#lists.oldest(list)
  }

  /** Whether the sandbox's end may have one more flow, and its other end, if that counts: datagrams go to any. Ends as in `find`. */
  admits(words: Int32Array, at: number, hasRemote: boolean): boolean {
    if (this.#guests !== null && this.#guests.of(words, at) >= this.#limits.maxFlowsPerGuest) return false
    return !hasRemote || this.#destinations === null || this.#destinations.of(words, at + 4) < this.#limits.maxFlowsPerDestination
  }

  /**
   * Whether a client of a published port may have one more flow. Ends as in `find`; who it is, four words from `client` on of `who`, null where that
   * is not known for sure: of a datagram.
   */
  admitsClient(words: Int32Array, at: number, who: Int32Array | null, client: number): boolean {
    if (!this.admits(words, at, true)) return false
    if (this.#served !== null && this.#served.of(words, at) >= partOfClients(this.#limits.maxFlowsPerGuest)) return false
    return who === null || this.#shares.admits(who, client)
  }

  /**
   * The row of a flow, 0 when there is none. Its ends, the guest's and the remote one, are four words each from `at` of `words` on. Of UDP and
   * ping the latter does not matter: one mapping serves every peer (RFC 4787, 4.1).
   */
  find(kind: number, words: Int32Array, at: number, ports: number): number {
    const hasRemote = isOfTwo(kind)
    const hash = hashFlow(this.#key0, this.#key1, kind, words, at, ports, hasRemote)
    const rows = this.rows
    for (let i = hash & this.#mask; ; i = (i + 1) & this.#mask) {
      const row = this.#index[i]!
      if (row === 0) return 0
      const base = row << ROW_SHIFT
      if (rows[base + HASH] !== hash || rows[base + KIND] !== kind || rows[base + PORTS] !== ports) continue
      if (matches(rows, base + GUEST_ADDRESS, words, at, hasRemote ? 8 : 4)) return row
    }
  }

  /** A fresh row for a flow that is not there yet, 0 when the table is full of flows that nobody may end. Ends as in `find`. */
  insert(kind: number, words: Int32Array, at: number, ports: number): number {
    if (kind === KIND_TCP) this.#evict(this.#lists.tooManyHalfOpen(false))
    let row = this.#pool.acquire()
    if (row === 0 && this.#evict(this.#lists.victim())) row = this.#pool.acquire()
    if (row !== 0) this.#begin(row, kind, words, at, ports)
    return row
  }

  /** The same for the flow of a client of a published port, who is at `client` of `who`: four words and the port. */
  insertClient(kind: number, words: Int32Array, at: number, ports: number, who: Int32Array, client: number): number {
    const isConnection = kind !== KIND_UDP_FORWARD
    if (isConnection) this.#evict(this.#lists.tooManyHalfOpen(true))
    const isFull = this.#ofClients >= this.#mostOfClients
    if (isFull && !this.#evict(this.#lists.clientVictim(isConnection, true))) return 0
    let row = this.#pool.acquire()
    if (row === 0 && this.#evict(this.#lists.clientVictim(isConnection, false))) row = this.#pool.acquire()
    if (row === 0) return 0
    this.#begin(row, kind, words, at, ports, who, client)
    return row
  }

  #begin(row: number, kind: number, words: Int32Array, at: number, ports: number, who: Int32Array | null = null, client = 0): void {
    const rows = this.rows
    const base = row << ROW_SHIFT
    const hash = hashFlow(this.#key0, this.#key1, kind, words, at, ports, isOfTwo(kind))
    rows.fill(0, base + GUEST_ADDRESS, base + 40)
    rows[base + KIND] = kind
    rows[base + GENERATION] = (rows[base + GENERATION]! + 1) & 0xff
    setEnds(rows, base, words, at, kind === KIND_TCP ? PROTOCOL_TCP : PROTOCOL_UDP, isOfTwo(kind))
    rows[base + PORTS] = ports
    rows[base + HASH] = hash
    rows[base + SOCKET] = -1
    let i = hash & this.#mask
    while (this.#index[i] !== 0) i = (i + 1) & this.#mask
    this.#index[i] = row
    if (who !== null) {
      rows[base + IS_CLIENT] = 1
      for (let i = 0; i < 4; i++) rows[base + HOST_ADDRESS + i] = who[client + i]!
      rows[base + HOST_PORT] = who[client + 4]!
      this.#ofClients++
    }
    this.#count(base)
    this.#lists.file(row, kind === KIND_TCP || kind === KIND_DIRECT ? LIST_HALF_OPEN : LIST_DATAGRAM)
    this.total++
  }

  /** Gives a row back. */
  remove(row: number): void {
    const rows = this.rows
    const base = row << ROW_SHIFT
    if (!isOver(rows, base)) this.#discount(base)
    this.rules.end(rows, base, isHalfOpen(rows, base))
    this.#lists.unlink(row)
    if (rows[base + IS_CLIENT] === 1) this.#ofClients--
    this.#removeFromIndex(row, rows[base + HASH]!)
    this.endedBytesIn += counter(rows, base + BYTES_IN)
    this.endedBytesOut += counter(rows, base + BYTES_OUT)
    rows[base + KIND] = KIND_FREE
    this.#pool.release(row)
  }

  /** Puts a flow at the end of a list: as the one that became so, or was used, last. */
  file(row: number, list: number): void {
    const base = row << ROW_SHIFT
    const wasOver = isOver(this.rows, base)
    const willBeOver = list === LIST_TIME_WAIT
    if (willBeOver && !wasOver) this.#discount(base)
    else if (wasOver && !willBeOver) this.#count(base)
    else if (list === LIST_DATAGRAM && this.rows[base + IS_CLIENT] === 1) this.#shares.take(this.rows, base)
    this.#lists.file(row, list)
  }

  #count(base: number): void {
    const rows = this.rows
    this.rules.again(rows, base)
    this.#guests?.add(rows, base + GUEST_ADDRESS)
    if (rows[base + KIND] === KIND_TCP) this.#destinations?.add(rows, base + REMOTE_ADDRESS)
    if (rows[base + IS_CLIENT] === 0) return
    this.#served?.add(rows, base + GUEST_ADDRESS)
    this.#shares.take(rows, base)
  }

  #discount(base: number): void {
    const rows = this.rows
    this.rules.over(rows, base)
    this.#guests?.subtract(rows, base + GUEST_ADDRESS)
    if (rows[base + KIND] === KIND_TCP) this.#destinations?.subtract(rows, base + REMOTE_ADDRESS)
    if (rows[base + IS_CLIENT] === 0) return
    this.#served?.subtract(rows, base + GUEST_ADDRESS)
    this.#shares.give(rows, base)
  }

  /** Ends a flow for another one; false when that cannot be. */
  #evict(row: number): boolean {
    if (row === 0) return false
    const base = row << ROW_SHIFT
    const evictor = this.#evictors[this.rows[base + KIND]!] as Evictor | null
    if (evictor === null) return false
    if (!isOver(this.rows, base)) this.evictions++
    evictor.evict(row)
    return true
  }

  #removeFromIndex(row: number, hash: number): void {
    const index = this.#index
    const mask = this.#mask
    let hole = hash & mask
    while (index[hole] !== row) hole = (hole + 1) & mask
    for (let i = (hole + 1) & mask; index[i] !== 0; i = (i + 1) & mask) {
      const home = this.rows[(index[i]! << ROW_SHIFT) + HASH]! & mask
      // May the entry at i move back to the hole? Only if its home is not between them.
      if (((i - home) & mask) < ((i - hole) & mask)) continue
      index[hole] = index[i]!
      hole = i
    }
    index[hole] = 0
  }
}

/** Of so many rows, or flows of a guest, those that clients of published ports may have. */
const partOfClients = (flows: number): number => Math.max(1, flows - Math.max(1, Math.trunc(flows / SANDBOX_SHARE)))

/** Whether a flow has one remote end: other mappings and ping serve every peer. */
const isOfTwo = (kind: number): boolean => kind === KIND_TCP || kind === KIND_UDP_FORWARD

function matches(rows: Int32Array, row: number, words: Int32Array, at: number, count: number): boolean {
  for (let i = count - 1; i >= 0; i--) if (rows[row + i] !== words[at + i]) return false
  return true
}
