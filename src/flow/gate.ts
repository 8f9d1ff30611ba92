// The gate: every flow is decided on here, once, before anything is opened for it. A relay can open a host socket only with
// the decision in hand (its functions take a Decision), and whatever is not plainly allowed is refused.
//
//   gateway address          the host's loopback, unless that is disabled
//   DNS address, port 53     the DNS forwarder
//   the guest's own network  nobody else is there
//   127/8, 0/8, 224/4 ...    not an address that can be reached through a router
//   anything else            as it is
//
// A flow that may go there is refused all the same when its guest, or a connection's destination, has as many as it may.

import { MAPPED } from '../net/flow-row.js'
import type { Interface } from '../net/interface.js'

/** What the gate answers. */
export type Verdict =
  | 'allow'
  /** Answered by the DNS forwarder, not by a host socket of the flow's own. */
  | 'dns'
  | 'network-unreachable'
  | 'host-unreachable'
  | 'prohibited'

/** Port of the domain name system. */
export const DNS_PORT = 53

const LOOPBACK = 0x7f000001

/** One decision: where a flow may go. The gate fills one and the same each time; it is valid until the next question. */
export class Decision {
  verdict: Verdict = 'prohibited'
  /** Host address, four words, and port to connect to; meaningful for `allow`. */
  address0 = 0
  address1 = 0
  address2 = 0
  address3 = 0
  port = 0
}

/** Knows how many flows there are: the flow table. */
export interface Census {
  /** Whether `guest` may have one more flow, and `remote` one more connection; a datagram flow goes to any, which is 0. */
  admits(guest: number, remote: number): boolean
}

export interface GateOptions {
  readonly allowsHostLoopback: boolean
  readonly hasDns: boolean
}

export class Gate {
  readonly #interface: Interface
  readonly #options: GateOptions
  readonly #census: Census
  readonly #decision = new Decision()
  /** Flows refused for where they go, counted. */
  refused = 0
  /** Flows refused for how many there are, counted. */
  limited = 0

  constructor(iface: Interface, census: Census, options: GateOptions) {
    this.#interface = iface
    this.#census = census
    this.#options = options
  }

  /** Decides on a TCP connection. */
  tcp(guest: number, remote: number, port: number): Decision {
    const d = this.#counted(this.#decide(remote, port))
    if ((d.verdict === 'allow' || d.verdict === 'dns') && !this.#census.admits(guest, remote)) {
      d.verdict = 'prohibited'
      this.limited++
    }
    return d
  }

  /** Decides on a datagram to `remote`. */
  udp(remote: number, port: number): Decision {
    return this.#counted(this.#decide(remote, port))
  }

  /** Decides on an echo request. */
  ping(remote: number): Decision {
    return this.#counted(this.#decide(remote, 0))
  }

  /** Decides on a connection from a port forward. */
  forward(guest: number, remote: number): boolean {
    if (this.#census.admits(guest, remote)) return true
    this.limited++
    return false
  }

  /** Decides whether datagrams or echo requests of `guest`, each of which is decided on by itself, may begin a flow. */
  begins(guest: number): boolean {
    if (this.#census.admits(guest, 0)) return true
    this.limited++
    return false
  }

  #counted(d: Decision): Decision {
    if (d.verdict !== 'allow' && d.verdict !== 'dns') this.refused++
    return d
  }

  #decide(remote: number, port: number): Decision {
    const d = this.#decision
    const iface = this.#interface
    d.address0 = 0
    d.address1 = 0
    d.address2 = MAPPED
    d.address3 = remote
    d.port = port
    if (remote === iface.addresses.gateway) {
      d.address3 = LOOPBACK
      d.verdict = this.#options.allowsHostLoopback ? 'allow' : 'network-unreachable'
    } else if (remote === iface.addresses.dns && this.#options.hasDns) {
      d.verdict = port === DNS_PORT ? 'dns' : 'network-unreachable'
    } else if (!isUnicast(remote)) d.verdict = 'network-unreachable'
    else if (iface.isOnLink(remote)) d.verdict = remote === iface.addresses.dns ? 'network-unreachable' : 'host-unreachable'
    else d.verdict = 'allow'
    return d
  }
}

// RFC 1122, 3.2.1.3 and RFC 6890: this network, loopback, multicast, reserved and broadcast are no destinations.
export function isUnicast(address: number): boolean {
  const top = address >>> 24
  return top !== 0 && top !== 127 && top < 224
}
