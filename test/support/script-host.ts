// The host's side of a script: a socket that takes and has what the script says, and remembers what it was told.
import assert from 'node:assert/strict'
import { ACTIVE, KIND, KIND_TCP, MAC_LOW, PORTS, ROW_SHIFT, SOCKET, setEnds } from '../../src/net/flow-row.js'
import type { Inbound } from '../../src/net/inbound.js'
import { HOST_EOF, HOST_READABLE } from '../../src/tcp/columns.js'
import type { Connection } from '../../src/tcp/connection.js'
import { END, type Relay } from '../../src/tcp/stack.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'

/** Row of the one connection. */
export const ROW = 1
const EPIPE = 32
/** Any descriptor. */
const DESCRIPTOR = 7

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
  /** Which bytes of the guest's text were urgent. */
  urgent: number[] = []
  /** Where the host's urgent byte is in what the guest has not acknowledged; -1: there is none. */
  urgentAt = -1
  /** Connections so far. */
  accepted = 0
  isBroken = false
  events: string[] = []
  isUsed = false
  bytes: Uint8Array = new Uint8Array()
  readonly rows: Int32Array
  /** The clock, and when the host's peer was heard last; the peer is heard all the time unless a script says otherwise. */
  now: () => number = () => 0
  heard: number | null = null
  /** The host's kernel sends in vain. */
  isStalled = false
  #offset = 0

  constructor(rows: Int32Array) {
    this.rows = rows
  }

  find(inbound: Inbound): number {
    return this.isUsed && this.rows[(ROW << ROW_SHIFT) + PORTS] === inbound.ports ? ROW : 0
  }
  accept(inbound: Inbound): number {
    return this.insert(inbound.words, inbound.ports, inbound.macLow, inbound.now)
  }

  /** A fresh row for a connection between two ends, the guest's first. */
  insert(ends: Int32Array, ports: number, macLow: number, now: number): number {
    this.isUsed = true
    const base = ROW << ROW_SHIFT
    this.rows.fill(0, base, base + 40)
    this.rows[base + KIND] = KIND_TCP
    setEnds(this.rows, base, ends, 0, PROTOCOL_TCP, true)
    this.rows[base + PORTS] = ports
    this.rows[base + MAC_LOW] = macLow
    this.rows[base + SOCKET] = DESCRIPTOR
    this.rows[base + ACTIVE] = now
    this.#offset = 0
    this.outgoing = this.received = ''
    this.hasEnded = this.isBroken = this.isWaiting = false
    this.events = []
    this.accepted++
    return ROW
  }
  send(_c: Connection, at: number, length: number): number {
    if (this.isBroken) return -EPIPE
    const taken = Math.min(length, this.capacity)
    this.isWaiting ||= taken < length
    this.received += Buffer.from(this.bytes.subarray(at, at + taken)).toString('latin1')
    this.capacity -= taken
    return taken
  }
  receive(c: Connection, at: number, length: number): number {
    if (this.isBroken) return -EPIPE
    const text = this.outgoing.slice(this.#offset, this.#offset + length)
    if (text.length === 0) return this.hasEnded ? END : 0
    for (let i = 0; i < text.length; i++) this.bytes[at + i] = text.charCodeAt(i)
    this.#offset += text.length
    if (text.length < length) c.lower(HOST_READABLE)
    if (text.length < length && this.hasEnded) c.raise(HOST_EOF)
    return text.length
  }
  rewind(_c: Connection, offset: number): void {
    this.#offset = offset
  }
  consume(_c: Connection, length: number): void {
    this.urgentAt = Math.max(this.urgentAt - length, -1)
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
  sendUrgent(c: Connection, at: number): number {
    const before = this.received.length
    const taken = this.send(c, at, 1)
    if (taken === 1) this.urgent.push(before)
    return taken
  }
  mark(): number {
    return this.urgentAt
  }
  silence(_c: Connection, asks: boolean): number {
    if (asks) this.events.push('ask')
    return this.heard === null ? 0 : (this.now() - this.heard) | 0
  }
  stalled(): boolean {
    return this.isStalled
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
    this.rows[(ROW << ROW_SHIFT) + KIND] = 0
  }
}
