// UDP flows (RFC 4787): one host socket for each address and port of the guest, whatever it talks to (endpoint-independent
// mapping, REQ-1), whose answers reach the guest from any peer (endpoint-independent filtering, REQ-8 leaves it to us). A
// mapping ends after 300 s of silence, 120 s when nothing ever came back (REQ-5), or as the oldest when the table is full.
//
// Errors that the host learns (IP_RECVERR) go back to the guest as the ICMP error that it would have seen itself. TTL, TOS and ECN are carried
// both ways, and don't-fragment out: what the path behind the host cannot take in one piece is refused, or cut, as the guest has asked.
import type { NativeContext } from '../host/native.js'
import { GATEWAY, isLoopback, NOT_OURS } from '../net/address-plan.js'
import {
  ANSWERED,
  GUEST_ADDRESS,
  guestPort,
  IS_IPV6,
  KIND,
  KIND_UDP,
  KIND_UDP_FORWARD,
  MAC_HIGH,
  MAC_LOW,
  PACKETS_OUT,
  PORTS,
  PROTOCOL,
  ROW_SHIFT,
  SOCKET,
} from '../net/flow-row.js'
import type { Icmp } from '../net/icmp.js'
import { Inbound } from '../net/inbound.js'
import type { DatagramReceiver, Udp } from '../udp/udp.js'
import * as ipv6 from '../wire/ipv6.js'
import { PORT_DHCP_SERVER, PORT_DHCPV6_SERVER, PROTOCOL_UDP } from '../wire/numbers.js'
import { GSO_UDP_L4 } from '../wire/virtio-net.js'
import type { DatagramFlows, DatagramRelay } from './datagram-flows.js'
import { type Decision, DNS_PORT, type Gate } from './gate.js'
import { incoming } from './hops.js'
import { HostErrors } from './host-errors.js'
import { IncomingTrains, MESSAGE_PORT, MESSAGE_SOURCE, MESSAGE_TOS, MESSAGE_TTL, type TrainReceiver } from './incoming-trains.js'
import { OutgoingTrains, type UnsentListener } from './outgoing-trains.js'
import { MOST_FAILURES, READ_ALL, READ_FAILS, READ_ON, type ReadOutcome } from './read-outcome.js'
import { datagrams, EXPIRY_ONE_WAY, EXPIRY_TWO_WAY, UdpClients } from './udp-clients.js'
import type { UdpForwards } from './udp-forwards.js'
import { UdpPeers } from './udp-peers.js'
import { EMSGSIZE, tellFailure, tellRefusal } from './unreachable.js'

/** The same of a mapping that has asked name servers and nobody else (REQ-5a: ports below 1024 may have less): resolvers take a new port for each question. */
const EXPIRY_DNS = 20_000
/** Datagrams taken from one socket before the others get their turn. */
const TURN_BUDGET = 64
const LIMITED_BROADCAST = -1
/**
 * Lowest port of the guest that its mapping has on the host, too: where Linux's own choice begins (net.ipv4.ip_local_port_range). Ports below it
 * are those that servers are known by, and a server of the host's, started later, would find its own taken.
 */
const FIRST_KEPT_PORT = 32_768
/** A mapping's own column, behind incoming-trains.ts': 1 once it has sent to another port than that of name servers. */
const ASKS_OTHERS = PROTOCOL + 5

/** Whom a mapping's guest hears: everybody, or those that it has sent to (RFC 4787, 5). */
export type UdpFiltering = 'endpoint-independent' | 'address-dependent'

interface UdpRelayOptions {
  /** Whether the gateway address is the host's loopback. */
  readonly hostLoopback: boolean
  readonly udpFiltering: UdpFiltering
}

