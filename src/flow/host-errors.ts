// Errors that the host's kernel queued for a socket (ip(7), IP_RECVERR), told to the guest as the ICMP error about its own
// packet that it would have got without us in between: from the router that made it, so that a traceroute sees each of them, and
// quoting what the guest has sent: its addresses and ports, its identifier, its sequence number.
//
// Errors of the host itself are in the queue as well, but they are the result of a call (EMSGSIZE): told where that was made.
import type { NativeContext } from '../host/native.js'
import { isLoopback } from '../net/address-plan.js'
import { IS_IPV6, KIND, KIND_UDP, KIND_UDP_FORWARD, PORTS } from '../net/flow-row.js'
import type { Icmp } from '../net/icmp.js'
import type { Interface } from '../net/interface.js'
import * as checksum from '../wire/checksum.js'
import * as icmp from '../wire/icmpv4.js'
import * as icmp6 from '../wire/icmpv6.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/numbers.js'
import * as udp from '../wire/udp.js'
import { isReachable } from './gate.js'
import { incoming } from './hops.js'

/** errno(3). */
export const EAGAIN = 11

/** Where the addon's errorReceive leaves what it read. */
const ORIGIN = 1
const TYPE = 2
const CODE = 3
const INFO = 4
const DESTINATION = 5 // four words
const DESTINATION_PORT = 9
const OFFENDER = 10 // four words
const QUOTE_LENGTH = 14
const TTL = 15
const QUOTE_BYTES = 64

/** ee_origin: the host itself, or an ICMP message. */
const FROM_HOST = 1
const FROM_ICMP = 2
const FROM_ICMPV6 = 3
/** Errors taken from one socket before the others get their turn. */
const MOST = 16
/** What is quoted of a TCP segment, bytes: its ports and sequence number. */
const TCP_QUOTE = 8

export class HostErrors {
  readonly #native: NativeContext
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #icmp: Icmp
  readonly #interface: Interface
  readonly #protocol: number
  /** The path's MTU as the host's own last error had it, bytes; 0: none did. */
  #mtu = 0
  /** Errors passed on by the last `drain`. */
  told = 0

  /** `protocol`: TCP, UDP, or ICMP for echo requests of either version. */
  constructor(native: NativeContext, to: Icmp, protocol: number) {
    this.#native = native
    this.#words = new Int32Array(native.scratch)
    this.#bytes = new Uint8Array(native.scratch)
    this.#icmp = to
    this.#interface = to.interface
    this.#protocol = protocol
  }

  /**
   * Passes the errors of a socket's queue on to the guest of the row; `sequence`: of its SYN, TCP's alone. True when a budget ran out and
   * more may be left.
   */
  drain(socket: number, rows: Int32Array, base: number, sequence = 0): boolean {
    const words = this.#words
    this.told = 0
    for (let i = 0; i < MOST; i++) {
      if (this.#native.errorReceive(socket) !== 1) return false
      if (words[ORIGIN] === FROM_HOST) this.#mtu = words[INFO]!
      else if (isOfThePath(words[ORIGIN]!, words[TYPE]!)) this.#tell(rows, base, sequence)
    }
    return true
  }

  /** The path's MTU, after a call has failed with EMSGSIZE; 0 when the kernel does not tell. The rest of the queue is passed on. */
  pathMtu(socket: number, rows: Int32Array, base: number): number {
    this.#mtu = 0
    this.drain(socket, rows, base)
    return this.#mtu
  }

  #tell(rows: Int32Array, base: number, sequence: number): void {
    const words = this.#words
    const isIpv6 = rows[base + IS_IPV6] === 1
    // A socket that speaks one version gets errors of that.
    if (isIpv6 !== (words[ORIGIN] === FROM_ICMPV6)) return
    const { out, addresses } = this.#interface
    const of = isIpv6 ? this.#icmp.v6 : this.#icmp.v4
    const type = words[TYPE]!
    const code = words[CODE]!
    out.toGuest(rows, base)
    // The other end as the guest knows it: where there is but one it is in the row.
    if (this.#protocol !== PROTOCOL_TCP && rows[base + KIND] !== KIND_UDP_FORWARD) {
      if (isLoopback(words, DESTINATION)) addresses.writeGateway(out.words, 0, isIpv6)
      else out.setSource(words, DESTINATION)
    }
    const length = this.#quotedLength(words[QUOTE_LENGTH]!)
    const protocol = this.#protocol === PROTOCOL_ICMP && isIpv6 ? PROTOCOL_ICMPV6 : this.#protocol
    const hasPort = rows[base + KIND] === KIND_UDP
    const ports = hasPort ? (rows[base + PORTS]! & ~0xffff) | words[DESTINATION_PORT]! : rows[base + PORTS]!
    this.#quote(of.quote(protocol, length, type), length, ports, sequence, isIpv6)
    this.told++
    // Who made the error; the gateway for one that cannot be a router beyond it, or that the guest would not believe.
    if (isReachable(words, OFFENDER) && !addresses.isOnLink(words, OFFENDER)) out.setSource(words, OFFENDER)
    else addresses.writeGateway(out.words, 0, isIpv6)
    out.timeToLive = incoming(words[TTL]!, isLoopback(words, OFFENDER))
    of.sendQuoted(type, code, isIpv6 ? secondWord6(type, words[INFO]!) : secondWord4(type, code, words[INFO]!), length)
  }

