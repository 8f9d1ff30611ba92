// Echo requests to addresses beyond ours, through the host's ping sockets (icmp(7)): one for each address and identifier of
// the guest. The kernel puts an identifier of its own on the wire and takes it off again, so ours is put back on the answer.
// Where net.ipv4.ping_group_range forbids them, the guest is told that its packet was filtered.
import type { NativeContext } from '../host/native.js'
import { GUEST_ADDRESS, KIND_PING, MAC_HIGH, MAC_LOW, PORTS, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { EchoRelay, Icmpv4 } from '../net/icmpv4.js'
import type { Inbound } from '../net/inbound.js'
import { type Interface, TRANSPORT_AT } from '../net/interface.js'
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { PROTOCOL_ICMP } from '../wire/numbers.js'
import type { DatagramFlows, DatagramRelay } from './datagram-flows.js'
import type { Decision, Gate } from './gate.js'
import { incoming } from './hops.js'
import { EAGAIN, HostErrors } from './host-errors.js'
import { EMSGSIZE, refusalCode, tellFailure } from './unreachable.js'

/** Silence that ends an exchange, ms (RFC 5508, REQ-2: 60 s at least). */
export const EXPIRY = 60_000
/** A ping socket has no ports, but 0 would mean that it is connected. */
const ANY_PORT = 1
/** Answers taken from one socket before the others get their turn. */
const TURN_BUDGET = 64
/** Largest message (bytes): what is left of an IPv4 datagram. */
const MAX_MESSAGE = 65_535 - ipv4.HEADER_LENGTH

export class PingRelay implements EchoRelay, DatagramRelay {
  readonly #native: NativeContext
  readonly #flows: DatagramFlows
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #interface: Interface
  readonly #icmp: Icmpv4
  readonly #scratch: Int32Array
  readonly #errors: HostErrors

  constructor(native: NativeContext, flows: DatagramFlows, gate: Gate, iface: Interface, icmpv4: Icmpv4) {
    this.#native = native
    this.#flows = flows
    this.#rows = flows.table.rows
    this.#gate = gate
    this.#interface = iface
    this.#icmp = icmpv4
    this.#scratch = new Int32Array(native.scratch)
    this.#errors = new HostErrors(native, icmpv4, iface, PROTOCOL_ICMP)
    flows.serve(KIND_PING, this)
    icmpv4.connect(this)
  }

  /** An echo request of the guest to an address that is not ours. */
  request(inbound: Inbound): void {
    // RFC 792: there is no other, and the kernel would send none.
    if (icmp.code(this.#interface.view, inbound.payloadAt) !== 0) return
    const decision = this.#gate.ping(inbound.destination)
    if (decision.verdict !== 'allow') {
      this.#icmp.sendError(inbound, icmp.UNREACHABLE, refusalCode(decision.verdict), 0)
      return
    }
    const key = icmp.identifier(this.#interface.view, inbound.payloadAt) << 16
    let row = this.#flows.table.find(KIND_PING, inbound.source, 0, key)
    if (row === 0) row = this.#open(inbound, key)
    if (row === 0) return
    this.#flows.sent(row, inbound, inbound.payloadLength, EXPIRY)
    this.#flows.head(row, inbound, decision.address3)
    const socket = this.#rows[(row << ROW_SHIFT) + SOCKET]!
    let status = this.#send(socket, inbound, decision)
    // The first call may only report an error about an earlier request.
    if (status < 0 && status !== -EAGAIN) status = this.#send(socket, inbound, decision)
    if (status < 0 && status !== -EAGAIN) this.#refuse(row, inbound, -status)
  }

  #refuse(row: number, inbound: Inbound, errno: number): void {
    const base = row << ROW_SHIFT
    const mtu = errno === EMSGSIZE ? this.#errors.pathMtu(this.#rows[base + SOCKET]!, this.#rows, base) : 0
    tellFailure(this.#icmp, this.#flows.drops, inbound, errno, mtu)
  }

  #send(socket: number, inbound: Inbound, d: Decision): number {
    return this.#native.udpSend(
      socket,
      inbound.payloadAt,
      inbound.payloadLength,
      0,
      d.address0,
      d.address1,
      d.address2,
      d.address3,
      ANY_PORT,
    )
  }

  #open(inbound: Inbound, key: number): number {
    if (!this.#gate.begins(inbound.source)) return 0
    const socket = this.#native.pingOpen(4, key >>> 16)
    if (socket >= 0) return this.#flows.open(KIND_PING, inbound, key, socket)
    tellFailure(this.#icmp, this.#flows.drops, inbound, -socket)
    return 0
  }

  failed(row: number): boolean {
    const base = row << ROW_SHIFT
    return this.#errors.drain(this.#rows[base + SOCKET]!, this.#rows, base)
  }

  readable(row: number): boolean {
    const socket = this.#rows[(row << ROW_SHIFT) + SOCKET]!
    const at = this.#interface.slot + TRANSPORT_AT
    for (let i = 0; i < TURN_BUDGET; i++) {
      const length = this.#native.udpReceive(socket, at, MAX_MESSAGE)
      if (length === -EAGAIN) return false
      if (length >= icmp.HEADER_LENGTH) this.#deliver(row, length)
    }
    return true
  }

  #deliver(row: number, length: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const iface = this.#interface
    const at = iface.slot + TRANSPORT_AT
    const source = this.#scratch[3]!
    const ttl = incoming(this.#scratch[5]!, source)
    const tos = Math.max(0, this.#scratch[6]!)
    const target = rows[base + GUEST_ADDRESS + 3]!
    icmp.write(iface.view, at, icmp.ECHO_REPLY, 0, rows[base + PORTS]! | icmp.sequence(iface.view, at))
    icmp.setChecksum(iface.view, at, length)
    this.#flows.received(row, length, EXPIRY)
    iface.transmitDatagram(rows[base + MAC_HIGH]!, rows[base + MAC_LOW]!, source, target, PROTOCOL_ICMP, length, ttl, tos)
  }
}
