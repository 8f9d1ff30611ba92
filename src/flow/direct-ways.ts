// The two ways of connections that go past the interface: what moves between their sockets, through which pipes, and whose turn it is.
import type { EventLoop } from '../host/event-loop.js'
import { MOVE_EMPTY, MOVE_ENDED, MOVE_FROM_BROKEN, MOVE_FULL, MOVE_TO_BROKEN, type NativeContext } from '../host/native.js'
import { ACTIVE, BYTES_IN, BYTES_OUT, count, PACKETS_IN, PACKETS_OUT, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import {
  CLIENT_READABLE,
  CLIENT_WRITABLE,
  DONE,
  ENDED,
  FROM_CLIENT,
  FROM_GUEST,
  HELD,
  PEER,
  PEER_READABLE,
  PEER_WRITABLE,
  PIPE,
  READY,
} from './direct-row.js'
import { CLIENT, CLIENT_ENDED, type Farewells, GUEST_ENDED, LEFT, PARTNER, PIPE_READ, PIPE_WRITE, PIPED } from './farewells.js'
import type { FlowTable } from './flow-table.js'
import { PipePool } from './pipe-pool.js'

/** Bytes of one way of a flow before the next one gets its turn. */
const BUDGET = 1 << 20

export class DirectWays {
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #rows: Int32Array
  readonly #scratch: Int32Array
  readonly #pipes: PipePool
  // Rows that have work left: those of this turn, and those for the next.
  #queue: Int32Array
  #later: Int32Array
  #queueLength = 0
  #position = 0
  // Rows that wait for it.
  readonly #isQueued: Uint8Array

  constructor(native: NativeContext, loop: EventLoop, table: FlowTable) {
    this.#native = native
    this.#loop = loop
    this.#rows = table.rows
    this.#scratch = new Int32Array(native.scratch)
    this.#pipes = new PipePool(native, 2 * table.capacity)
    this.#queue = new Int32Array(table.capacity + 1)
    this.#later = new Int32Array(table.capacity + 1)
    this.#isQueued = new Uint8Array(table.capacity + 1)
  }

  /** True while some flow waits for its next turn. */
  get hasWork(): boolean {
    return this.#queueLength > 0
  }

  /** Begins a turn: so many rows wait for it, which next() gives one by one. What comes meanwhile is for the turn after. */
  beginTurn(): number {
    const queue = this.#queue
    const length = this.#queueLength
    this.#queue = this.#later
    this.#later = queue
    this.#queueLength = 0
    this.#position = 0
    return length
  }

  next(): number {
    const row = this.#later[this.#position++]!
    this.#isQueued[row] = 0
    return row
  }

  /** Moves what there is both ways, as far as it can go now; false when an end is broken. */
  carry(row: number): boolean {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    const client = rows[base + SOCKET]!
    const peer = rows[base + PEER]!
    return (
      this.#move(row, base, 0, client, peer, CLIENT_READABLE, PEER_WRITABLE) &&
      this.#move(row, base, 1, peer, client, PEER_READABLE, CLIENT_WRITABLE)
    )
  }

  /** Gives back the pipes of a flow that has ended, and what is in them. */
  drop(row: number): void {
    const base = (row << ROW_SHIFT) + PIPE
    for (let way = 0; way < 2; way++) {
      const pipe = this.#rows[base + way]!
      if (pipe !== 0) this.#pipes.release(pipe, false)
    }
  }

  /** Moves what an end still has after it has failed, as far as it can go now; false when that has told of the failure. */
  salvage(row: number, isPeer: boolean): boolean {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    const client = rows[base + SOCKET]!
    const peer = rows[base + PEER]!
    rows[base + READY]! |= isPeer ? PEER_READABLE : CLIENT_READABLE
    return isPeer
      ? this.#move(row, base, 1, peer, client, PEER_READABLE, CLIENT_WRITABLE)
      : this.#move(row, base, 0, client, peer, CLIENT_READABLE, PEER_WRITABLE)
  }

  /** Hands over what is under way from the guest as the flow ends; what is on its way to the guest goes with the flow. */
  part(row: number, farewells: Farewells): void {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    const pipe = rows[base + PIPE + 1]!
    const done = rows[base + DONE]!
    const { next } = farewells
    if (pipe !== 0) this.#pipes.forget(pipe)
    rows[base + PIPE + 1] = 0
    next[CLIENT] = rows[base + SOCKET]!
    next[PARTNER] = rows[base + PEER]!
    next[PIPE_READ] = this.#pipes.readEnd(pipe)
    next[PIPE_WRITE] = this.#pipes.writeEnd(pipe)
    next[PIPED] = rows[base + HELD + 1]!
    next[LEFT] = (done & FROM_GUEST) !== 0 ? 0 : Math.max(0, this.#native.tcpUnread(rows[base + PEER]!))
    next[GUEST_ENDED] = rows[base + ENDED + 1]!
    next[CLIENT_ENDED] = (done & FROM_CLIENT) !== 0 ? 1 : 0
    farewells.add(this.#loop.now)
  }

  // One way; false when an end is broken.
  #move(row: number, base: number, way: 0 | 1, from: number, to: number, readable: number, writable: number): boolean {
    const rows = this.#rows
    const ready = rows[base + READY]!
    const held = rows[base + HELD + way]!
    const mayTake = (ready & readable) !== 0 && rows[base + ENDED + way] === 0
    if ((rows[base + DONE]! & (1 << way)) !== 0 || (ready & writable) === 0 || (held === 0 && !mayTake)) return true
    // Where there is no pipe the bytes are copied: no connection waits for another one's.
    const pipe = held > 0 ? rows[base + PIPE + way]! : this.#pipes.acquire()
    const native = this.#native
    const budget = mayTake ? BUDGET : 0
    const flags = native.spliceMove(from, to, this.#pipes.readEnd(pipe), this.#pipes.writeEnd(pipe), held, budget)
    const taken = this.#scratch[0]!
    const given = this.#scratch[1]!
    this.#count(base, way, given)
    const left = held + taken - given
    rows[base + HELD + way] = left
    rows[base + PIPE + way] = left > 0 ? pipe : 0
    if (left === 0 && pipe !== 0) this.#pipes.release(pipe, true)
    if ((flags & (MOVE_FROM_BROKEN | MOVE_TO_BROKEN)) !== 0) return false
    if ((flags & MOVE_EMPTY) !== 0) rows[base + READY]! &= ~readable
    if ((flags & MOVE_FULL) !== 0) rows[base + READY]! &= ~writable
    if ((flags & MOVE_ENDED) !== 0) rows[base + ENDED + way] = 1
    if (rows[base + ENDED + way] === 1 && left === 0) {
      native.tcpShutdown(to)
      rows[base + DONE]! |= 1 << way
    } else if (flags === 0) this.#postpone(row)
    return true
  }

  #postpone(row: number): void {
    if (this.#isQueued[row] === 1) return
    this.#isQueued[row] = 1
    this.#queue[this.#queueLength++] = row
  }

  #count(base: number, way: 0 | 1, bytes: number): void {
    if (bytes === 0) return
    const rows = this.#rows
    rows[base + ACTIVE] = this.#loop.now
    const packets = base + (way === 0 ? PACKETS_OUT : PACKETS_IN)
    rows[packets] = (rows[packets]! + 1) | 0
    count(rows, base + (way === 0 ? BYTES_OUT : BYTES_IN), bytes)
  }

  close(): void {
    this.#pipes.close()
  }
}
