// Echo requests to addresses beyond ours, through the host's ping sockets (icmp(7)): one for each address and identifier of
// the guest. The kernel puts an identifier of its own on the wire and takes it off again, so ours is put back on the answer.
// Where net.ipv4.ping_group_range forbids them, the guest is told that its packet was filtered.
import type { NativeContext } from '../host/native.js'
import { isLoopback } from '../net/address-plan.js'
import { IS_IPV6, KIND_PING, PORTS, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { Icmp } from '../net/icmp.js'
import type { EchoRelay } from '../net/icmp-common.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import * as icmp from '../wire/icmpv4.js'
import * as icmp6 from '../wire/icmpv6.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../wire/numbers.js'
import type { DatagramFlows, DatagramRelay } from './datagram-flows.js'
import type { Decision, Gate } from './gate.js'
import { incoming } from './hops.js'
import { EAGAIN, HostErrors } from './host-errors.js'
import { MOST_FAILURES, READ_ALL, READ_FAILS, READ_ON, type ReadOutcome } from './read-outcome.js'
import { EACCES, EMSGSIZE, tellFailure, tellRefusal } from './unreachable.js'

/** Silence that ends an exchange, ms (RFC 5508, REQ-2: 60 s at least). */
export const EXPIRY = 60_000
/** A ping socket has no ports, but 0 would mean that it is connected. */
const ANY_PORT = 1
/** Answers taken from one socket before the others get their turn. */
const TURN_BUDGET = 64
/** Largest message (bytes): what IPv6 can say. */
const MAX_MESSAGE = 65_535

export class PingRelay implements EchoRelay, DatagramRelay {
  readonly #native: NativeContext
  readonly #flows: DatagramFlows
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #interface: Interface
  readonly #icmp: Icmp
  readonly #scratch: Int32Array
  readonly #errors: HostErrors
  /** Told once, at the first request that no ping socket may be opened for. */
  onForbidden: (() => void) | null = null

  constructor(native: NativeContext, flows: DatagramFlows, gate: Gate, to: Icmp) {
    this.#native = native
    this.#flows = flows
    this.#rows = flows.table.rows
    this.#gate = gate
    this.#interface = to.interface
    this.#icmp = to
    this.#scratch = new Int32Array(native.scratch)
    this.#errors = new HostErrors(native, to, PROTOCOL_ICMP)
    flows.serve(KIND_PING, this)
    to.connect(this)
  }

  /** An echo request of the guest to an address that is not ours. */
  request(inbound: Inbound): void {
    // RFC 792: there is no other, and the kernel would send none.
    if (icmp.code(this.#interface.view, inbound.payloadAt) !== 0) return
    const decision = this.#gate.ping(inbound)
    if (decision.verdict !== 'allow') {
      tellRefusal(this.#icmp, inbound, decision.verdict)
      return
    }
    const key = icmp.identifier(this.#interface.view, inbound.payloadAt) << 16
    let row = this.#flows.table.find(KIND_PING, inbound.words, 0, key)
    if (row === 0) row = this.#open(inbound, key)
    if (row === 0) return
    this.#flows.sent(row, inbound, inbound.payloadLength, EXPIRY)
    this.#flows.head(row, inbound, decision.isLoopback)
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
    if (!this.#gate.begins(inbound)) return 0
    const socket = this.#native.pingOpen(inbound.isIpv6 ? 6 : 4, key >>> 16)
    if (socket >= 0) return this.#flows.open(KIND_PING, inbound.words, key, socket, inbound.now)
    tellFailure(this.#icmp, this.#flows.drops, inbound, -socket)
    if (socket === -EACCES) this.#forbidden()
    return 0
  }

  #forbidden(): void {
    const tell = this.onForbidden
    this.onForbidden = null
    tell?.()
  }

  failed(row: number): boolean {
    const base = row << ROW_SHIFT
    return this.#errors.drain(this.#rows[base + SOCKET]!, this.#rows, base)
  }

  readable(row: number): ReadOutcome {
    let failures = 0
    const socket = this.#rows[(row << ROW_SHIFT) + SOCKET]!
    for (let i = 0; i < TURN_BUDGET; i++) {
      const length = this.#native.udpReceive(socket, this.#interface.begin(), MAX_MESSAGE)
      if (length >= icmp.HEADER_LENGTH) this.#deliver(row, length)
      this.#interface.release()
      if (length === -EAGAIN) return READ_ALL
      if (length < 0 && ++failures === MOST_FAILURES) return i >= MOST_FAILURES ? READ_ON : READ_FAILS
    }
    return READ_ON
  }

  #deliver(row: number, length: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const scratch = this.#scratch
    const { view, transportAt: at, out, addresses } = this.#interface
    const isIpv6 = rows[base + IS_IPV6] === 1
    const isLocal = isLoopback(scratch, 0)
    out.toGuest(rows, base)
    if (isLocal) addresses.writeGateway(out.words, 0, isIpv6)
    else {
      out.setSource(scratch, 0)
      // Nobody of the guest's own network was asked, so nobody of that name answers.
      if (addresses.isOnLink(out.words, 0)) {
        this.#flows.drops.source++
        return
      }
    }
    out.timeToLive = incoming(scratch[5]!, isLocal)
    out.typeOfService = Math.max(0, scratch[6]!)
    icmp.write(view, at, isIpv6 ? icmp6.ECHO_REPLY : icmp.ECHO_REPLY, 0, rows[base + PORTS]! | icmp.sequence(view, at))
    if (isIpv6) icmp6.setChecksum(view, at, length, out.pseudoSum(PROTOCOL_ICMPV6, length))
    else icmp.setChecksum(view, at, length)
    this.#flows.received(row, length, EXPIRY)
    this.#interface.transmitDatagram(isIpv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, length)
  }
}
