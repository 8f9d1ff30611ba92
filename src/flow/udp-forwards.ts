// Port forwards of UDP: a socket of the host that hears from new clients, and for each client a flow with a socket of its own, connected to it,
// which hears all that comes later (native/src/forward.c).
//
//   new client -> listener -> gate -> whose MAC? -> row, socket -> datagram to the guest, from the client's address and port
//                                     (until that is known they wait in the kernel)
//   client <-> its socket <-> UdpClients <-> guest                       a flow ends by silence, or as the oldest, as any other of UDP
//
// A socket has to be bound before it can be connected, and in between it hears what is for the listener. That is handed over as soon as it is
// read (`stray`): a burst of new clients loses nothing.
//
// What the guest sends from a published port where it has not been asked makes such a flow, too (`speak`): it leaves from the rule's port, by a
// socket that is connected to where it goes. Others who answer there are new clients, so such a port is the same for all (RFC 4787, 4.1).
//
// A client on the host's loopback, or of the other version of IP, has the gateway's address for the guest, and its own port if no other such
// client has that.
import { EPOLLET, EPOLLIN, TOKEN_LISTENER, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import {
  GUEST_ADDRESS,
  guestPort,
  HOST_ADDRESS,
  HOST_PORT,
  KIND_UDP_FORWARD,
  MAC_HIGH,
  MAC_LOW,
  ROW_SHIFT,
  RULE,
  SOCKET,
} from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import type { NeighborCache } from '../net/neighbor-cache.js'
import { MAX_PAYLOAD } from '../udp/udp.js'
import { FIRST_PORT, GUEST, nameClient, PORT_TRIES } from './client-name.js'
import { LIST_DATAGRAM, LIST_NONE } from './flow-lists.js'
import type { FlowTable } from './flow-table.js'
import type { Decision, Gate } from './gate.js'
import { EAGAIN } from './host-errors.js'
import { MESSAGE_PORT, MESSAGE_SOURCE, MESSAGE_TOS, MESSAGE_TTL, RECEIVED_WORDS } from './incoming-trains.js'
import { PublishedPorts } from './published-ports.js'
import { MOST_FAILURES, READ_ALL, READ_FAILS, READ_ON, type ReadOutcome } from './read-outcome.js'
import type { RuleCounts } from './rule-counts.js'
import { datagrams, type StrayReceiver, type UdpClients } from './udp-clients.js'

/** Datagrams taken from one listener at a time: the rest comes with the next event. */
const TURN_BUDGET = 64
/** Room for headers in front of a datagram, bytes. */
const HEADROOM = 256
/** Bytes of arena for a datagram of a new client: not in the transmit slot, for its row may cost another flow its own, which then sends. */
export const FIRST_BYTES: number = HEADROOM + MAX_PAYLOAD

/** Words of the scratch that udpAnswer reads: the client and its port, and from which address of ours it is to be answered; 0: the socket's. */
const ANSWER_PORT = 4
const ANSWER_FROM = 7

export class UdpForwards implements StrayReceiver {
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
  readonly #kept = new Int32Array(RECEIVED_WORDS)
  /** Rules by what the guest sends from. */
  readonly ports = new PublishedPorts()

  constructor(native: NativeContext, table: FlowTable, gate: Gate, clients: UdpClients, iface: Interface) {
    this.#native = native
    this.#table = table
    this.#gate = gate
    this.#clients = clients
    this.#interface = iface
    this.#scratch = new Int32Array(native.scratch)
    this.#at = iface.arena.allot(FIRST_BYTES) + HEADROOM
    clients.connect(this)
  }

  get counts(): RuleCounts {
    return this.#table.rules
  }

  /**
   * A listener has datagrams for the port of the guest at `at` of `guests`. READ_ON while nobody knows where that guest is: then they wait, and
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
  ): ReadOutcome {
    let failures = 0
    for (let i = 0; i < TURN_BUDGET; i++) {
      const entry = neighbors.resolve(guests, at, now)
      if (entry < 0) return READ_ON
      const length = this.#native.udpFirst(descriptor, this.#at, MAX_PAYLOAD)
      if (length === -EAGAIN) return READ_ALL
      // Any other error is about an earlier datagram, unless it lasts.
      if (length < 0 && ++failures === MOST_FAILURES) return READ_FAILS
      if (length < 0) continue
      for (let word = 0; word < 4; word++) this.#ends[GUEST + word] = guests[at + word]!
      for (let word = 0; word < 5; word++) this.#client[word] = this.#scratch[word]!
      const ttl = this.#scratch[5]!
      const tos = this.#scratch[6]!
      const row = this.#arrived(rule, descriptor, port, neighbors.high(entry), neighbors.low(entry), now)
      if (row !== 0) this.#clients.deliverFirst(row, this.#at, length, 0, ttl, tos)
    }
    // Edge-triggered: what is left tells of itself when it is registered anew.
    this.#native.epollModify(descriptor, token(TOKEN_LISTENER, generation, rule), EPOLLIN | EPOLLET)
    return READ_ALL
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

  /** See StrayReceiver: it is for the listener that the client's socket shares a port with. Scratch and row are those of a batch that goes on. */
  stray(row: number, at: number, length: number, segment: number, message: number): void {
    const table = this.#table
    const { rows } = table
    const base = row << ROW_SHIFT
    const rule = rows[base + RULE]!
    if (rule === 0) {
      this.#clients.drops.filtered += datagrams(length, segment)
      return
    }
    const words = this.#scratch
    for (let i = 0; i < RECEIVED_WORDS; i++) this.#kept[i] = words[i]!
    for (let i = 0; i < 4; i++) {
      this.#ends[GUEST + i] = rows[base + GUEST_ADDRESS + i]!
      this.#client[i] = words[message + MESSAGE_SOURCE + i]!
    }
    this.#client[4] = words[message + MESSAGE_PORT]!
    this.#askFor(this.#client)
    // Who reads on makes room for nobody.
    table.file(row, LIST_NONE)
    const guest = guestPort(rows, base)
    const to = this.#arrived(rule, rows[base + SOCKET]!, guest, rows[base + MAC_HIGH]!, rows[base + MAC_LOW]!, this.#clients.now)
    table.file(row, LIST_DATAGRAM)
    for (let i = 0; i < RECEIVED_WORDS; i++) words[i] = this.#kept[i]!
    if (to !== 0) this.#clients.deliverFirst(to, at, length, segment, words[message + MESSAGE_TTL]!, words[message + MESSAGE_TOS]!)
  }

  /**
   * What the guest sends from a rule's port to where a decision leads makes a flow of that rule: its row, 0: there is none, -errno: there is no way.
   * The guest's limits are the caller's to ask for.
   */
  speak(rule: number, inbound: Inbound, d: Decision): number {
    const client = this.#client
    client[0] = d.address0
    client[1] = d.address1
    client[2] = d.address2
    client[3] = d.address3
    client[4] = d.port
    this.#askFor(client)
    const socket = this.#native.udpAnswer(this.ports.descriptor(rule))
    if (socket < 0) return socket
    const row = this.#clients.adopt(rule, inbound.words, inbound.ports, socket, client, inbound.macHigh, inbound.macLow, inbound.now)
    if (row !== 0) this.#clients.begunByGuest(row)
    return row
  }

  // Of udpAnswer, for a client that has not come by udpFirst.
  #askFor(client: Int32Array): void {
    for (let i = 0; i < 4; i++) {
      this.#scratch[i] = client[i]!
      this.#scratch[ANSWER_FROM + i] = 0
    }
    this.#scratch[ANSWER_PORT] = client[4]!
  }

  // The row of the client, 0: none can be had. Of both ends the guest's is given.
  #arrived(rule: number, descriptor: number, port: number, macHigh: number, macLow: number, now: number): number {
    nameClient(this.#interface.addresses, this.#ends, this.#client, 0)
    const known = this.#find(port)
    if (known !== 0) return known
    const row = this.#open(rule, descriptor, this.#freePorts(port), macHigh, macLow, now)
    this.counts.connections[rule]!++
    if (row === 0) this.counts.refused[rule]!++
    return row
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
