// The gate: every flow is decided on here, once, before anything is opened for it. A relay can open a host socket only with
// the decision in hand (its functions take a Decision), and whatever is not plainly allowed is refused.
//
//   gateway address          the host's loopback, unless that is disabled
//   DNS address, port 53     the DNS forwarder
//   the guest's own network  nobody else is there
//   multicast, broadcast     datagrams: as they are, for whoever listens on the host's network
//   127/8, 0/8, 240/4 ...    not an address that can be reached through a router
//   the host's own           nowhere, where it is closed (option `host: false`); else as they are
//   anything else            as it is
//
// The same of IPv6.
//
// A flow that may go there is refused all the same when its guest, or a connection's destination, has as many as it may.

import { DNS, GATEWAY, isLoopback, NOT_OURS } from '../net/address-plan.js'
import type { AddressFilter } from '../net/address-set.js'
import { isMapped } from '../net/flow-row.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import * as ipv6 from '../wire/ipv6.js'

/** What the gate answers. */
export type Verdict =
  | 'allow'
  /** Answered by the DNS forwarder, not by a host socket of the flow's own. */
  | 'dns'
  | 'network-unreachable'
  | 'host-unreachable'
  | 'prohibited'
  /** Nobody is there who would say so. */
  | 'silence'

/** Port of the domain name system. */
export const DNS_PORT = 53

const LOOPBACK = 0x7f000001
const LIMITED_BROADCAST = -1

/** One decision: where a flow may go. The gate fills one and the same each time; it is valid until the next question. */
export class Decision {
  verdict: Verdict = 'prohibited'
  /** Host address, four words, and port to connect to; meaningful for `allow`. */
  address0 = 0
  address1 = 0
  address2 = 0
  address3 = 0
  port = 0
  /** It leads to the host's loopback. */
  isLoopback = false
  /** It leads to several hosts, if to any. */
  isGroup = false
}

/** Knows how many flows there are: the flow table. */
export interface Census {
  /**
   * Whether the guest at `at` of `words` may have one more flow and, if that is to count, the address behind it (four words each) one more
   * connection: a datagram flow goes to any.
   */
  admits(words: Int32Array, at: number, hasRemote: boolean): boolean
  /**
   * The same of a client of a published port, who is at `client` of `who`, four words; null where that is not known for sure: a datagram has come
   * from whom its sender has written into it.
   */
  admitsClient(words: Int32Array, at: number, who: Int32Array | null, client: number): boolean
}

interface GateOptions {
  readonly allowsHostLoopback: boolean
  readonly hasDns: boolean
  /** Whether the DNS address, where it has no DNS, is one that nobody answers at; default false: the guest is told at once. */
  readonly isDnsSilent?: boolean
  /** Addresses that nothing may go to, the host's own for one; null: none. */
  readonly closed?: AddressFilter | null
}

export class Gate {
  readonly #interface: Interface
  readonly #options: GateOptions
  readonly #census: Census
  readonly #closed: AddressFilter | null
  readonly #decision = new Decision()
  /** Flows refused for where they go, counted. */
  refused = 0
  /** Flows refused for how many there are, counted. */
  limited = 0

  constructor(iface: Interface, census: Census, options: GateOptions) {
    this.#interface = iface
    this.#census = census
    this.#options = options
    this.#closed = options.closed ?? null
  }

  /** Decides on the TCP connection that a segment begins. */
  tcp(inbound: Inbound): Decision {
    const d = this.#counted(this.#decide(inbound.words, inbound.ports & 0xffff, false))
    if ((d.verdict === 'allow' || d.verdict === 'dns') && !this.#census.admits(inbound.words, 0, true)) {
      d.verdict = 'prohibited'
      this.limited++
    }
    return d
  }

  /** Decides on a datagram. */
  udp(inbound: Inbound): Decision {
    return this.#counted(this.#decide(inbound.words, inbound.ports & 0xffff, true))
  }

