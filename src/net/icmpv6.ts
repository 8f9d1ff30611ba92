// ICMP for IPv6 (RFC 4443): echo for our own addresses, errors to the guest; neighbor discovery is in ndp.ts. Errors are of two kinds, and
// are quoted, as in icmpv4.ts.
import * as icmp4 from '../wire/icmpv4.js'
import * as icmp from '../wire/icmpv6.js'
import * as ipv6 from '../wire/ipv6.js'
import * as extension from '../wire/ipv6-extension.js'
import { PROTOCOL_ICMPV6, PROTOCOL_TCP } from '../wire/numbers.js'
import { isUnspecified, NOT_OURS } from './address-plan.js'
import { type IcmpCommon, QUOTED_PAYLOAD } from './icmp-common.js'
import type { Inbound, ProtocolReceiver } from './inbound.js'
import type { Interface } from './interface.js'
import { Ndp } from './ndp.js'
import { DEFAULT_TTL } from './outbound.js'

/** Hop limit of echo replies. */
const ECHO_HOPS = 255
/** Hop limit of a packet that another router had to drop for it, as it is quoted. */
const LAST_HOP = 1

/** ff02::1 and ff02::2, by their first and last words. */
const LINK_GROUP = 0xff020000 | 0
const ALL_NODES = 1
const ALL_ROUTERS = 2

export class Icmpv6 implements ProtocolReceiver {
  readonly interface: Interface
  readonly ndp: Ndp
  readonly #common: IcmpCommon
  /** Ends of what an error is about: from the guest, turned. */
  readonly #ends = new Int32Array(8)
  readonly #chain = new Int32Array(extension.COLUMNS)

  constructor(iface: Interface, common: IcmpCommon) {
    this.interface = iface
    this.ndp = new Ndp(iface, common.drops)
    this.#common = common
  }

  receive(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    const length = inbound.payloadLength
    if (!inbound.isIpv6 || !icmp.isValid(view, at, length)) {
      this.#common.drops.transportInvalid++
      return
    }
    if (!inbound.isTrusted && !icmp.checksumIsRight(view, at, length, inbound.pseudoSum(PROTOCOL_ICMPV6, length))) {
      this.#common.drops.transportChecksum++
      return
    }
    switch (icmp.type(view, at)) {
      case icmp.ECHO:
        // Who has no address cannot be answered.
        if (isUnspecified(inbound.words, 0)) return
        if (isForUs(this.interface.addresses.role(inbound.words, 4), inbound.words)) this.#reply(inbound)
        else this.#common.relay?.request(inbound)
        return
      case icmp.UNREACHABLE:
      case icmp.PACKET_TOO_BIG:
        this.#unreachable(inbound)
        return
      default:
        // What is none of neighbor discovery either, listener reports among it, is nothing to us (RFC 4443, 2.4 (b)).
        this.ndp.receive(inbound)
    }
  }

  // RFC 4443, 2.4 (c): as much as fits of the packet; its two ends are there, and what TCP needs is in its first 8 bytes, behind the IPv6 header of ours.
  #unreachable(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    const quote = at + icmp.HEADER_LENGTH
    const quoted = inbound.payloadLength - icmp.HEADER_LENGTH
    if (quoted < ipv6.HEADER_LENGTH + QUOTED_PAYLOAD || ipv6.version(view, quote) !== 6) return
    for (let i = 0; i < 4; i++) {
      this.#ends[i] = ipv6.destination(view, quote, i)
      this.#ends[4 + i] = ipv6.source(view, quote, i)
    }
    const isTooBig = icmp.type(view, at) === icmp.PACKET_TOO_BIG
    if (ipv6.nextHeader(view, quote) !== PROTOCOL_TCP) {
      if (isTooBig && icmp.mtu(view, at) < this.interface.mtu) this.interface.paths.lower(this.#ends, 0, icmp.mtu(view, at), inbound.now)
      return
    }
    const ports = view.getInt32(quote + ipv6.HEADER_LENGTH)
    const second = view.getInt32(quote + ipv6.HEADER_LENGTH + 4)
    const code = isTooBig ? icmp4.FRAGMENTATION_NEEDED : unreachableCode4(icmp.code(view, at))
    const mtu = isTooBig ? icmp.mtu(view, at) : 0
    this.#common.tcp?.unreachable(this.#ends, (ports << 16) | (ports >>> 16), second, code, mtu, inbound.now)
  }

