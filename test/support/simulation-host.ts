// The host's end of a simulated connection: a socket in memory, the application behind it, and what that has been told. What the stack reads
// and writes is text (simulation-text.ts); every byte is compared.
import assert from 'node:assert/strict'
import { GUEST_ADDRESS, KIND, KIND_TCP, MAC_HIGH, MAC_LOW, PORTS, ROW_SHIFT, SOCKET, setEnds } from '../../src/net/flow-row.js'
import type { Inbound } from '../../src/net/inbound.js'
import { HOST_EOF, HOST_READABLE } from '../../src/tcp/columns.js'
import type { Connection } from '../../src/tcp/connection.js'
import { END, type Relay } from '../../src/tcp/stack.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'
import { type HostPlan, NEVER } from './simulation-plan.js'
import { copyText, isText } from './simulation-text.js'

/** The row of a side's only connection. */
export const ROW = 1
const DESCRIPTOR = 7
const ECONNRESET = 104
/** Twice wmem_max, bytes: what a send buffer can be made to hold. */
const LARGEST_BUFFER = 425_984

/** What `work` asks to be told to the stack. */
export const READABLE = 1
export const WRITABLE = 2
export const BROKEN = 4

/** How far the texts of two connections between the same ends are apart in the pattern. */
const NEXT_TEXT = 300_007

export class SimulatedHost implements Relay {
  readonly plan: HostPlan
  /** Bytes the application has written, and those the guest has acknowledged. */
  written = 0
  acknowledged = 0
  hasEnded = false
  /** Bytes the kernel has taken for the application, and those it has read. */
  received = 0
  read = 0
  /** The guest's end, a reset, both ends. */
  sawEnd = false
  sawReset = false
  isClosed = false
  isConnected = false
  hasBroken = false
  isUsed = false
  /** Connections so far, and how many it takes at most. */
  connections = 0
  mostConnections = 1
  /** Which of several connections between the same ends is the one: each has a text of its own. */
  generation = 0
  /** Told of what happens. */
  note: (what: string) => void = () => {}
  /** A new connection begins. */
  onBegin: () => void = () => {}
  readonly #expectedKey: number
  #rows: Int32Array
  readonly #bytes: Buffer
  #offset = 0
  #isWaiting = false
  /** What the kernel holds for the application at most, bytes: more once it had to make room. */
  #buffer: number
  #readAt = 0
  #writeAt = 0
  #endAt = NEVER
  #hasReadStalled = false
  #hasWriteStalled = false

  constructor(rows: Int32Array, bytes: Uint8Array, plan: HostPlan, expectedKey: number) {
    this.#rows = rows
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.plan = plan
    this.#buffer = plan.receiveBuffer
    this.#expectedKey = expectedKey
  }

  /** Where its text, and that of the other end, begin in the pattern. */
  get key(): number {
    return this.plan.key + this.generation * NEXT_TEXT
  }
  get expectedKey(): number {
    return this.#expectedKey + this.generation * NEXT_TEXT
  }

  /** A row for a connection between these ends: another one when there was one already. */
  begin(ends: Int32Array, ports: number, macHigh: number, macLow: number): void {
    if (this.connections > 0) this.#restart()
    this.onBegin()
    this.isUsed = true
    this.connections++
    this.#makeRow(ends, ports, macHigh, macLow)
  }

