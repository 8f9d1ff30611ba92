// Clients of published UDP ports: a flow each, with a socket that is connected to the client (udp-forwards.ts). The guest sees a client by the
// remote end of its row, the host by what the socket is connected to. What the sockets receive and send is udp-relay.ts' affair.
import { isLoopback } from '../net/address-plan.js'
import type { DropCounters } from '../net/drops.js'
import {
  guestPort,
  HOST_ADDRESS,
  HOST_PORT,
  KIND_UDP_FORWARD,
  MAC_HIGH,
  MAC_LOW,
  PACKETS_IN,
  type PACKETS_OUT,
  PROTOCOL,
  ROW_SHIFT,
  remotePort,
} from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import type { Udp } from '../udp/udp.js'
import type { DatagramFlows } from './datagram-flows.js'
import { Decision } from './gate.js'
import { incoming } from './hops.js'
import { MESSAGE_PORT, MESSAGE_SOURCE, MESSAGE_TOS, MESSAGE_TTL } from './incoming-trains.js'

/** Silence that ends a flow with traffic both ways, ms (RFC 4787, REQ-5: 2 minutes at least, 5 recommended). */
export const EXPIRY_TWO_WAY = 300_000
/** The same of a flow that nothing ever came back to, ms (RFC 4787, REQ-5). */
export const EXPIRY_ONE_WAY = 120_000

/** A client's own column, behind udp-relay.ts': 1 where the guest has begun the flow, and not the client. */
const IS_GUESTS = PROTOCOL + 6

/** Takes what the socket of a client has heard from others. */
export interface StrayReceiver {
  /** A datagram, or a train, as TrainReceiver has it. */
  stray(row: number, at: number, length: number, segment: number, message: number): void
}

/** Has a row's socket take and send many datagrams in one call. */
interface TrainBeginner {
  begin(row: number): void
}

export class UdpClients {
  readonly #flows: DatagramFlows
  readonly #rows: Int32Array
  readonly #scratch: Int32Array
  readonly #udp: Udp
  readonly #trains: TrainBeginner
  /** To where a socket is connected: all zero. */
  readonly #decision = new Decision()
  #count = 0
  #strays: StrayReceiver | null = null

  constructor(flows: DatagramFlows, udp: Udp, trains: TrainBeginner, scratch: ArrayBuffer) {
    this.#flows = flows
    this.#rows = flows.table.rows
    this.#scratch = new Int32Array(scratch)
    this.#udp = udp
    this.#trains = trains
  }

  /** Names who knows what to do with what is not for whom it came to. */
  connect(strays: StrayReceiver): void {
    this.#strays = strays
  }

  get drops(): DropCounters {
    return this.#flows.drops
  }

  get now(): number {
    return this.#flows.now
  }

  /** The flow of the client that a datagram goes to, 0 when it goes to none. */
  find(inbound: Inbound): number {
    return this.#count === 0 ? 0 : this.#flows.table.find(KIND_UDP_FORWARD, inbound.words, 0, inbound.ports)
  }

  /**
   * Takes over the socket of a client: a row, or 0, with the socket closed. Ends as FlowTable.insert has them, `client`: who that is for the
   * host, four words and the port; `rule`: the port forward.
   */
  adopt(
    rule: number,
    words: Int32Array,
    ports: number,
    socket: number,
    client: Int32Array,
    macHigh: number,
    macLow: number,
    now: number,
  ): number {
    const row = this.#flows.openClient(KIND_UDP_FORWARD, words, ports, socket, client, now)
    if (row === 0) return 0
    const rows = this.#rows
    const base = row << ROW_SHIFT
    this.#count++
    this.#trains.begin(row)
    rows[base + MAC_HIGH] = macHigh
    rows[base + MAC_LOW] = macLow
    rows[base + IS_GUESTS] = 0
    this.#flows.table.rules.begin(rows, base, rule)
    return row
  }

  /** The guest has begun a flow. */
  begunByGuest(row: number): void {
    this.#rows[(row << ROW_SHIFT) + IS_GUESTS] = 1
  }

  /** Whether the guest has begun a flow: then each of its datagrams is decided on. A client that has come itself is answered wherever it is. */
  isGuests(row: number): boolean {
    return this.#rows[(row << ROW_SHIFT) + IS_GUESTS] === 1
  }

  /** Ends a client's flow. */
  end(row: number): void {
    this.#flows.remove(row)
  }

  /** A client's row goes. */
  ended(): void {
    this.#count--
  }

  /** How long a client's flow lasts that goes one way now; `back`: the count of what has gone the other way. */
  expiry(row: number, back: typeof PACKETS_IN | typeof PACKETS_OUT): number {
    return this.#rows[(row << ROW_SHIFT) + back] === 0 ? EXPIRY_ONE_WAY : EXPIRY_TWO_WAY
  }

  /** Where what the guest sends to a client goes. */
  decision(row: number): Decision {
    this.#decision.isLoopback = isLoopback(this.#rows, (row << ROW_SHIFT) + HOST_ADDRESS)
    return this.#decision
  }

  /** Sends the guest what a client's first datagram has brought to `at`, with TTL and TOS as the kernel has told them. */
  deliverFirst(row: number, at: number, length: number, segment: number, ttl: number, tos: number): void {
    const base = row << ROW_SHIFT
    this.#head(row, ttl, tos)
    this.#flows.received(row, length, this.expiry(row, PACKETS_IN), datagrams(length, segment))
    this.#udp.sendFrom(at, remotePort(this.#rows, base), guestPort(this.#rows, base), length, segment)
  }

  /** What a client's socket has received: see TrainReceiver. It has heard others until it was connected: new clients, most likely. */
  deliver(row: number, at: number, length: number, segment: number, message: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const scratch = this.#scratch
    if (!this.#isFrom(base, message)) {
      this.#strays?.stray(row, at, length, segment, message)
      return
    }
    this.#head(row, scratch[message + MESSAGE_TTL]!, scratch[message + MESSAGE_TOS]!)
    this.#flows.received(row, length, this.expiry(row, PACKETS_IN), datagrams(length, segment))
    this.#udp.sendFrom(at, remotePort(rows, base), guestPort(rows, base), length, segment)
  }

  #isFrom(base: number, message: number): boolean {
    const rows = this.#rows
    const scratch = this.#scratch
    for (let i = 0; i < 4; i++) if (rows[base + HOST_ADDRESS + i] !== scratch[message + MESSAGE_SOURCE + i]) return false
    return rows[base + HOST_PORT] === scratch[message + MESSAGE_PORT]
  }

  #head(row: number, ttl: number, tos: number): void {
    const base = row << ROW_SHIFT
    const { out } = this.#udp.interface
    out.toGuest(this.#rows, base)
    out.timeToLive = incoming(ttl, isLoopback(this.#rows, base + HOST_ADDRESS))
    out.typeOfService = Math.max(0, tos)
  }
}

/** How many datagrams a train of `length` bytes is. */
export const datagrams = (length: number, segment: number): number => (segment === 0 ? 1 : Math.ceil(length / segment))
