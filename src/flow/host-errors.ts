// Errors that the host's kernel queued for a socket (ip(7), IP_RECVERR), told to the guest as the ICMP error about its own
// packet that it would have got without us in between: from the router that made it, so that a traceroute sees each of them, and
// quoting what the guest has sent: its addresses and ports, its identifier, its sequence number.
//
// Errors of the host itself are in the queue as well, but they are the result of a call (EMSGSIZE): told where that was made.
import type { NativeContext } from '../host/native.js'
import { GUEST_ADDRESS, MAC_HIGH, MAC_LOW, PORTS, REMOTE_ADDRESS } from '../net/flow-row.js'
import type { Icmpv4 } from '../net/icmpv4.js'
import type { Interface } from '../net/interface.js'
import * as checksum from '../wire/checksum.js'
import * as icmp from '../wire/icmpv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/numbers.js'
import * as udp from '../wire/udp.js'
import { incoming, isLoopback } from './hops.js'

/** errno(3). */
export const EAGAIN = 11

/** Where the addon's errorReceive leaves what it read. */
const ORIGIN = 1
const TYPE = 2
const CODE = 3
const INFO = 4
const DESTINATION = 8 // last word of four
const DESTINATION_PORT = 9
const OFFENDER = 13 // last word of four
const QUOTE_LENGTH = 14
const TTL = 15
const QUOTE_BYTES = 64

/** ee_origin: the host itself, or an ICMP message. */
const FROM_HOST = 1
const FROM_ICMP = 2
/** Errors taken from one socket before the others get their turn. */
const MOST = 16
/** What is quoted of a TCP segment, bytes: its ports and sequence number. */
const TCP_QUOTE = 8

export class HostErrors {
  readonly #native: NativeContext
  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #icmp: Icmpv4
  readonly #interface: Interface
  readonly #protocol: number
  /** The path's MTU as the host's own last error had it, bytes; 0: none did. */
  #mtu = 0
  /** Errors passed on by the last `drain`. */
  told = 0

  constructor(native: NativeContext, icmpv4: Icmpv4, iface: Interface, protocol: number) {
    this.#native = native
    this.#words = new Int32Array(native.scratch)
    this.#bytes = new Uint8Array(native.scratch)
    this.#icmp = icmpv4
    this.#interface = iface
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
      else if (words[ORIGIN] === FROM_ICMP && isOfThePath(words[TYPE]!)) this.#tell(rows, base, sequence)
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
    const isTcp = this.#protocol === PROTOCOL_TCP
    const type = words[TYPE]!
    const code = words[CODE]!
    const host = words[DESTINATION]!
    const remote = isTcp ? rows[base + REMOTE_ADDRESS + 3]! : this.#named(host)
    const guest = rows[base + GUEST_ADDRESS + 3]!
    const offender = words[OFFENDER]!
    const ttl = incoming(words[TTL]!, offender)
    const length = this.#quotedLength(words[QUOTE_LENGTH]!)
    const at = this.#icmp.quote(guest, remote, this.#protocol, length, type)
    this.#quote(at, length, rows[base + PORTS]!, sequence)
    this.told++
    this.#icmp.sendQuoted(
      rows[base + MAC_HIGH]!,
      rows[base + MAC_LOW]!,
      this.#believable(offender),
      guest,
      type,
      code,
      secondWord(type, code, words[INFO]!),
      length,
      ttl,
    )
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

  #quote(at: number, length: number, ports: number, sequence: number): void {
    const view = this.#interface.view
    switch (this.#protocol) {
      case PROTOCOL_UDP:
        udp.write(view, at, ports >>> 16, this.#words[DESTINATION_PORT]!, length)
        this.#copy(at + udp.HEADER_LENGTH, length - udp.HEADER_LENGTH)
        break
      case PROTOCOL_ICMP:
        this.#copy(at, length)
        renameEcho(view, at, ports >>> 16)
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

  /** The host's address as the guest knows it. */
  #named(host: number): number {
    return isLoopback(host) ? this.#interface.addresses.gateway : host
  }

  /** Who made the error; the gateway for one that cannot be a router beyond it, or that the guest would not believe. */
  #believable(offender: number): number {
    const iface = this.#interface
    const isNobody = offender >>> 24 === 0 || isLoopback(offender) || iface.isOnLink(offender) || iface.isGroup(offender)
    return isNobody ? iface.addresses.gateway : offender
  }
}

/** Redirects and source quenches are the host's own affair (RFC 6633 ended the latter). */
const isOfThePath = (type: number): boolean => type === icmp.UNREACHABLE || type === icmp.TIME_EXCEEDED || type === icmp.PARAMETER_PROBLEM

/** The word behind the checksum: the MTU of the next hop (RFC 1191, 4), where the problem is (RFC 792), or nothing. */
function secondWord(type: number, code: number, info: number): number {
  if (type === icmp.UNREACHABLE && code === icmp.FRAGMENTATION_NEEDED) return info & 0xffff
  return type === icmp.PARAMETER_PROBLEM ? info << 24 : 0
}

// The kernel sends with an identifier of its own. RFC 1624, 3: what that does to the checksum.
function renameEcho(view: DataView, at: number, identifier: number): void {
  const sum = (~icmp.checksum(view, at) & 0xffff) + (~icmp.identifier(view, at) & 0xffff) + identifier
  const word = (identifier << 16) | icmp.sequence(view, at)
  icmp.write(view, at, icmp.ECHO, 0, word)
  view.setUint16(at + icmp.CHECKSUM_OFFSET, checksum.finish(checksum.fold(sum)))
}