  /** The socket goes to another process, with the row of another table: every event comes again, and nothing is known of the peek offset. */
  handOver(rows: Int32Array): void {
    const base = ROW << ROW_SHIFT
    const old = this.#rows
    this.#rows = rows
    this.#makeRow(
      old.slice(base + GUEST_ADDRESS, base + GUEST_ADDRESS + 8),
      old[base + PORTS]!,
      old[base + MAC_HIGH]!,
      old[base + MAC_LOW]!,
    )
    rows[base + SOCKET] = old[base + SOCKET]!
    this.#isWaiting = true
    this.#offset = this.written - this.acknowledged
    this.note('is handed over')
  }

  #makeRow(ends: Int32Array, ports: number, macHigh: number, macLow: number): void {
    const base = ROW << ROW_SHIFT
    const rows = this.#rows
    rows[base + KIND] = KIND_TCP
    setEnds(rows, base, ends, 0, PROTOCOL_TCP, true)
    rows[base + PORTS] = ports
    rows[base + MAC_HIGH] = macHigh
    rows[base + MAC_LOW] = macLow
    rows[base + SOCKET] = DESCRIPTOR
  }

  #restart(): void {
    this.written = this.acknowledged = this.received = this.read = this.#offset = 0
    this.hasEnded = this.sawEnd = this.sawReset = this.isClosed = this.isConnected = false
    this.#isWaiting = this.#hasReadStalled = this.#hasWriteStalled = false
    this.#readAt = this.#writeAt = 0
    this.#endAt = NEVER
    this.note('begins anew')
  }

  // The stack's side.

  find(inbound: Inbound): number {
    return this.isUsed && this.#rows[(ROW << ROW_SHIFT) + PORTS] === inbound.ports ? ROW : 0
  }

  accept(inbound: Inbound): number {
    if (this.connections === this.mostConnections) return 0
    this.begin(inbound.words, inbound.ports, inbound.macHigh, inbound.macLow)
    return ROW
  }

  send(_c: Connection, at: number, length: number): number {
    assert.ok(!this.sawEnd, 'text after the end')
    if (this.hasBroken) return -ECONNRESET
    const taken = Math.min(length, this.#buffer - this.unread)
    if (taken < length) this.#isWaiting = true
    assert.ok(isText(this.#bytes, at, taken, this.expectedKey, this.received), `other bytes than were sent, from ${this.received} on`)
    this.received += taken
    return taken
  }

  receive(c: Connection, at: number, length: number): number {
    if (this.hasBroken) return -ECONNRESET
    const from = this.acknowledged + this.#offset
    const taken = Math.min(length, this.written - from)
    if (taken <= 0) return this.hasEnded ? END : 0
    copyText(this.#bytes, at, taken, this.key, from)
    this.#offset += taken
    if (taken < length) c.lower(HOST_READABLE)
    if (taken < length && this.hasEnded) c.raise(HOST_EOF)
    return taken
  }

  rewind(_c: Connection, offset: number): void {
    assert.ok(offset >= 0 && this.acknowledged + offset <= this.written, `read on from ${offset} behind ${this.acknowledged}`)
    this.#offset = offset
  }

  consume(_c: Connection, length: number): void {
    this.acknowledged += length
    assert.ok(this.acknowledged <= this.written, 'more was taken off than was written')
    this.#offset = Math.max(0, this.#offset - length)
  }

  room(): number {
    return this.#isWritable ? this.#buffer - this.unread : 0
  }

  makeRoom(_c: Connection, length: number): void {
    this.#buffer = Math.max(this.#buffer, Math.min(this.unread + 2 * length, LARGEST_BUFFER))
  }

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
  wantRoom(): void {
    this.#isWaiting = true
  }

  finish(): void {
    assert.ok(!this.sawEnd && !this.sawReset, 'ended twice')
    this.sawEnd = true
    this.note('sees the end')
  }

  opened(): void {
    this.note('is established')
  }

  close(c: Connection): void {
    this.isClosed = true
    c.socket = -1
    this.note('is done both ways')
  }

  abort(): void {
    if (this.isClosed) return
    this.sawReset = true
    this.note('sees a reset')
  }

  release(): void {
    assert.ok(this.isUsed, 'released twice')
    this.isUsed = false
    this.#rows[(ROW << ROW_SHIFT) + KIND] = 0
    this.note('is released')
  }

  // The application's side.

  get unread(): number {
    return this.received - this.read
  }

  // As Linux (sk_stream_is_writeable): half as much free as is queued.
  get #isWritable(): boolean {
    const free = this.#buffer - this.unread
    return free > 0 && free >= this.unread >> 1
  }

  /** The application can still do something. */
  get #isAlive(): boolean {
    return this.isConnected && this.isUsed && !this.isClosed && !this.hasBroken
  }

  /** When it wants to do something. */
  get next(): number {
    if (!this.#isAlive) return NEVER
    if (this.#isWaiting && this.#isWritable) return 0
    const reads = this.unread > 0 ? this.#readAt : NEVER
    const writes = this.#canWrite ? this.#writeAt : NEVER
    return Math.min(reads, writes, this.hasEnded ? NEVER : this.#endAt)
  }

  get #canWrite(): boolean {
    return this.written < this.plan.bytes && this.written - this.acknowledged < this.plan.sendBuffer
  }

  /** Reads, writes and ends as it had planned for the time `t`; what the stack is to be told. */
  work(t: number): number {
    if (!this.#isAlive) return 0
    let events = 0
    if (this.unread > 0 && t >= this.#readAt) this.#reads(t)
    if (this.#isWaiting && this.#isWritable) {
      this.#isWaiting = false
      events |= WRITABLE
    }
    if (this.#canWrite && t >= this.#writeAt) {
      this.#writes(t)
      events |= READABLE
    }
    if (!this.hasEnded && this.written === this.plan.bytes && (this.sawEnd || !this.plan.endsAfterPeer)) {
      if (this.#endAt === NEVER) this.#endAt = t + this.plan.endsLater
      if (t >= this.#endAt) {
        this.hasEnded = true
        this.note('ends')
        events |= READABLE
      }
    }
    if (this.read + this.written >= this.plan.resetsAt) {
      this.hasBroken = true
      this.note('resets')
      return BROKEN
    }
    return events
  }

  #reads(t: number): void {
    const { bytes, every, stallAt, stallFor } = this.plan.reads
    const length = Math.min(bytes, this.unread)
    this.read += length
    this.#readAt = t + every
    if (this.read >= stallAt && !this.#hasReadStalled) {
      this.#hasReadStalled = true
      this.#readAt = t + stallFor
      this.note(`does not read for ${stallFor} ms`)
    }
  }

  #writes(t: number): void {
    const { bytes, every, stallAt, stallFor } = this.plan.writes
    this.written += Math.min(bytes, this.plan.bytes - this.written, this.plan.sendBuffer - (this.written - this.acknowledged))
    this.#writeAt = t + every
    if (this.written >= stallAt && !this.#hasWriteStalled) {
      this.#hasWriteStalled = true
      this.#writeAt = t + stallFor
      this.note(`does not write for ${stallFor} ms`)
    }
  }

  /** Everything that it sent has been acknowledged, its end perhaps not. */
  get isAcknowledged(): boolean {
    return this.hasEnded && this.acknowledged === this.plan.bytes
  }
}
