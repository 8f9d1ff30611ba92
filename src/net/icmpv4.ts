// ICMP for IPv4 (RFC 792, 1122 3.2.2): echo for our own addresses, errors to the guest. Echo requests for other
// addresses go to whoever relays them (flow/ping-relay.ts).
import * as checksum from '../wire/checksum.js'
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP } from '../wire/numbers.js'
import type { Inbound } from './inbound.js'
import { DEFAULT_TTL, type Interface, TRANSPORT_AT } from './interface.js'
import type { DropCounters, ProtocolReceiver } from './ipv4.js'

/** Hop limit of echo replies, as the peers have it. */
const ECHO_TTL = 255
/** Bytes of the packet at fault that an error quotes when it is put together again from a row: its transport header's first 8. */
const QUOTED_PAYLOAD = 8

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
  #interface: Interface
  #drops: DropCounters
  #relay: EchoRelay | null = null
  #tcp: ErrorReceiver | null = null

  constructor(iface: Interface, drops: DropCounters) {
    this.#interface = iface
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
    const view = this.#interface.view
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
    if (this.#interface.isOurs(inbound.destination)) this.#reply(inbound)
    else this.#relay?.request(inbound)
  }

  // RFC 792: the IP header of what was sent is quoted, and 8 bytes behind it.
  #unreachable(inbound: Inbound): void {
    const view = this.#interface.view
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

  /** Answers an echo request from the slot (RFC 1122, 3.2.2.6: the data comes back as it is). */
  #reply(inbound: Inbound): void {
    const iface = this.#interface
    const target = iface.slot + TRANSPORT_AT
    const length = inbound.payloadLength
    iface.arena.bytes.copyWithin(target, inbound.payloadAt, inbound.payloadAt + length)
    iface.head(inbound.macHigh, inbound.macLow, inbound.destination, inbound.source, PROTOCOL_ICMP, length, ECHO_TTL, inbound.typeOfService)
    icmp.write(iface.view, target, icmp.ECHO_REPLY, 0, iface.view.getInt32(target + 4))
    icmp.setChecksum(iface.view, target, length)
    iface.transmit(length)
  }

  /** Tells the sender of the packet being received that it could not be delivered (RFC 1122, 3.2.2.1). `word`: the header's second word. */
  sendError(inbound: Inbound, type: number, code: number, word: number): void {
    if (!this.#mayAnswer(inbound)) return
    const iface = this.#interface
    const at = iface.slot + TRANSPORT_AT
    const whole = inbound.payloadAt - inbound.ipAt + inbound.payloadLength
    const quoted = Math.min(whole, icmp.QUOTE_LIMIT)
    iface.arena.bytes.copyWithin(at + icmp.HEADER_LENGTH, inbound.ipAt, inbound.ipAt + quoted)
    this.#send(inbound.macHigh, inbound.macLow, inbound.source, type, code, word, quoted)
  }

  /**
   * Tells the guest that a packet it sent earlier could not be delivered. What is quoted is put together again: the IP header, and
   * the 8 bytes that identify the flow (RFC 792): `ports` and the word behind them (TCP: the sequence number).
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
    const view = this.#interface.view
    const quote = this.#interface.slot + TRANSPORT_AT + icmp.HEADER_LENGTH
    ipv4.write(view, quote, ipv4.HEADER_LENGTH + QUOTED_PAYLOAD, protocol, guest, remote, 0, DEFAULT_TTL, 0, 1)
    view.setInt32(quote + ipv4.HEADER_LENGTH, ports)
    view.setInt32(quote + ipv4.HEADER_LENGTH + 4, second)
    this.#send(macHigh, macLow, guest, type, code, word, ipv4.HEADER_LENGTH + QUOTED_PAYLOAD)
  }

  #send(macHigh: number, macLow: number, target: number, type: number, code: number, word: number, quoted: number): void {
    const iface = this.#interface
    const at = iface.slot + TRANSPORT_AT
    const length = icmp.HEADER_LENGTH + quoted
    icmp.write(iface.view, at, type, code, word)
    icmp.setChecksum(iface.view, at, length)
    iface.head(macHigh, macLow, iface.addresses.gateway, target, PROTOCOL_ICMP, length, DEFAULT_TTL, 0)
    iface.transmit(length)
  }

  // RFC 1122, 3.2.2: no error about a broadcast or multicast, or about another error.
  #mayAnswer(inbound: Inbound): boolean {
    if (this.#interface.isGroup(inbound.destination)) return false
    return inbound.protocol !== PROTOCOL_ICMP || icmp.type(this.#interface.view, inbound.payloadAt) === icmp.ECHO
  }
}