  /** Bytes behind the quoted IP header, when the kernel has returned so many: of an echo request its own header at least. */
  #quotedLength(returned: number): number {
    switch (this.#protocol) {
      case PROTOCOL_UDP:
        return udp.HEADER_LENGTH + returned
      case PROTOCOL_ICMP:
        return returned
      default:
        return TCP_QUOTE
    }
  }

  #quote(at: number, length: number, ports: number, sequence: number, isIpv6: boolean): void {
    const view = this.#interface.view
    switch (this.#protocol) {
      case PROTOCOL_UDP:
        udp.write(view, at, ports >>> 16, ports & 0xffff, length)
        this.#copy(at + udp.HEADER_LENGTH, length - udp.HEADER_LENGTH)
        break
      case PROTOCOL_ICMP:
        this.#copy(at, length)
        renameEcho(view, at, ports >>> 16, isIpv6 ? icmp6.ECHO : icmp.ECHO)
        break
      default:
        view.setInt32(at, ports)
        view.setInt32(at + 4, sequence)
    }
  }

  #copy(at: number, length: number): void {
    const { bytes } = this.#interface.arena
    for (let i = 0; i < length; i++) bytes[at + i] = this.#bytes[QUOTE_BYTES + i]!
  }
}

/** Redirects and source quenches are the host's own affair (RFC 6633 ended the latter). */
function isOfThePath(origin: number, type: number): boolean {
  if (origin === FROM_ICMPV6) return type >= icmp6.UNREACHABLE && type <= icmp6.PARAMETER_PROBLEM
  return origin === FROM_ICMP && (type === icmp.UNREACHABLE || type === icmp.TIME_EXCEEDED || type === icmp.PARAMETER_PROBLEM)
}

/** The word behind the checksum: the MTU of the next hop (RFC 1191, 4), where the problem is (RFC 792), or nothing. */
function secondWord4(type: number, code: number, info: number): number {
  if (type === icmp.UNREACHABLE && code === icmp.FRAGMENTATION_NEEDED) return info & 0xffff
  return type === icmp.PARAMETER_PROBLEM ? info << 24 : 0
}

/** The same of ICMPv6 (RFC 4443, 3.2, 3.4). */
const secondWord6 = (type: number, info: number): number => (type === icmp6.PACKET_TOO_BIG || type === icmp6.PARAMETER_PROBLEM ? info : 0)

// The kernel sends with an identifier of its own. RFC 1624, 3: what that does to the checksum.
function renameEcho(view: DataView, at: number, identifier: number, type: number): void {
  const sum = (~icmp.checksum(view, at) & 0xffff) + (~icmp.identifier(view, at) & 0xffff) + identifier
  const word = (identifier << 16) | icmp.sequence(view, at)
  icmp.write(view, at, type, 0, word)
  view.setUint16(at + icmp.CHECKSUM_OFFSET, checksum.finish(checksum.fold(sum)))
}
