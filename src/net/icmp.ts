// ICMP of both versions, for those who relay both: an error is named by its code of ICMPv4's destination unreachable, and told to a
// guest of IPv6 as RFC 7915, 4.2 translates it.
import * as icmp from '../wire/icmpv4.js'
import * as icmp6 from '../wire/icmpv6.js'
import * as ipv6 from '../wire/ipv6.js'
import type { DropCounters } from './drops.js'
import { IS_IPV6, PORTS } from './flow-row.js'
import { type EchoRelay, type ErrorReceiver, IcmpCommon, QUOTED_PAYLOAD } from './icmp-common.js'
import { Icmpv4 } from './icmpv4.js'
import { Icmpv6 } from './icmpv6.js'
import type { Inbound } from './inbound.js'
import type { Interface } from './interface.js'

export class Icmp {
  readonly interface: Interface
  readonly v4: Icmpv4
  readonly v6: Icmpv6
  readonly #common: IcmpCommon

  constructor(iface: Interface, drops: DropCounters) {
    this.interface = iface
    this.#common = new IcmpCommon(drops)
    this.v4 = new Icmpv4(iface, this.#common)
    this.v6 = new Icmpv6(iface, this.#common)
  }

  /** Names the relay of echo requests. */
  connect(relay: EchoRelay): void {
    this.#common.relay = relay
  }

  /** Names who is told of TCP segments that did not arrive. */
  serveTcpErrors(receiver: ErrorReceiver): void {
    this.#common.tcp = receiver
  }

  /** Tells the sender of the packet being received that it could not be delivered. `mtu`: with FRAGMENTATION_NEEDED, bytes. */
  unreachable(inbound: Inbound, code: number, mtu = 0): void {
    if (inbound.isIpv6) this.v6.sendError(inbound, typeOf(code), codeOf(code), wordOf(code, mtu))
    else this.v4.sendError(inbound, icmp.UNREACHABLE, code, mtu & 0xffff)
  }

  /**
   * Tells a flow's guest that a packet it sent earlier could not be delivered: the gateway does. Quoted are the 8 bytes that identify the
   * flow (RFC 792): its ports and the word behind them (TCP: the sequence number).
   */
  unreachableAbout(rows: Int32Array, base: number, protocol: number, second: number, code: number): void {
    const iface = this.interface
    const isIpv6 = rows[base + IS_IPV6] === 1
    const of = isIpv6 ? this.v6 : this.v4
    iface.out.toGuest(rows, base)
    const type = isIpv6 ? typeOf(code) : icmp.UNREACHABLE
    const at = of.quote(protocol, QUOTED_PAYLOAD, type)
    iface.view.setInt32(at, rows[base + PORTS]!)
    iface.view.setInt32(at + 4, second)
    iface.addresses.writeGateway(iface.out.words, 0, isIpv6)
    of.sendQuoted(type, isIpv6 ? codeOf(code) : code, 0, QUOTED_PAYLOAD)
  }
}

const typeOf = (code: number): number => (code === icmp.FRAGMENTATION_NEEDED ? icmp6.PACKET_TOO_BIG : icmp6.UNREACHABLE)

const wordOf = (code: number, mtu: number): number => (code === icmp.FRAGMENTATION_NEEDED ? Math.max(mtu, ipv6.MINIMUM_MTU) : 0)

function codeOf(code: number): number {
  switch (code) {
    case icmp.NETWORK_UNREACHABLE:
      return icmp6.NO_ROUTE
    case icmp.PORT_UNREACHABLE:
      return icmp6.PORT_UNREACHABLE
    case icmp.ADMINISTRATIVELY_PROHIBITED:
      return icmp6.ADMINISTRATIVELY_PROHIBITED
    case icmp.FRAGMENTATION_NEEDED:
      return 0
    default:
      return icmp6.ADDRESS_UNREACHABLE
  }
}
