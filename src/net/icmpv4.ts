// ICMP for IPv4 (RFC 792, 1122 3.2.2): echo for our own addresses, errors to the guest. Echo requests for other
// addresses go to whoever relays them (flow/ping-relay.ts).
//
// Errors are of two kinds. Ours are about the packet that is being received (or reassembled), come from the gateway, and are limited in
// number. Those of the path are passed on as they came: from whoever made them, about a packet that the guest would recognise as its own.
// What they quote is put together anew, in the slot behind the place of their own header:
//
//   quote()      | IP, guest to remote | the first bytes that the host's kernel has returned, or what a row knows |
//   sendQuoted() in front of it: IP, ICMP

import { TokenBucket } from '../util/token-bucket.js'
import * as checksum from '../wire/checksum.js'
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP } from '../wire/numbers.js'
import type { Inbound } from './inbound.js'
import { DEFAULT_TTL, type Interface, TRANSPORT_AT } from './interface.js'
import type { DropCounters, ProtocolReceiver } from './ipv4.js'

/** Hop limit of echo replies, as the peers have it. */
const ECHO_TTL = 255
/** Hop limit of a packet that another router had to drop for it, as it is quoted. */
const LAST_TTL = 1
/** Bytes of the packet at fault that an error quotes at least, behind its IP header (RFC 792). */
const QUOTED_PAYLOAD = 8
/**
 * Errors of our own (RFC 1812, 4.3.2.8: a limit by number, not by bandwidth): so many a second, and so many at once. A program that gives
 * up at the first one, and begins a hundred connections, should not wait for any of them.
 */
export const ERRORS_PER_SECOND = 1000
export const ERRORS_AT_ONCE = 256

/** Takes echo requests for addresses beyond ours. */
export interface EchoRelay {
  request(inbound: Inbound): void
}

/** Takes errors about packets that we have sent. */
export interface ErrorReceiver {
  /** Of a packet from `remote` to `guest`; `ports`: guest << 16 | remote; `second`: the word behind them. */
  unreachable(guest: number, remote: number, ports: number, second: number, code: number, word: number, now: number): void
}

export class Icmpv4 implements ProtocolReceiver {
  readonly interface: Interface
  #drops: DropCounters
  #relay: EchoRelay | null = null
  #tcp: ErrorReceiver | null = null
  readonly #limit = new TokenBucket(ERRORS_PER_SECOND, ERRORS_AT_ONCE)

  constructor(iface: Interface, drops: DropCounters) {
    this.interface = iface
    this.#drops = drops
  }

  /** Names the relay of echo requests. */
  connect(relay: EchoRelay): void {
    this.#relay = relay
  }

  /** Names who is told of TCP segments that did not arrive. */
  serveTcpErrors(receiver: ErrorReceiver): void {
    this.#tcp = receiver
  }

  receive(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    const length = inbound.payloadLength
    if (!icmp.isValid(view, at, length)) {
      this.#drops.transportInvalid++
      return
    }
    if (!inbound.isTrusted && checksum.finish(checksum.add(view, at, length, 0)) !== 0) {
      this.#drops.transportChecksum++
      return
    }
    if (icmp.type(view, at) === icmp.UNREACHABLE) this.#unreachable(inbound)
    // Only a request asks for something (RFC 1122, 3.2.2: anything else is never answered).
    if (icmp.type(view, at) !== icmp.ECHO) return
    if (this.interface.isOurs(inbound.destination)) this.#reply(inbound)
    else this.#relay?.request(inbound)
  }