export class UdpRelay implements DatagramReceiver, DatagramRelay, TrainReceiver, UnsentListener {
  readonly #native: NativeContext
  readonly #flows: DatagramFlows
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #udp: Udp
  readonly #icmp: Icmp
  readonly #scratch: Int32Array
  readonly #errors: HostErrors
  readonly #allowsHostLoopback: boolean
  readonly #outgoing: OutgoingTrains
  readonly #incoming: IncomingTrains
  // What could not be sent at once is no longer the packet being received.
  readonly #unsent = new Inbound()
  #now = 0
  /** Of published ports. */
  readonly clients: UdpClients
  /** Whom each mapping hears; null: everybody. */
  readonly #peers: UdpPeers | null
  /** The row of the last datagram from the guest, which may have another owner by now. */
  #last = 0
  #forwards: UdpForwards | null = null
  #dns: DatagramReceiver | null = null
  #dhcp: DatagramReceiver | null = null
  #dhcpv6: DatagramReceiver | null = null

  constructor(native: NativeContext, flows: DatagramFlows, gate: Gate, udp: Udp, to: Icmp, options: UdpRelayOptions) {
    this.#native = native
    this.#flows = flows
    this.#rows = flows.table.rows
    this.#gate = gate
    this.#udp = udp
    this.#icmp = to
    this.#scratch = new Int32Array(native.scratch)
    this.#errors = new HostErrors(native, to, PROTOCOL_UDP)
    this.#allowsHostLoopback = options.hostLoopback
    this.#peers = options.udpFiltering === 'address-dependent' ? new UdpPeers(this.#rows, flows.table.capacity) : null
    this.#outgoing = new OutgoingTrains(native, this.#rows, this)
    this.#incoming = new IncomingTrains(native, udp.interface.arena, this.#rows, this)
    this.clients = new UdpClients(flows, udp, this, native.scratch)
    flows.serve(KIND_UDP, this)
    flows.serve(KIND_UDP_FORWARD, this)
    udp.connect(this)
  }

  /** Names who has the published ports. */
  connect(forwards: UdpForwards): void {
    this.#forwards = forwards
  }

  /** Names who answers datagrams to the DNS address. */
  serveDns(receiver: DatagramReceiver): void {
    this.#dns = receiver
  }

  /** Names who gives addresses to the guest. */
  serveDhcp(receiver: DatagramReceiver): void {
    this.#dhcp = receiver
  }

  /** Names who tells the guest about its IPv6 network. */
  serveDhcpv6(receiver: DatagramReceiver): void {
    this.#dhcpv6 = receiver
  }

