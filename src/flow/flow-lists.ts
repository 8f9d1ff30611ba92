// Which flow gives its row to another one when there is no room: the oldest of a list. The lists go through the rows themselves (OLDER, NEWER),
// so that whatever is done to them costs the same however many flows there are. An established connection is in none of them: no
// flood of new flows ends it.
//
//   of the sandbox    of clients of published ports
//   LIST_TIME_WAIT    CLIENT_TIME_WAIT    TCP: over, and only remembered
//   LIST_HALF_OPEN    CLIENT_HALF_OPEN    TCP: the host has not answered yet, or the guest has not
//   LIST_DATAGRAM     CLIENT_DATAGRAM     UDP and ping, by last use
//                     CLIENT_STRANGER     UDP: nothing has come back yet, or its client has its share of flows already
//
// Two parts of the table, then, and a flow takes the row of one of its own part first. A flow of the sandbox takes
//
//   what is over, a stranger's, the oldest mapping while half-open connections are below their limit, the oldest half-open connection
//   and, where its own part is all established, a client's of UDP, a client's half-open connection
//
// and a client's flow
//
//   what is over, a stranger's, another client's of UDP, while its part is below its limit the sandbox's oldest mapping, a client's
//   half-open connection
//
// where UDP clients keep a few rows (`kept`): so many come without taking each other's, before the guest can have answered, and so many are
// not ended by connections that come.
import { HAS_SHARE, IS_CLIENT, LIST, NEWER, OLDER, ROW_SHIFT } from '../net/flow-row.js'

export const LIST_NONE = 0
export const LIST_TIME_WAIT = 1
export const LIST_HALF_OPEN = 2
export const LIST_DATAGRAM = 3
/** The same of clients: so much further. */
const OF_CLIENTS = 3
const CLIENT_TIME_WAIT = LIST_TIME_WAIT + OF_CLIENTS
const CLIENT_HALF_OPEN = LIST_HALF_OPEN + OF_CLIENTS
const CLIENT_DATAGRAM = LIST_DATAGRAM + OF_CLIENTS
const CLIENT_STRANGER = 7
const LISTS = 8

/** Rows that UDP clients keep: one in so many, and no fewer than. */
const KEPT_SHARE = 16
const KEPT_AT_LEAST = 16

export class FlowLists {
  readonly #rows: Int32Array
  readonly #maxHalfOpen: number
  readonly #kept: number
  readonly #oldest = new Int32Array(LISTS)
  readonly #newest = new Int32Array(LISTS)
  readonly #lengths = new Int32Array(LISTS)

  /** Of `capacity` rows. `maxHalfOpen`: connections of each part that are not established yet. */
  constructor(rows: Int32Array, capacity: number, maxHalfOpen: number) {
    this.#rows = rows
    this.#maxHalfOpen = maxHalfOpen
    this.#kept = Math.max(KEPT_AT_LEAST, Math.trunc(capacity / KEPT_SHARE))
  }

  /** The oldest flow of a list of the sandbox's part, 0 when it is empty. */
  oldest(list: number): number {
    return this.#oldest[list]!
  }

  /** The oldest half-open connection of a part that has as many as it may, else 0. */
  tooManyHalfOpen(isClient: boolean): number {
    const list = isClient ? CLIENT_HALF_OPEN : LIST_HALF_OPEN
    return this.#lengths[list]! >= this.#maxHalfOpen ? this.#oldest[list]! : 0
  }

  /** Who makes room for a flow of the sandbox, 0: nobody. */
  victim(): number {
    const oldest = this.#oldest
    const isWithin = this.#lengths[LIST_HALF_OPEN]! < this.#maxHalfOpen
    return (
      oldest[LIST_TIME_WAIT]! ||
      oldest[CLIENT_TIME_WAIT]! ||
      oldest[CLIENT_STRANGER]! ||
      (isWithin ? oldest[LIST_DATAGRAM]! : 0) ||
      oldest[LIST_HALF_OPEN]! ||
      oldest[LIST_DATAGRAM]! ||
      oldest[CLIENT_DATAGRAM]! ||
      oldest[CLIENT_HALF_OPEN]!
    )
  }

  /** Who makes room for a client's flow, 0: nobody. `isConnection`: it is one of TCP; `isAlone`: only another client's may go. */
  clientVictim(isConnection: boolean, isAlone: boolean): number {
    const oldest = this.#oldest
    const over = oldest[CLIENT_TIME_WAIT]! || (isAlone ? 0 : oldest[LIST_TIME_WAIT]!)
    if (over !== 0) return over
    const mapping = isAlone ? 0 : oldest[LIST_DATAGRAM]!
    const datagrams = this.#lengths[CLIENT_STRANGER]! + this.#lengths[CLIENT_DATAGRAM]!
    if (!isConnection && mapping !== 0 && datagrams < this.#kept) return mapping
    const client = isConnection && datagrams <= this.#kept ? 0 : oldest[CLIENT_DATAGRAM]!
    return oldest[CLIENT_STRANGER]! || client || mapping || oldest[CLIENT_HALF_OPEN]!
  }

  /** Puts a flow at the end of a list of its part: as the one that became so, or was used, last. */
  file(row: number, list: number): void {
    const base = row << ROW_SHIFT
    const where = this.#listOf(base, list)
    if (list !== LIST_NONE && row === this.#newest[where]) return
    this.unlink(row)
    if (list !== LIST_NONE) this.#push(row, base, where)
  }

  #listOf(base: number, list: number): number {
    const rows = this.#rows
    if (rows[base + IS_CLIENT] === 0 || list === LIST_NONE) return list
    return list === LIST_DATAGRAM && rows[base + HAS_SHARE] === 0 ? CLIENT_STRANGER : list + OF_CLIENTS
  }

  #push(row: number, base: number, list: number): void {
    const rows = this.#rows
    const newest = this.#newest[list]!
    rows[base + LIST] = list
    rows[base + OLDER] = newest
    rows[base + NEWER] = 0
    if (newest !== 0) rows[(newest << ROW_SHIFT) + NEWER] = row
    else this.#oldest[list] = row
    this.#newest[list] = row
    this.#lengths[list]!++
  }

  unlink(row: number): void {
    const rows = this.#rows
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

/** Whether a flow is over and only remembered: TIME-WAIT. */
export const isOver = (rows: Int32Array, base: number): boolean =>
  rows[base + LIST] === LIST_TIME_WAIT || rows[base + LIST] === CLIENT_TIME_WAIT

/** Whether a connection has not come to anything yet. */
export const isHalfOpen = (rows: Int32Array, base: number): boolean =>
  rows[base + LIST] === LIST_HALF_OPEN || rows[base + LIST] === CLIENT_HALF_OPEN