  // RFC 792: the IP header of what was sent is quoted, and 8 bytes behind it.
  #unreachable(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    const quote = at + icmp.HEADER_LENGTH
    const quoted = inbound.payloadLength - icmp.HEADER_LENGTH
    if (quoted < ipv4.HEADER_LENGTH + QUOTED_PAYLOAD || ipv4.version(view, quote) !== 4) return
    const header = ipv4.headerLength(view, quote)
    if (header < ipv4.HEADER_LENGTH || header + QUOTED_PAYLOAD > quoted || ipv4.protocol(view, quote) !== PROTOCOL_TCP) return
    const ports = view.getInt32(quote + header)
    const turned = (ports << 16) | (ports >>> 16)
    const second = view.getInt32(quote + header + 4)
    const word = view.getInt32(at + 4)
    this.#tcp?.unreachable(ipv4.destination(view, quote), ipv4.source(view, quote), turned, second, icmp.code(view, at), word, inbound.now)
  }

  /** Answers an echo request from the slot (RFC 1122, 3.2.2.6: the data comes back as it is, however much). */
  #reply(inbound: Inbound): void {
    const iface = this.interface
    const target = iface.slot + TRANSPORT_AT
    const length = inbound.payloadLength
    iface.arena.bytes.copyWithin(target, inbound.payloadAt, inbound.payloadAt + length)
    icmp.write(iface.view, target, icmp.ECHO_REPLY, 0, iface.view.getInt32(target + 4))
    icmp.setChecksum(iface.view, target, length)
    iface.transmitDatagram(
      inbound.macHigh,
      inbound.macLow,
      inbound.destination,
      inbound.source,
      PROTOCOL_ICMP,
      length,
      ECHO_TTL,
      inbound.typeOfService,
    )
  }

  /** Tells the sender of the packet being received that it could not be delivered (RFC 1122, 3.2.2.1). `word`: the header's second word. */
  sendError(inbound: Inbound, type: number, code: number, word: number): void {
    const length = inbound.payloadAt - inbound.ipAt + inbound.payloadLength
    this.sendErrorOn(inbound.macHigh, inbound.macLow, inbound.ipAt, length, type, code, word, inbound.now)
  }

  /** The same about a packet whose IP header is at `packetAt`; `length` bytes from there on may be quoted. */
  sendErrorOn(
    macHigh: number,
    macLow: number,
    packetAt: number,
    length: number,
    type: number,
    code: number,
    word: number,
    now: number,
  ): void {
    if (!this.#mayAnswer(packetAt, length)) return
    if (!this.#limit.take(now)) {
      this.#drops.errorLimit++
      return
    }
    const iface = this.interface
    const quoted = Math.min(length, icmp.QUOTE_LIMIT)
    const target = ipv4.source(iface.view, packetAt)
    iface.arena.bytes.copyWithin(iface.slot + TRANSPORT_AT + icmp.HEADER_LENGTH, packetAt, packetAt + quoted)
    this.#send(macHigh, macLow, iface.addresses.gateway, target, type, code, word, quoted, DEFAULT_TTL)
  }

  /**
   * Begins to quote a packet that the guest has sent earlier: its IP header. `length` bytes of its transport header and payload are to be put
   * where this says, then comes `sendQuoted`.
   */
  quote(guest: number, remote: number, protocol: number, length: number, type: number): number {
    const at = this.interface.slot + TRANSPORT_AT + icmp.HEADER_LENGTH
    const ttl = type === icmp.TIME_EXCEEDED ? LAST_TTL : DEFAULT_TTL
    ipv4.write(this.interface.view, at, ipv4.HEADER_LENGTH + length, protocol, guest, remote, 0, ttl, 0, 1)
    return at + ipv4.HEADER_LENGTH
  }

  /** Sends an error from `source` about what `quote` has begun to quote, `length` bytes behind the IP header. */
  sendQuoted(
    macHigh: number,
    macLow: number,
    source: number,
    guest: number,
    type: number,
    code: number,
    word: number,
    length: number,
    ttl: number,
  ): void {
    this.#send(macHigh, macLow, source, guest, type, code, word, ipv4.HEADER_LENGTH + length, ttl)
  }

  /**
   * Tells the guest that a packet it sent earlier could not be delivered: the gateway does. Quoted are the 8 bytes that identify the flow
   * (RFC 792): `ports` and the word behind them (TCP: the sequence number).
   */
  sendErrorAbout(
    macHigh: number,
    macLow: number,
    guest: number,
    remote: number,
    protocol: number,
    ports: number,
    second: number,
    type: number,
    code: number,
    word: number,
  ): void {
    const iface = this.interface
    const at = this.quote(guest, remote, protocol, QUOTED_PAYLOAD, type)
    iface.view.setInt32(at, ports)
    iface.view.setInt32(at + 4, second)
    this.sendQuoted(macHigh, macLow, iface.addresses.gateway, guest, type, code, word, QUOTED_PAYLOAD, DEFAULT_TTL)
  }

  #send(
    macHigh: number,
    macLow: number,
    source: number,
    target: number,
    type: number,
    code: number,
    word: number,
    quoted: number,
    ttl: number,
  ): void {
    const iface = this.interface
    const at = iface.slot + TRANSPORT_AT
    const length = icmp.HEADER_LENGTH + quoted
    icmp.write(iface.view, at, type, code, word)
    icmp.setChecksum(iface.view, at, length)
    iface.transmitDatagram(macHigh, macLow, source, target, PROTOCOL_ICMP, length, ttl, 0)
  }

  // RFC 1122, 3.2.2: no error about a broadcast or multicast, or about another error.
  #mayAnswer(packetAt: number, length: number): boolean {
    const view = this.interface.view
    if (this.interface.isGroup(ipv4.destination(view, packetAt))) return false
    if (ipv4.protocol(view, packetAt) !== PROTOCOL_ICMP) return true
    const header = ipv4.headerLength(view, packetAt)
    return icmp.isValid(view, packetAt + header, length - header) && icmp.type(view, packetAt + header) === icmp.ECHO
  }
}
