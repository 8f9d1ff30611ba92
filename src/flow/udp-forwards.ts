// Port forwards of UDP: a socket of the host that hears from new clients, and for each client a flow with a socket of its own, connected to it,
// which hears all that comes later (native/src/forward.c).
//
//   new client -> listener -> gate -> whose MAC? -> row, socket -> datagram to the guest, from the client's address and port
//                                     (until that is known they wait in the kernel)
//   client <-> its socket <-> UdpClients <-> guest                       a flow ends by silence, or as the oldest, as any other of UDP
//
// A client on the host's loopback, or of the other version of IP, has the gateway's address for the guest, and its own port if no other such
// client has that.
import { EPOLLET, EPOLLIN, TOKEN_LISTENER, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { HOST_ADDRESS, HOST_PORT, KIND_UDP_FORWARD, ROW_SHIFT } from '../net/flow-row.js'
import type { Interface } from '../net/interface.js'
import type { NeighborCache } from '../net/neighbor-cache.js'
import { MAX_PAYLOAD } from '../udp/udp.js'
import { FIRST_PORT, GUEST, nameClient, PORT_TRIES } from './client-name.js'
import type { FlowTable } from './flow-table.js'
import type { Gate } from './gate.js'
import { EAGAIN } from './host-errors.js'
import type { RuleCounts } from './rule-counts.js'
import type { UdpClients } from './udp-clients.js'

/** Datagrams taken from one listener at a time: the rest comes with the next event. */
const TURN_BUDGET = 64
/** Room for headers in front of a datagram, bytes. */
const HEADROOM = 256
/** Bytes of arena for a datagram of a new client: not in the transmit slot, for its row may cost another flow its own, which then sends. */
export const FIRST_BYTES: number = HEADROOM + MAX_PAYLOAD

export class UdpForwards {
  readonly #native: NativeContext
  readonly #table: FlowTable
  readonly #gate: Gate
  readonly #clients: UdpClients
  readonly #interface: Interface
  readonly #scratch: Int32Array
  readonly #ends = new Int32Array(8)
  readonly #client = new Int32Array(5)
  /** Where a datagram is put. */
  readonly #at: number

  constructor(native: NativeContext, table: FlowTable, gate: Gate, clients: UdpClients, iface: Interface) {
    this.#native = native
    this.#table = table
    this.#gate = gate
    this.#clients = clients
    this.#interface = iface
    this.#scratch = new Int32Array(native.scratch)
    this.#at = iface.arena.allot(FIRST_BYTES) + HEADROOM
  }

  get counts(): RuleCounts {
    return this.#table.rules
  }

  /**
   * A listener has datagrams for the port of the guest at `at` of `guests`. False while nobody knows where that guest is: then they wait, and
   * this is to be called again.
   */
  ready(
    rule: number,
    generation: number,
    descriptor: number,
    guests: Int32Array,
    at: number,
    port: number,
    neighbors: NeighborCache,
    now: number,
  ): boolean {
    for (let i = 0; i < TURN_BUDGET; i++) {
      const entry = neighbors.resolve(guests, at, now)
      if (entry < 0) return false
      const length = this.#native.udpFirst(descriptor, this.#at, MAX_PAYLOAD)
      if (length === -EAGAIN) return true
      // Any other error is about an earlier datagram.
      if (length < 0) continue
      for (let word = 0; word < 4; word++) this.#ends[GUEST + word] = guests[at + word]!
      this.#arrived(rule, descriptor, port, length, neighbors.high(entry), neighbors.low(entry), now)
    }
    // Edge-triggered: what is left tells of itself when it is registered anew.
    this.#native.epollModify(descriptor, token(TOKEN_LISTENER, generation, rule), EPOLLIN | EPOLLET)
    return true
  }

  /** Ends a client's flow. */
  end(row: number): void {
    this.#clients.end(row)
  }

  /** Throws away what waits for a guest that nobody knows. */
  drain(rule: number, descriptor: number): void {
    for (let i = 0; i < TURN_BUDGET; i++) {
      if (this.#native.udpFirst(descriptor, this.#at, MAX_PAYLOAD) === -EAGAIN) return
      this.counts.refused[rule]!++
    }
  }

  #arrived(rule: number, descriptor: number, port: number, length: number, macHigh: number, macLow: number, now: number): void {
    const client = this.#client
    const ttl = this.#scratch[5]!
    const tos = this.#scratch[6]!
    for (let i = 0; i < 5; i++) client[i] = this.#scratch[i]!
    nameClient(this.#interface.addresses, this.#ends, client, 0)
    let row = this.#find(port)
    if (row === 0) {
      row = this.#open(rule, descriptor, this.#freePorts(port), macHigh, macLow, now)
      this.counts.connections[rule]!++
      if (row === 0) this.counts.refused[rule]!++
    }
    if (row !== 0) this.#clients.deliverFirst(row, this.#at, length, 0, ttl, tos)
  }

  // The client's flow, 0 when it has none yet: what it sent before it had a socket comes to the listener.
  #find(port: number): number {
    for (let i = 0; i < PORT_TRIES; i++) {
      const row = this.#table.find(KIND_UDP_FORWARD, this.#ends, 0, (port << 16) | this.#candidate(i))
      if (row !== 0 && this.#isClients(row)) return row
      // With an address of its own it has its own port.
      if (row === 0 && i === 0) return 0
    }
    return 0
  }

  #isClients(row: number): boolean {
    const { rows } = this.#table
    const base = row << ROW_SHIFT
    for (let i = 0; i < 4; i++) if (rows[base + HOST_ADDRESS + i] !== this.#client[i]) return false
    return rows[base + HOST_PORT] === this.#client[4]
  }

  // The client's own port, then others that depend on it alone.
  #candidate(i: number): number {
    const own = this.#client[4]!
    return i === 0 ? own : FIRST_PORT + ((own + i * 331) & 0x3fff)
  }

  #freePorts(port: number): number {
    for (let i = 0; i < PORT_TRIES; i++) {
      const ports = (port << 16) | this.#candidate(i)
      if (this.#table.find(KIND_UDP_FORWARD, this.#ends, 0, ports) === 0) return ports
    }
    return 0
  }

  #open(rule: number, descriptor: number, ports: number, macHigh: number, macLow: number, now: number): number {
    if (ports === 0 || !this.#gate.forward(this.#ends, 0, null, 0)) return 0
    const socket = this.#native.udpAnswer(descriptor)
    if (socket < 0) return 0
    return this.#clients.adopt(rule, this.#ends, ports, socket, this.#client, macHigh, macLow, now)
  }
}
