/*
 * DHCPv6 for the guest, without addresses: those come of the router's prefix (RFC 4862), and its advertisement says that there is more to
 * ask for. RFC 8415, 6.1, 18.3.6; DNS, RFC 3646. The messages are wire/dhcpv6.ts.
 *
 *     INFORMATION-REQUEST     REPLY with DNS servers, domains, and when to ask again
 *     anything else           nothing: whoever wants an address is told by the router that there is none to be had here (RFC 4861, 4.2)
 *
 * Nothing is kept of anybody. Off the packet path.
 */

import * as dhcpv6 from '../wire/dhcpv6.js'
import { encode } from '../wire/domain-names.js'

/** Bytes of a message in a packet that every link takes (RFC 8200, 5). */
export const MAX_REPLY = 1280 - 40 - 8
/** Bytes of the domains: what the reply has room for behind the longest identifiers and the servers. */
const MAX_DOMAINS = 768
/** Seconds until a client asks again: IRT_DEFAULT (RFC 8415, 7.6). */
const REFRESH_TIME = 86_400

export interface Dhcpv6ServerOptions {
  /** Addresses of DNS servers, four words each. */
  readonly dns: Int32Array
  /** Domains to look names up in; asked for with each reply. */
  readonly search: () => readonly string[]
}

export class Dhcpv6Server {
  readonly #identifier: Uint8Array
  readonly #options: Dhcpv6ServerOptions
  readonly #found = new Int32Array(dhcpv6.COLUMNS)

  /** `macHigh`, `macLow`: ours, which the server is known by. */
  constructor(macHigh: number, macLow: number, options: Dhcpv6ServerOptions) {
    this.#identifier = dhcpv6.linkLayerIdentifier(macHigh, macLow)
    this.#options = options
  }

  /** Writes the reply to the message of `length` bytes at `at` to `to`, MAX_REPLY bytes at most; returns its bytes, 0 for none. */
  answer(view: DataView, at: number, length: number, to: number): number {
    const found = this.#found
    if (!dhcpv6.isValid(view, at, length) || !dhcpv6.parse(view, at, length, found)) return 0
    if (!dhcpv6.isForServer(view, at, found, this.#identifier)) return 0
    const { dns, search } = this.#options
    const domainList = encode(search(), MAX_DOMAINS)
    const configuration = { server: this.#identifier, dns, domainList, refreshTime: REFRESH_TIME }
    return dhcpv6.writeReply(view, to, MAX_REPLY, at, found, configuration)
  }
}