  /** A datagram of the guest. */
  receive(inbound: Inbound, at: number, length: number): void {
    const remotePort = inbound.ports & 0xffff
    // RFC 768: port 0 is none, and nothing could answer it.
    if (remotePort === 0) return
    if (remotePort === PORT_DHCP_SERVER && (inbound.destination === LIMITED_BROADCAST || this.#dhcp !== null) && this.#isForUs(inbound)) {
      // The question is for the link: a server of the host's network is not asked.
      this.#dhcp?.receive(inbound, at, length)
      return
    }
    // The question of IPv6 is for the link, too, and for all servers on it, never for one host (RFC 8415, 16).
    if (inbound.isIpv6 && remotePort === PORT_DHCPV6_SERVER && ipv6.isMulticast(inbound.words[4]!)) {
      this.#dhcpv6?.receive(inbound, at, length)
      return
    }
    // Who has no address (net/ipv4.ts: it asks for one) can have no flow and is told nothing.
    if (!inbound.isIpv6 && inbound.source === 0) return
    const client = this.clients.find(inbound)
    if (client !== 0 && !this.clients.isGuests(client)) {
      this.#answer(client, inbound, at, length)
      return
    }
    const decision = this.#gate.udp(inbound)
    if (decision.verdict === 'dns' && this.#dns !== null) {
      this.#dns.receive(inbound, at, length)
      return
    }
    if (decision.verdict !== 'allow') {
      tellRefusal(this.#icmp, inbound, decision.verdict)
      return
    }
    if (client !== 0) {
      this.#answer(client, inbound, at, length)
      return
    }
    const rule = this.#forwards === null ? 0 : this.#forwards.ports.find(inbound.words, 0, inbound.ports >>> 16, decision)
    if (rule !== 0) {
      this.#speak(rule, inbound, at, length, decision)
      return
    }
    const key = inbound.ports & ~0xffff
    const row = this.#isLast(inbound, key) ? this.#last : this.#find(inbound, key)
    if (row === 0) return
    const segment = segmentOf(inbound, length)
    if (remotePort !== DNS_PORT) this.#rows[(row << ROW_SHIFT) + ASKS_OTHERS] = 1
    this.#flows.sent(row, inbound, length, this.#expiry(row), datagrams(length, segment))
    if (this.#peers !== null) this.#remember(this.#peers, row, decision)
    this.#pass(row, inbound, at, length, segment, decision)
  }

  // What is sent to many is answered by whoever is there.
  #remember(peers: UdpPeers, row: number, d: Decision): void {
    if (d.isGroup) peers.add(row, 0, 0, 0, 0)
    else peers.add(row, d.address0, d.address1, d.address2, d.address3)
  }

  // What the guest sends from a published port to somebody who is no client yet.
  #speak(rule: number, inbound: Inbound, at: number, length: number, decision: Decision): void {
    if (!this.#gate.begins(inbound)) return
    const row = this.#forwards!.speak(rule, inbound, decision)
    if (row < 0) tellFailure(this.#icmp, this.#flows.drops, inbound, -row)
    else if (row > 0) this.#answer(row, inbound, at, length)
  }

  // What the guest sends to the client of a published port.
  #answer(row: number, inbound: Inbound, at: number, length: number): void {
    const segment = segmentOf(inbound, length)
    this.#flows.sent(row, inbound, length, this.clients.expiry(row, PACKETS_OUT), datagrams(length, segment))
    this.#pass(row, inbound, at, length, segment, this.clients.decision(row))
  }

  /** Has a row's socket, which was just opened, take and send many datagrams in one call. */
  begin(row: number): void {
    this.#native.udpTrains(this.#rows[(row << ROW_SHIFT) + SOCKET]!)
    this.#outgoing.begin(row)
    this.#incoming.begin(row)
  }

  // What stays where it is may wait for more of its kind until the turn ends; the header is the socket's, not the datagram's.
  #pass(row: number, inbound: Inbound, at: number, length: number, segment: number, d: Decision): void {
    const isAtHand = d.isLoopback || d.isGroup
    const outgoing = this.#outgoing
    this.#now = inbound.now
    if (!this.#flows.isHeaded(row, inbound, isAtHand)) {
      outgoing.flush(row)
      this.#flows.head(row, inbound, isAtHand)
    }
    outgoing.add(row, inbound.ipAt, at, length, segment, d.address0, d.address1, d.address2, d.address3, d.port)
    if (!this.#udp.interface.isLasting(at)) outgoing.flush(row)
  }

  /** The turn ends. */
  settle(): void {
    this.#outgoing.settle()
  }

  /** See DatagramRelay. */
  ends(row: number): void {
    this.#outgoing.flush(row)
    if (this.#rows[(row << ROW_SHIFT) + KIND] === KIND_UDP_FORWARD) this.clients.ended()
  }

  // No route, too long, not permitted: the guest learns.
  unsent(row: number, ipAt: number, at: number, length: number, errno: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const mtu = errno === EMSGSIZE ? this.#errors.pathMtu(rows[base + SOCKET]!, rows, base) : 0
    const unsent = this.#unsent
    unsent.macHigh = rows[base + MAC_HIGH]!
    unsent.macLow = rows[base + MAC_LOW]!
    unsent.isIpv6 = rows[base + IS_IPV6] === 1
    unsent.ipAt = ipAt
    unsent.payloadAt = at
    unsent.payloadLength = length
    unsent.protocol = PROTOCOL_UDP
    unsent.now = this.#now
    tellFailure(this.#icmp, this.#flows.drops, unsent, errno, mtu)
  }

  #isForUs(inbound: Inbound): boolean {
    if (inbound.isIpv6) return false
    return inbound.destination === LIMITED_BROADCAST || this.#udp.interface.addresses.role(inbound.words, 4) === GATEWAY
  }

  // RFC 4787, 4.2.1: the guest's own port where that is nobody's by name, and free. Not so its REQ-3 (a): what is below 1024 leaves from any.
  #open(inbound: Inbound, key: number): number {
    if (!this.#gate.begins(inbound)) return 0
    const port = key >>> 16
    const socket = this.#native.udpOpen(inbound.isIpv6 ? 6 : 4, port >= FIRST_KEPT_PORT ? port : 0)
    if (socket < 0) {
      tellFailure(this.#icmp, this.#flows.drops, inbound, -socket)
      return 0
    }
    const row = this.#flows.open(KIND_UDP, inbound.words, key, socket, inbound.now)
    if (row === 0) return 0
    this.begin(row)
    this.#rows[(row << ROW_SHIFT) + ASKS_OTHERS] = 0
    this.#peers?.begin(row)
    return row
  }

  // Datagrams of one socket come in a row: most need no look at the table.
  #isLast(inbound: Inbound, key: number): boolean {
    const rows = this.#rows
    const base = this.#last << ROW_SHIFT
    if (rows[base + PORTS] !== key || rows[base + KIND] !== KIND_UDP) return false
    const at = base + GUEST_ADDRESS
    const { words } = inbound
    return rows[at + 3] === words[3] && rows[at + 2] === words[2] && rows[at + 1] === words[1] && rows[at] === words[0]
  }

  #find(inbound: Inbound, key: number): number {
    const row = this.#flows.table.find(KIND_UDP, inbound.words, 0, key)
    this.#last = row === 0 ? this.#open(inbound, key) : row
    return this.#last
  }

  #expiry(row: number): number {
    const base = row << ROW_SHIFT
    if (this.#rows[base + ASKS_OTHERS] === 0) return EXPIRY_DNS
    return this.#rows[base + ANSWERED] === 1 ? EXPIRY_TWO_WAY : EXPIRY_ONE_WAY
  }

  failed(row: number): boolean {
    const base = row << ROW_SHIFT
    return this.#errors.drain(this.#rows[base + SOCKET]!, this.#rows, base)
  }

  readable(row: number): ReadOutcome {
    let failures = 0
    for (let taken = 0; taken < TURN_BUDGET; ) {
      const count = this.#incoming.receive(row)
      if (count < 0) return READ_ALL
      if (count === 0 && ++failures === MOST_FAILURES) return taken > 0 ? READ_ON : READ_FAILS
      taken += count
    }
    return READ_ON
  }

  /** What the host's socket has received: see TrainReceiver. */
  deliver(row: number, at: number, length: number, segment: number, message: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    if (rows[base + KIND] === KIND_UDP_FORWARD) {
      this.clients.deliver(row, at, length, segment, message)
      return
    }
    const scratch = this.#scratch
    const { out, addresses } = this.#udp.interface
    const isLocal = isLoopback(scratch, message + MESSAGE_SOURCE)
    if (this.#peers !== null && !this.#peers.has(row, scratch, message + MESSAGE_SOURCE)) {
      this.#flows.drops.filtered += datagrams(length, segment)
      return
    }
    out.toGuest(rows, base)
    // The host's loopback is known to the guest by the gateway's address.
    if (!isLocal) out.setSource(scratch, message + MESSAGE_SOURCE)
    else if (this.#allowsHostLoopback) addresses.writeGateway(out.words, 0, rows[base + IS_IPV6] === 1)
    else return
    // On the host's network one of ours may be somebody else's, fe80::2 above all: the guest would take it for us.
    if (!isLocal && addresses.role(out.words, 0) !== NOT_OURS) {
      this.#flows.drops.source += datagrams(length, segment)
      return
    }
    out.timeToLive = incoming(scratch[message + MESSAGE_TTL]!, isLocal)
    out.typeOfService = Math.max(0, scratch[message + MESSAGE_TOS]!)
    rows[base + ANSWERED] = 1
    this.#flows.received(row, length, this.#expiry(row), datagrams(length, segment))
    this.#udp.sendFrom(at, scratch[message + MESSAGE_PORT]!, guestPort(rows, base), length, segment)
  }
}

const segmentOf = (inbound: Inbound, length: number): number =>
  inbound.gsoType === GSO_UDP_L4 && inbound.gsoSize > 0 && inbound.gsoSize < length ? inbound.gsoSize : 0
