// The table of flows: every TCP connection, UDP mapping and ping exchange is one row of it (net/flow-row.ts), in one buffer that
// another process can map. Rows are found through an open-addressing index with linear probing and a keyed hash, so that
// nobody can choose ports that all collide.
//
//   index:  | 0 | 17 | 0 | 4 | 9 | 0 | ...      row number or 0, at hash & mask, twice as many places as rows
//   rows:   | - | row 1 | row 2 | ...           128 words each (and ranges behind them all); row 0 is never used
//
// Deleting shifts the entries behind it back (Knuth 6.4, algorithm R), so that no tombstones gather.
//
// When the table is full a new flow takes the row of one that can be missed most: the oldest of a list. An established connection is in
// none of them, so that no flood of new flows ends it.
//
//   LIST_TIME_WAIT   TCP: over, and only remembered                              goes first
//   LIST_HALF_OPEN   TCP: the host has not answered yet, or the guest has not    then, where they are many: a flood of SYNs
//   LIST_DATAGRAM    UDP and ping, by last use                                   then; and half-open ones when there is nothing else

import {
  BYTES_IN,
  BYTES_OUT,
  counter,
  GENERATION,
  GUEST_ADDRESS,
  HASH,
  KIND,
  KIND_FREE,
  KIND_TCP,
  LIST,
  MAPPED,
  NEWER,
  OLDER,
  PORTS,
  REMOTE_ADDRESS,
  ROW_SHIFT,
  SOCKET,
  tableWords,
} from '../net/flow-row.js'
import { NetloomError } from '../util/errors.js'
import { HandlePool } from '../util/handle-pool.js'
import { hash4 } from '../util/hash.js'

/** Most rows a table can have: the index of a token has 20 bits. */
export const MAX_FLOWS = 1 << 19

export const LIST_NONE = 0
export const LIST_TIME_WAIT = 1
export const LIST_HALF_OPEN = 2
export const LIST_DATAGRAM = 3
const LISTS = 4
const KINDS = 4
/** As many half-open connections, as a share of the table, are connects under way: ended for others they would only be begun again. */
const HALF_OPEN_SHARE = 4

/** Ends a flow whose row another one is to have. */
export interface Evictor {
  /** Its socket, timers and memory go, and its row goes back to the table. */
  evict(row: number): void
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
  #oldest = new Int32Array(LISTS)
  #newest = new Int32Array(LISTS)
  #lengths = new Int32Array(LISTS)
  readonly #evictors: (Evictor | null)[] = new Array<Evictor | null>(KINDS).fill(null)
  /** Flows that cost another one its row. */
  evictions = 0
  /** Flows since the table was made. */
  total = 0
  /** Payload of flows that have ended: from the guest, and to it. */
  endedBytesIn = 0
  endedBytesOut = 0

  /** `buffer`: tableBytes(capacity) zero bytes. `random`: two secret words for the hash. */
  constructor(buffer: ArrayBuffer, capacity: number, random: Int32Array) {
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
  }

  get inUse(): number {
    return this.#pool.inUse
  }

  /** Names who ends flows of a kind. */
  serve(kind: number, evictor: Evictor): void {
    this.#evictors[kind] = evictor
  }

  /** The oldest flow of a list, 0 when it is empty. */
  oldest(list: number): number {
    return this.#oldest[list]!
  }

