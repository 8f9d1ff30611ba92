/*
 * DHCP for the guest: addresses, and what else a host must know of its network. RFC 2131, 4.3 (what a server does); the messages are
 * wire/dhcpv4*.ts, the addresses dhcp-leases.ts.
 *
 *     DISCOVER                                     OFFER, unless no address is left
 *     REQUEST of an offer of ours (SELECTING)      ACK, or NAK when it is not the client's
 *     REQUEST of an offer of somebody else         nothing: our own offer is withdrawn
 *     REQUEST of an address the client has had     ACK, or NAK when it is not, or cannot be, the client's
 *       (INIT-REBOOT, RENEWING, REBINDING)
 *     DECLINE, RELEASE                             nothing
 *     INFORM                                       ACK without an address
 *
 * We are the router of the link, so we speak for its network. A client that nobody here knows, and that asks for an address of the pool
 * that nobody has, is given it: RFC 2131, 4.3.2 has a server that does not know stay silent, for another one may, but no other one
 * gives addresses of ours, and a sandbox outlives the process that relays it. About addresses that another server in the sandbox may
 * have given we are silent indeed.
 *
 * Off the packet path. A message is answered at once or not at all; nothing is kept but the leases.
 */

import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import type { DatagramReceiver, Udp } from '../udp/udp.js'
import type { Log } from '../util/log.js'
import { TokenBucket } from '../util/token-bucket.js'
import { broadcast, contains, format, formatMac, mask } from '../wire/address.js'
import * as dhcpv4 from '../wire/dhcpv4.js'
import * as options from '../wire/dhcpv4-options.js'
import * as reply from '../wire/dhcpv4-reply.js'
import { encode, encodeName } from '../wire/domain-names.js'
import * as ethernet from '../wire/ethernet.js'
import { BROADCAST_HIGH, BROADCAST_LOW, PORT_DHCP_CLIENT, PORT_DHCP_SERVER } from '../wire/numbers.js'
import { LEASE_SECONDS, Leases, type PoolAddresses } from './dhcp-leases.js'

const EVERYBODY = -1
/** Bytes of the search list: what the least reply has room for behind all else that a client asks for. */
const MAX_SEARCH = 160
/** Lines of the log: all leases of a pool at once, then one a second, however often a guest changes its name. */
const LOG_BURST = 16
const LOG_RATE = 1

export interface DhcpServerOptions {
  /** Bytes. */
  readonly mtu: number
  /** Whether the DNS address answers. */
  readonly dns: boolean
  /** Domains to look names up in; asked for with each reply. */
  readonly search: () => readonly string[]
  /** What the client is called; '': that is its own affair. */
  readonly hostName: () => string
  readonly log: Log
}

/** The name as text without the dot at its end; none for what is no name. */
const ascii = (name: string): Uint8Array =>
  Uint8Array.from(encodeName(name) === null ? '' : name.replace(/\.$/, ''), (c) => c.charCodeAt(0))

export class DhcpServer implements DatagramReceiver {
  readonly #udp: Udp
  readonly #interface: Interface
  readonly #addresses: PoolAddresses
  readonly #options: DhcpServerOptions
  readonly #leases: Leases
  readonly #found = new Int32Array(options.COLUMNS)
  readonly #lines = new TokenBucket(LOG_RATE, LOG_BURST)

  constructor(udp: Udp, addresses: PoolAddresses, options: DhcpServerOptions) {
    this.#udp = udp
    this.#interface = udp.interface
    this.#addresses = addresses
    this.#options = options
    this.#leases = new Leases(addresses)
  }

  /** A datagram of the guest. */
  receive(inbound: Inbound, at: number, length: number): void {
    const view = this.#interface.view
    const found = this.#found
    if (!dhcpv4.isValid(view, at, length) || dhcpv4.op(view, at) !== dhcpv4.OP_REQUEST) return
    if (!options.parse(view, at, length, found) || ethernet.isGroup(dhcpv4.chaddrHigh(view, at))) return
    const relay = dhcpv4.giaddr(view, at)
    // What is behind a relay of another network has addresses that are not ours to give.
    if (relay !== 0 && !this.#isHost(relay)) return
    const client = this.#client(at)
    switch (found[options.MESSAGE_TYPE]) {
      case dhcpv4.DISCOVER:
        this.#discover(inbound, at, client)
        break
      case dhcpv4.REQUEST:
        this.#request(inbound, at, client)
        break
      case dhcpv4.DECLINE:
        this.#decline(client, inbound.now)
        break
      case dhcpv4.RELEASE:
        if (this.#isOurServer()) this.#leases.release(client, dhcpv4.ciaddr(view, at))
        break
      case dhcpv4.INFORM:
        this.#inform(inbound, at)
        break
    }
  }

  #discover(inbound: Inbound, at: number, client: string): void {
    const address = this.#leases.offer(client, this.#found[options.REQUESTED_ADDRESS]!, inbound.now)
    if (address === 0) this.#tell(`no address is left for ${this.#macOf(at)}`, inbound.now)
    else this.#reply(inbound, at, dhcpv4.OFFER, address)
  }

  // RFC 2131, 4.3.2.
  #request(inbound: Inbound, at: number, client: string): void {
    const found = this.#found
    if (!this.#isOurServer()) {
      this.#leases.withdraw(client)
      return
    }
    const requested = found[options.REQUESTED_ADDRESS]!
    const address = requested === 0 ? dhcpv4.ciaddr(this.#interface.view, at) : requested
    if (address === 0) return
    const claim = this.#leases.claim(client, address, inbound.now)
    if (claim === 'refused') {
      const isMeant = found[options.SERVER_IDENTIFIER] !== 0 || inbound.destination === this.#addresses.gateway
      if (isMeant || !this.#isOthers(address)) this.#refuse(inbound, at)
      return
    }
    if (claim === 'new') this.#tell(`${format(address)} is leased to ${this.#macOf(at)}`, inbound.now)
    this.#reply(inbound, at, dhcpv4.ACK, address)
  }

  // RFC 2131, 4.3.3.
  #decline(client: string, now: number): void {
    const address = this.#found[options.REQUESTED_ADDRESS]!
    if (this.#isOurServer() && this.#leases.decline(client, address, now))
      this.#tell(`${format(address)} is in use in the sandbox already`, now)
  }

  // RFC 2131, 4.3.5. There are clients that leave out the address that they have.
  #inform(inbound: Inbound, at: number): void {
    const address = dhcpv4.ciaddr(this.#interface.view, at)
    if (this.#isHost(address === 0 ? inbound.source : address)) this.#reply(inbound, at, dhcpv4.ACK, 0)
  }

  /** False when the message names another server. */
  #isOurServer(): boolean {
    const server = this.#found[options.SERVER_IDENTIFIER]
    return server === 0 || server === this.#addresses.gateway
  }

  /** True for an address that a host may have in the sandbox. */
  #isHost(address: number): boolean {
    const { network, prefix, gateway, dns } = this.#addresses
    if (!contains(network, prefix, address) || address === gateway || address === dns) return false
    return address !== network && address !== broadcast(network, prefix)
  }

  /** True for an address that another server may have given: of our network, but not of our plan. */
  #isOthers(address: number): boolean {
    return this.#isHost(address) && address !== this.#addresses.guest && !this.#leases.has(address)
  }

