// UDP flows (RFC 4787): one host socket for each address and port of the guest, whatever it talks to (endpoint-independent
// mapping, REQ-1), whose answers reach the guest from any peer (endpoint-independent filtering, REQ-8 leaves it to us). A
// mapping ends after 300 s of silence, 120 s when nothing ever came back (REQ-5), or as the oldest when the table is full.
//
// Errors that the host learns (IP_RECVERR) go back to the guest as the ICMP error that it would have seen itself. TTL, TOS and ECN are carried
// both ways, and don't-fragment out: what the path behind the host cannot take in one piece is refused, or cut, as the guest has asked.
import type { NativeContext } from '../host/native.js'
import { GATEWAY, isLoopback } from '../net/address-plan.js'
import { ANSWERED, guestPort, IS_IPV6, KIND_UDP, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { Icmp } from '../net/icmp.js'
import type { Inbound } from '../net/inbound.js'
import { type DatagramReceiver, MAX_PAYLOAD, type Udp } from '../udp/udp.js'
import * as ipv6 from '../wire/ipv6.js'
import { PORT_DHCP_SERVER, PORT_DHCPV6_SERVER, PROTOCOL_UDP } from '../wire/numbers.js'
import { GSO_UDP_L4 } from '../wire/virtio-net.js'
import type { DatagramFlows, DatagramRelay } from './datagram-flows.js'
import type { Decision, Gate } from './gate.js'
import { incoming } from './hops.js'
import { EAGAIN, HostErrors } from './host-errors.js'
import { EMSGSIZE, refusalCode, tellFailure } from './unreachable.js'

/** Silence that ends a mapping, ms (RFC 4787, REQ-5: 2 minutes at least, 5 recommended). */
export const EXPIRY_TWO_WAY = 300_000
export const EXPIRY_ONE_WAY = 120_000
/** Datagrams taken from one socket before the others get their turn. */
const TURN_BUDGET = 64
const LIMITED_BROADCAST = -1

export class UdpRelay implements DatagramReceiver, DatagramRelay {
  readonly #native: NativeContext
  readonly #flows: DatagramFlows
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #udp: Udp
  readonly #icmp: Icmp
  readonly #scratch: Int32Array
  readonly #errors: HostErrors
  readonly #allowsHostLoopback: boolean
  #dns: DatagramReceiver | null = null
  #dhcp: DatagramReceiver | null = null
  #dhcpv6: DatagramReceiver | null = null

  constructor(native: NativeContext, flows: DatagramFlows, gate: Gate, udp: Udp, to: Icmp, allowsHostLoopback: boolean) {
    this.#native = native
    this.#flows = flows
    this.#rows = flows.table.rows
    this.#gate = gate
    this.#udp = udp
    this.#icmp = to
    this.#scratch = new Int32Array(native.scratch)
    this.#errors = new HostErrors(native, to, PROTOCOL_UDP)
    this.#allowsHostLoopback = allowsHostLoopback
    flows.serve(KIND_UDP, this)
    udp.connect(this)
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
    const decision = this.#gate.udp(inbound)
    if (decision.verdict === 'dns' && this.#dns !== null) {
      this.#dns.receive(inbound, at, length)
      return
    }
    if (decision.verdict !== 'allow') {
      this.#icmp.unreachable(inbound, refusalCode(decision.verdict))
      return
    }
    const key = inbound.ports & ~0xffff
    let row = this.#flows.table.find(KIND_UDP, inbound.words, 0, key)
    if (row === 0) row = this.#open(inbound, key)
    if (row === 0) return
    this.#flows.sent(row, inbound, length, this.#expiry(row))
    const segment = inbound.gsoType === GSO_UDP_L4 && inbound.gsoSize > 0 && inbound.gsoSize < length ? inbound.gsoSize : 0
    this.#flows.head(row, inbound, decision.isLoopback || decision.isGroup)
    const status = this.#send(this.#rows[(row << ROW_SHIFT) + SOCKET]!, at, length, segment, decision)
    // No route, too long, not permitted: the guest learns. A full socket only loses the datagram.
    if (status < 0 && status !== -EAGAIN) this.#refuse(row, inbound, -status)
  }

  #isForUs(inbound: Inbound): boolean {
    if (inbound.isIpv6) return false
    return inbound.destination === LIMITED_BROADCAST || this.#udp.interface.addresses.role(inbound.words, 4) === GATEWAY
  }

  #refuse(row: number, inbound: Inbound, errno: number): void {
    const base = row << ROW_SHIFT
    const mtu = errno === EMSGSIZE ? this.#errors.pathMtu(this.#rows[base + SOCKET]!, this.#rows, base) : 0
    tellFailure(this.#icmp, this.#flows.drops, inbound, errno, mtu)
  }

  // RFC 4787, 4.2.1: the guest's own port when it is free.
  #open(inbound: Inbound, key: number): number {
    if (!this.#gate.begins(inbound)) return 0
    const socket = this.#native.udpOpen(inbound.isIpv6 ? 6 : 4, key >>> 16)
    if (socket >= 0) return this.#flows.open(KIND_UDP, inbound, key, socket)
    tellFailure(this.#icmp, this.#flows.drops, inbound, -socket)
    return 0
  }

  // An error about an earlier datagram is reported by the next call, and is in the error queue as well: so try once more.
  #send(socket: number, at: number, length: number, segment: number, d: Decision): number {
    const native = this.#native
    let status = native.udpSend(socket, at, length, segment, d.address0, d.address1, d.address2, d.address3, d.port)
    if (status < 0 && status !== -EAGAIN) {
      status = native.udpSend(socket, at, length, segment, d.address0, d.address1, d.address2, d.address3, d.port)
    }
    if (status >= 0 || segment === 0) return status
    // A path that cannot take the super-datagram takes its pieces.
    for (let offset = 0; offset < length; offset += segment) {
      const piece = Math.min(length - offset, segment)
      status = native.udpSend(socket, at + offset, piece, 0, d.address0, d.address1, d.address2, d.address3, d.port)
      if (status < 0) return status
    }
    return status
  }

  #expiry(row: number): number {
    return this.#rows[(row << ROW_SHIFT) + ANSWERED] === 1 ? EXPIRY_TWO_WAY : EXPIRY_ONE_WAY
  }

  failed(row: number): boolean {
    const base = row << ROW_SHIFT
    return this.#errors.drain(this.#rows[base + SOCKET]!, this.#rows, base)
  }

  readable(row: number): boolean {
    const socket = this.#rows[(row << ROW_SHIFT) + SOCKET]!
    const at = this.#udp.payloadAt
    for (let i = 0; i < TURN_BUDGET; i++) {
      const length = this.#native.udpReceive(socket, at, MAX_PAYLOAD)
      if (length === -EAGAIN) return false
      // Any other error is about an earlier datagram, and comes by the error queue.
      if (length >= 0) this.#deliver(row, length)
    }
    return true
  }

  #deliver(row: number, length: number): void {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    const scratch = this.#scratch
    const { out, addresses } = this.#udp.interface
    const isLocal = isLoopback(scratch, 0)
    out.toGuest(rows, base)
    if (!isLocal) out.setSource(scratch, 0)
    // The host's loopback is known to the guest by the gateway's address.
    else if (this.#allowsHostLoopback) addresses.writeGateway(out.words, 0, rows[base + IS_IPV6] === 1)
    else return
    out.timeToLive = incoming(scratch[5]!, isLocal)
    out.typeOfService = Math.max(0, scratch[6]!)
    this.#flows.received(row, length, EXPIRY_TWO_WAY)
    this.#udp.send(scratch[4]!, guestPort(rows, base), length)
  }
}
