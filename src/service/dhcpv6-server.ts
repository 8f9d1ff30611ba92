/*
 * DHCPv6 for the guest, without addresses: those come of the router's prefix (RFC 4862), and its advertisement says that there is more to
 * ask for. RFC 8415, 6.1, 18.3.6; DNS, RFC 3646. The messages are wire/dhcpv6.ts.
 *
 *     INFORMATION-REQUEST     REPLY with DNS servers, domains, and when to ask again
 *     anything else           nothing: whoever wants an address is told by the router that there is none to be had here (RFC 4861, 4.2)
 *
 * Nothing is kept of anybody. Off the packet path.
 */

import { ROUTER_WORD } from '../net/address-plan.js'
import type { Inbound } from '../net/inbound.js'
import { MAC_OF_IPV6 } from '../net/interface.js'
import type { DatagramReceiver, Udp } from '../udp/udp.js'
import * as dhcpv6 from '../wire/dhcpv6.js'
import { encode } from '../wire/domain-names.js'
import * as ipv6 from '../wire/ipv6.js'
import * as ndp from '../wire/ndp.js'
import { PORT_DHCPV6_CLIENT, PORT_DHCPV6_SERVER } from '../wire/numbers.js'

/** Ours on the link. */
const ROUTER = [ndp.LINK_LOCAL_0, ndp.LINK_LOCAL_1, 0, ROUTER_WORD] as const
/** All_DHCP_Relay_Agents_and_Servers, ff02::1:2 (RFC 8415, 7.1). */
const ALL_SERVERS = [0xff020000 | 0, 0, 0, 0x00010002] as const

/** Bytes of a message in a packet that every link takes (RFC 8200, 5). */
const MAX_REPLY = 1280 - 40 - 8
/** Bytes of the domains: what the reply has room for behind the longest identifiers and the servers. */
const MAX_DOMAINS = 768
/** Seconds until a client asks again: IRT_DEFAULT (RFC 8415, 7.6). */
const REFRESH_TIME = 86_400

interface Dhcpv6ServerOptions {
  /** Addresses of DNS servers, four words each. */
  readonly dns: Int32Array
  /** Domains to look names up in; asked for with each reply. */
  readonly search: () => readonly string[]
}

export class Dhcpv6Server implements DatagramReceiver {
  readonly #udp: Udp
  readonly #options: Dhcpv6ServerOptions
  readonly #identifier = dhcpv6.linkLayerIdentifier(MAC_OF_IPV6, ROUTER_WORD)
  readonly #found = new Int32Array(dhcpv6.COLUMNS)

  constructor(udp: Udp, options: Dhcpv6ServerOptions) {
    this.#udp = udp
    this.#options = options
  }

  /** A datagram of the guest. RFC 8415, 13.1: clients have link-local addresses and ask all servers of the link. */
  receive(inbound: Inbound, at: number, length: number): void {
    const { words, macHigh, macLow } = inbound
    if (!ALL_SERVERS.every((word, i) => words[4 + i] === word) || !ipv6.isLinkLocal(words[0]!)) return
    const replied = this.#answer(at, length)
    if (replied === 0) return
    this.#udp.interface.out.set(macHigh, macLow, true, ROUTER, 0, words, 0)
    this.#udp.send(PORT_DHCPV6_SERVER, PORT_DHCPV6_CLIENT, replied)
  }

  /** Puts the reply together; returns its bytes, 0 for none. */
  #answer(at: number, length: number): number {
    const { view } = this.#udp.interface
    const found = this.#found
    if (!dhcpv6.isValid(view, at, length) || !dhcpv6.parse(view, at, length, found)) return 0
    if (!dhcpv6.isForServer(view, at, found, this.#identifier)) return 0
    const { dns, search } = this.#options
    const domainList = encode(search(), MAX_DOMAINS)
    const configuration = { server: this.#identifier, dns, domainList, refreshTime: REFRESH_TIME }
    return dhcpv6.writeReply(view, this.#udp.begin(), MAX_REPLY, at, found, configuration)
  }
}