  /** The row of an IPv4 flow, 0 when there is none. For UDP and ping `remote` is 0: one mapping serves every peer (RFC 4787, 4.1). */
  find(kind: number, guest: number, remote: number, ports: number): number {
    const hash = hash4(this.#key0, this.#key1, kind, guest, remote, ports)
    const rows = this.rows
    for (let i = hash & this.#mask; ; i = (i + 1) & this.#mask) {
      const row = this.#index[i]!
      if (row === 0) return 0
      const base = row << ROW_SHIFT
      if (rows[base + HASH] === hash && rows[base + KIND] === kind && matches(rows, base, guest, remote, ports)) return row
    }
  }

  /** A fresh row for an IPv4 flow that is not there yet, 0 when the table is full of flows that nobody may end. */
  insert(kind: number, guest: number, remote: number, ports: number): number {
    let row = this.#pool.acquire()
    if (row === 0 && this.#evict()) row = this.#pool.acquire()
    if (row === 0) return 0
    const rows = this.rows
    const base = row << ROW_SHIFT
    const hash = hash4(this.#key0, this.#key1, kind, guest, remote, ports)
    rows.fill(0, base + GUEST_ADDRESS, base + 40)
    rows[base + KIND] = kind
    rows[base + GENERATION] = (rows[base + GENERATION]! + 1) & 0xff
    rows[base + GUEST_ADDRESS + 2] = MAPPED
    rows[base + GUEST_ADDRESS + 3] = guest
    rows[base + REMOTE_ADDRESS + 2] = MAPPED
    rows[base + REMOTE_ADDRESS + 3] = remote
    rows[base + PORTS] = ports
    rows[base + HASH] = hash
    rows[base + SOCKET] = -1
    let i = hash & this.#mask
    while (this.#index[i] !== 0) i = (i + 1) & this.#mask
    this.#index[i] = row
    this.#push(row, kind === KIND_TCP ? LIST_HALF_OPEN : LIST_DATAGRAM)
    this.total++
    return row
  }

  /** Gives a row back. */
  remove(row: number): void {
    const rows = this.rows
    const base = row << ROW_SHIFT
    this.#unlink(row)
    this.#removeFromIndex(row, rows[base + HASH]!)
    this.endedBytesIn += counter(rows, base + BYTES_IN)
    this.endedBytesOut += counter(rows, base + BYTES_OUT)
    rows[base + KIND] = KIND_FREE
    this.#pool.release(row)
  }

  /** Puts a flow at the end of a list: as the one that became so, or was used, last. */
  file(row: number, list: number): void {
    if (list !== LIST_NONE && row === this.#newest[list]) return
    this.#unlink(row)
    this.#push(row, list)
  }

  #evict(): boolean {
    const row = this.#victim()
    if (row === 0) return false
    const evictor = this.#evictors[this.rows[(row << ROW_SHIFT) + KIND]!] as Evictor | null
    if (evictor === null) return false
    evictor.evict(row)
    this.evictions++
    return true
  }

  #victim(): number {
    const over = this.#oldest[LIST_TIME_WAIT]!
    if (over !== 0) return over
    const halfOpen = this.#oldest[LIST_HALF_OPEN]!
    const datagram = this.#oldest[LIST_DATAGRAM]!
    const isFlood = this.#lengths[LIST_HALF_OPEN]! * HALF_OPEN_SHARE > this.capacity
    return halfOpen !== 0 && (isFlood || datagram === 0) ? halfOpen : datagram
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

  #push(row: number, list: number): void {
    const rows = this.rows
    const base = row << ROW_SHIFT
    rows[base + LIST] = list
    if (list === LIST_NONE) return
    const newest = this.#newest[list]!
    rows[base + OLDER] = newest
    rows[base + NEWER] = 0
    if (newest !== 0) rows[(newest << ROW_SHIFT) + NEWER] = row
    else this.#oldest[list] = row
    this.#newest[list] = row
    this.#lengths[list]!++
  }

  #unlink(row: number): void {
    const rows = this.rows
    const base = row << ROW_SHIFT
    const list = rows[base + LIST]!
    if (list === LIST_NONE) return
    const older = rows[base + OLDER]!
    const newer = rows[base + NEWER]!
    if (older !== 0) rows[(older << ROW_SHIFT) + NEWER] = newer
    else this.#oldest[list] = newer
    if (newer !== 0) rows[(newer << ROW_SHIFT) + OLDER] = older
    else this.#newest[list] = older
    rows[base + LIST] = LIST_NONE
    this.#lengths[list]!--
  }
}

const matches = (rows: Int32Array, base: number, guest: number, remote: number, ports: number): boolean =>
  rows[base + GUEST_ADDRESS + 3] === guest && rows[base + REMOTE_ADDRESS + 3] === remote && rows[base + PORTS] === ports
