// ICMP for IPv4 (RFC 792, 1122 3.2.2): echo for our own addresses, errors to the guest. Echo requests for other
// addresses go to whoever relays them (flow/ping-relay.ts).
//
// Errors are of two kinds. Ours are about the packet that is being received (or reassembled), come from the gateway, and are limited in
// number. Those of the path are passed on as they came: from whoever made them, about a packet that the guest would recognise as its own.
// What they quote is put together anew, in the slot behind the place of their own header:
//
//   quote()      | IP, guest to remote | the first bytes that the host's kernel has returned, or what a row knows |
//   sendQuoted() in front of it: IP, ICMP
//
// Who is told, and by whom, the interface's `out` says.

import * as checksum from '../wire/checksum.js'
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { MAPPED, PROTOCOL_ICMP, PROTOCOL_TCP } from '../wire/numbers.js'
import { NOT_OURS } from './address-plan.js'
import { type IcmpCommon, QUOTED_PAYLOAD } from './icmp-common.js'
import type { Inbound, ProtocolReceiver } from './inbound.js'
import type { Interface } from './interface.js'
import { DEFAULT_TTL } from './outbound.js'

/** Hop limit of echo replies, as the peers have it. */
const ECHO_TTL = 255
/** Hop limit of a packet that another router had to drop for it, as it is quoted. */
const LAST_TTL = 1

export class Icmpv4 implements ProtocolReceiver {
  readonly interface: Interface
  readonly #common: IcmpCommon
  /** Ends of what an error from the guest is about. */
  readonly #ends = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])

  constructor(iface: Interface, common: IcmpCommon) {
    this.interface = iface
    this.#common = common
  }

  receive(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    const length = inbound.payloadLength
    if (!icmp.isValid(view, at, length)) {
      this.#common.drops.transportInvalid++
      return
    }
    if (!inbound.isTrusted && checksum.finish(checksum.add(view, at, length, 0)) !== 0) {
      this.#common.drops.transportChecksum++
      return
    }
    if (icmp.type(view, at) === icmp.UNREACHABLE) this.#unreachable(inbound)
    // Only a request asks for something (RFC 1122, 3.2.2: anything else is never answered).
    if (icmp.type(view, at) !== icmp.ECHO) return
    if (this.interface.addresses.role(inbound.words, 4) !== NOT_OURS) this.#reply(inbound)
    else this.#common.relay?.request(inbound)
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
    this.#ends[3] = ipv4.destination(view, quote)
    this.#ends[7] = ipv4.source(view, quote)
    this.#common.tcp?.unreachable(this.#ends, turned, second, icmp.code(view, at), word & 0xffff, inbound.now)
  }

  /** Answers an echo request from the slot (RFC 1122, 3.2.2.6: the data comes back as it is, however much). */
  #reply(inbound: Inbound): void {
    const iface = this.interface
    const target = iface.begin()
    const length = inbound.payloadLength
    iface.arena.bytes.copyWithin(target, inbound.payloadAt, inbound.payloadAt + length)
    icmp.write(iface.view, target, icmp.ECHO_REPLY, 0, iface.view.getInt32(target + 4))
    icmp.setChecksum(iface.view, target, length)
    iface.out.answer(inbound)
    iface.out.timeToLive = ECHO_TTL
    iface.out.typeOfService = inbound.typeOfService
    iface.transmitDatagram(PROTOCOL_ICMP, length)
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
    if (!this.#mayAnswer(packetAt, length) || !this.#common.takeError(now)) return
    const iface = this.interface
    const quoted = Math.min(length, icmp.QUOTE_LIMIT)
    const target = ipv4.source(iface.view, packetAt)
    iface.arena.bytes.copyWithin(iface.begin() + icmp.HEADER_LENGTH, packetAt, packetAt + quoted)
    iface.out.setIpv4(macHigh, macLow, iface.addresses.gateway, target)
    this.#send(type, code, word, quoted)
  }

  /**
   * Begins to quote a packet that the guest has sent earlier, the other way than `out` goes: its IP header. `length` bytes of its transport
   * header and payload are to be put where this says, then comes `sendQuoted`.
   */
  quote(protocol: number, length: number, type: number): number {
    const { view, out } = this.interface
    const at = this.interface.begin() + icmp.HEADER_LENGTH
    const ttl = type === icmp.TIME_EXCEEDED ? LAST_TTL : DEFAULT_TTL
    ipv4.write(view, at, ipv4.HEADER_LENGTH + length, protocol, out.words[7]!, out.words[3]!, 0, ttl, 0, 1)
    return at + ipv4.HEADER_LENGTH
  }

  /** Sends an error to where `out` goes about what `quote` has begun to quote, `length` bytes behind the IP header. */
  sendQuoted(type: number, code: number, word: number, length: number): void {
    this.#send(type, code, word, ipv4.HEADER_LENGTH + length)
  }

  #send(type: number, code: number, word: number, quoted: number): void {
    const iface = this.interface
    const at = iface.transportAt
    const length = icmp.HEADER_LENGTH + quoted
    icmp.write(iface.view, at, type, code, word)
    icmp.setChecksum(iface.view, at, length)
    iface.transmitDatagram(PROTOCOL_ICMP, length)
  }

  // RFC 1122, 3.2.2: no error about a broadcast or multicast, or about another error.
  #mayAnswer(packetAt: number, length: number): boolean {
    const view = this.interface.view
    if (this.interface.addresses.isGroup4(ipv4.destination(view, packetAt))) return false
    if (ipv4.protocol(view, packetAt) !== PROTOCOL_ICMP) return true
    const header = ipv4.headerLength(view, packetAt)
    return icmp.isValid(view, packetAt + header, length - header) && icmp.type(view, packetAt + header) === icmp.ECHO
  }
}