  /** RFC 2131, 4.2: its identifier, else its MAC address, as an identifier has one (RFC 2132, 9.14). */
  #client(at: number): string {
    const { bytes } = this.#interface.arena
    const length = this.#found[options.CLIENT_IDENTIFIER_LENGTH]!
    if (length === 0) return `01:${this.#macOf(at)}`
    const from = at + this.#found[options.CLIENT_IDENTIFIER]!
    return Array.from(bytes.subarray(from, from + length), (byte) => byte.toString(16).padStart(2, '0')).join(':')
  }

  #macOf(at: number): string {
    const view = this.#interface.view
    return formatMac(dhcpv4.chaddrHigh(view, at), dhcpv4.chaddrLow(view, at))
  }

  #reply(inbound: Inbound, at: number, type: number, yiaddr: number): void {
    const { view } = this.#interface
    const limit = reply.limit(this.#found, this.#options.mtu)
    const length = reply.write(view, this.#udp.begin(), limit, type, at, this.#found, yiaddr, this.#configuration())
    this.#send(inbound, at, yiaddr, length)
  }

  #refuse(inbound: Inbound, at: number): void {
    const { view } = this.#interface
    const length = reply.writeNak(view, this.#udp.begin(), at, this.#found, this.#addresses.gateway)
    const relay = dhcpv4.giaddr(view, at)
    if (relay !== 0) this.#transmit(inbound.macHigh, inbound.macLow, relay, PORT_DHCP_SERVER, length)
    else this.#transmit(BROADCAST_HIGH, BROADCAST_LOW, EVERYBODY, PORT_DHCP_CLIENT, length)
  }

  /**
   * RFC 2131, 4.1: to the relay; else to the address that the client has; else to everybody, if it asks for that; else to the address
   * that it is given, which it does not answer to yet, at its MAC address.
   */
  #send(inbound: Inbound, at: number, yiaddr: number, length: number): void {
    const { view } = this.#interface
    const { macHigh, macLow } = inbound
    const relay = dhcpv4.giaddr(view, at)
    const own = yiaddr === 0 && dhcpv4.ciaddr(view, at) === 0 ? inbound.source : dhcpv4.ciaddr(view, at)
    if (relay !== 0) this.#transmit(macHigh, macLow, relay, PORT_DHCP_SERVER, length)
    else if (this.#isHost(own)) this.#transmit(macHigh, macLow, own, PORT_DHCP_CLIENT, length)
    else if (dhcpv4.isBroadcastAsked(view, at)) this.#transmit(BROADCAST_HIGH, BROADCAST_LOW, EVERYBODY, PORT_DHCP_CLIENT, length)
    else this.#transmit(dhcpv4.chaddrHigh(view, at), dhcpv4.chaddrLow(view, at), yiaddr, PORT_DHCP_CLIENT, length)
  }

  #transmit(macHigh: number, macLow: number, target: number, port: number, length: number): void {
    this.#interface.out.setIpv4(macHigh, macLow, this.#addresses.gateway, target)
    this.#udp.send(PORT_DHCP_SERVER, port, length)
  }

  // Put together for each reply: there are few, and the host's search list changes.
  #configuration(): reply.Configuration {
    const { network, prefix, gateway, dns } = this.#addresses
    const { mtu, hostName } = this.#options
    const search = this.#options.dns ? this.#options.search() : []
    return {
      server: gateway,
      lease: LEASE_SECONDS,
      mask: mask(prefix),
      broadcast: broadcast(network, prefix),
      router: gateway,
      mtu,
      dns: Int32Array.from(this.#options.dns ? [dns] : []),
      hostName: ascii(hostName()),
      domainName: ascii(search.find((name) => encodeName(name) !== null) ?? ''),
      domainSearch: encode(search, MAX_SEARCH),
    }
  }

  #tell(text: string, now: number): void {
    if (this.#options.log.isVerbose && this.#lines.take(now)) this.#options.log.verbose(`DHCP: ${text}`)
  }
}