  /** Answers an echo request from the slot (RFC 4443, 4.2: the data comes back as it is, however much). */
  #reply(inbound: Inbound): void {
    const { view, arena, out } = this.interface
    const target = this.interface.begin()
    const length = inbound.payloadLength
    arena.bytes.copyWithin(target, inbound.payloadAt, inbound.payloadAt + length)
    icmp.write(view, target, icmp.ECHO_REPLY, 0, view.getInt32(target + 4))
    out.answer(inbound)
    if (ipv6.isMulticast(inbound.words[4]!)) this.#nameUs()
    out.timeToLive = ECHO_HOPS
    out.typeOfService = inbound.typeOfService
    this.#transmit(length)
  }

  /** Tells the sender of the packet being received that it could not be delivered. `word`: the header's second word. */
  sendError(inbound: Inbound, type: number, code: number, word: number): void {
    const length = inbound.payloadAt - inbound.ipAt + inbound.payloadLength
    this.sendErrorOn(inbound.macHigh, inbound.macLow, inbound.ipAt, length, type, code, word, inbound.now)
  }

  /** The same about a packet whose IPv6 header is at `packetAt`; `length` bytes from there on may be quoted. */
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
    const { view, addresses, arena, out } = this.interface
    if (addresses.ipv6 === undefined || !this.#mayAnswer(packetAt, type, code) || !this.#common.takeError(now)) return
    const quoted = Math.min(length, icmp.QUOTE_LIMIT)
    const ends = this.#ends
    for (let i = 0; i < 4; i++) {
      ends[i] = ipv6.destination(view, packetAt, i)
      ends[4 + i] = ipv6.source(view, packetAt, i)
    }
    arena.bytes.copyWithin(this.interface.begin() + icmp.HEADER_LENGTH, packetAt, packetAt + quoted)
    out.set(macHigh, macLow, true, ends, 0, ends, 4)
    if (addresses.role(ends, 0) === NOT_OURS) this.#nameUs()
    this.#send(type, code, word, quoted)
  }

  // RFC 4443, 2.2: what was not sent to an address of ours is answered from one of the scope that its sender has.
  #nameUs(): void {
    const { addresses, out } = this.interface
    if (ipv6.isLinkLocal(out.words[4]!)) out.setSource(this.ndp.linkLocal, 0)
    else addresses.writeGateway(out.words, 0, true)
  }

  /** Begins to quote a packet that the guest has sent earlier: as icmpv4.ts has it. */
  quote(protocol: number, length: number, type: number): number {
    const { view, out } = this.interface
    const at = this.interface.begin() + icmp.HEADER_LENGTH
    const w = out.words
    const hops = type === icmp.TIME_EXCEEDED ? LAST_HOP : DEFAULT_TTL
    ipv6.write(view, at, length, protocol, hops, 0, 0, w[4]!, w[5]!, w[6]!, w[7]!, w[0]!, w[1]!, w[2]!, w[3]!)
    return at + ipv6.HEADER_LENGTH
  }

  /** Sends an error to where `out` goes about what `quote` has begun to quote, `length` bytes behind the IPv6 header. */
  sendQuoted(type: number, code: number, word: number, length: number): void {
    this.#send(type, code, word, ipv6.HEADER_LENGTH + length)
  }

  #send(type: number, code: number, word: number, quoted: number): void {
    icmp.write(this.interface.view, this.interface.transportAt, type, code, word)
    this.#transmit(icmp.HEADER_LENGTH + quoted)
  }

  // The checksum covers the addresses of `out`.
  #transmit(length: number): void {
    const { view, transportAt, out } = this.interface
    icmp.setChecksum(view, transportAt, length, out.pseudoSum(PROTOCOL_ICMPV6, length))
    this.interface.transmitDatagram(PROTOCOL_ICMPV6, length)
  }

  // RFC 4443, 2.4 (e): none about another error or a redirect, to who is not one, or about what was sent to many, but packet too big and an
  // option that asks for it.
  #mayAnswer(packetAt: number, type: number, code: number): boolean {
    const view = this.interface.view
    if (extension.forbidsError(view, packetAt, this.#chain)) return false
    const source = ipv6.source(view, packetAt, 0)
    const rest = ipv6.source(view, packetAt, 1) | ipv6.source(view, packetAt, 2) | ipv6.source(view, packetAt, 3)
    if ((source | rest) === 0 || ipv6.isMulticast(source)) return false
    if (!ipv6.isMulticast(ipv6.destination(view, packetAt, 0))) return true
    return type === icmp.PACKET_TOO_BIG || (type === icmp.PARAMETER_PROBLEM && code === icmp.UNRECOGNIZED_OPTION)
  }
}

/** An address of ours, or of all nodes or all routers of the link (RFC 4291, 2.7.1; RFC 4443, 4.2: those answer, too). */
const isForUs = (role: number, words: Int32Array): boolean =>
  role !== NOT_OURS || (words[4] === LINK_GROUP && (words[5]! | words[6]!) === 0 && (words[7] === ALL_NODES || words[7] === ALL_ROUTERS))

/** The code of ICMPv4 that means the same (RFC 7915, 5.2). */
function unreachableCode4(code: number): number {
  switch (code) {
    case icmp.PORT_UNREACHABLE:
      return icmp4.PORT_UNREACHABLE
    case icmp.NO_ROUTE:
      return icmp4.NETWORK_UNREACHABLE
    case icmp.ADMINISTRATIVELY_PROHIBITED:
      return icmp4.ADMINISTRATIVELY_PROHIBITED
    default:
      return icmp4.HOST_UNREACHABLE
  }
}