  /** Decides on an echo request. */
  ping(inbound: Inbound): Decision {
    return this.#counted(this.#decide(inbound.words, 0, false))
  }

  /**
   * Decides on a flow from a port forward: to the guest at `at` of `words`, from the address behind it, for the client that is at `client` of
   * `who`; null: not known for sure.
   */
  forward(words: Int32Array, at: number, who: Int32Array | null, client: number): boolean {
    if (this.#census.admitsClient(words, at, who, client)) return true
    this.limited++
    return false
  }

  /** Decides whether datagrams or echo requests, each of which is decided on by itself, may begin a flow. */
  begins(inbound: Inbound): boolean {
    if (this.#census.admits(inbound.words, 0, false)) return true
    this.limited++
    return false
  }

  #counted(d: Decision): Decision {
    if (d.verdict !== 'allow' && d.verdict !== 'dns') this.refused++
    return d
  }

  #decide(words: Int32Array, port: number, mayBeGroup: boolean): Decision {
    const d = this.#decision
    const { addresses } = this.#interface
    d.address0 = words[4]!
    d.address1 = words[5]!
    d.address2 = words[6]!
    d.address3 = words[7]!
    d.port = port
    d.isLoopback = d.isGroup = false
    const role = addresses.role(words, 4)
    if (role === GATEWAY) this.#loopBack(d, isMapped(words, 4))
    else if (role === DNS && this.#options.hasDns) d.verdict = port === DNS_PORT ? 'dns' : 'network-unreachable'
    else if (role === DNS && this.#options.isDnsSilent === true) d.verdict = 'silence'
    else if (role !== NOT_OURS) d.verdict = 'network-unreachable'
    else if (isReachable(words, 4)) d.verdict = addresses.isOnLink(words, 4) ? 'host-unreachable' : this.#beyond(words)
    else {
      // What is broadcast Linux brings to listeners on the host as well, asked for or not (ip_mc_output); multicast it need not.
      d.isGroup = mayBeGroup && isMany(words, 4) && (this.#options.allowsHostLoopback || !isBroadcast(words, 4))
      d.verdict = d.isGroup ? 'allow' : 'network-unreachable'
    }
    return d
  }

  /** An address that is not of the guest's link. */
  #beyond(words: Int32Array): Verdict {
    return this.#closed?.has(words, 4) === true ? 'network-unreachable' : 'allow'
  }

  #loopBack(d: Decision, isIpv4: boolean): void {
    d.isLoopback = true
    if (!isIpv4) d.address0 = d.address1 = d.address2 = 0
    d.address3 = isIpv4 ? LOOPBACK : 1
    d.verdict = this.#options.allowsHostLoopback ? 'allow' : 'network-unreachable'
  }
}

/** RFC 1122, 3.2.1.3 and RFC 6890: this network, loopback, multicast, reserved and broadcast are no destinations. */
function isUnicast(address: number): boolean {
  const top = address >>> 24
  return top !== 0 && top !== 127 && top < 224
}

/** An address of one host that is none of the host's own loopback, nor reserved; what is of the guest's link is for the caller to tell. */
export function isReachable(words: Int32Array, at: number): boolean {
  if (isMapped(words, at)) return isUnicast(words[at + 3]!)
  const w0 = words[at]!
  if (ipv6.isMulticast(w0) || isLoopback(words, at)) return false
  // ::/96, with IPv4 addresses of a kind that is no more (RFC 4291, 2.5.5.1).
  return (w0 | words[at + 1]! | words[at + 2]!) !== 0
}

/** Multicast, and IPv4's limited broadcast: whoever is there. */
const isMany = (words: Int32Array, at: number): boolean =>
  isMapped(words, at) ? words[at + 3]! >>> 28 === 0xe || isBroadcast(words, at) : ipv6.isMulticast(words[at]!)

const isBroadcast = (words: Int32Array, at: number): boolean => isMapped(words, at) && words[at + 3] === LIMITED_BROADCAST
