// Errors of the host's sockets as ICMP says them (RFC 792, 1122 3.2.2.1, 1812 5.2.7.1), so that the guest's own connect fails
// with the error that ours failed with.
import type { DropCounters } from '../net/drops.js'
import type { Icmp } from '../net/icmp.js'
import type { Inbound } from '../net/inbound.js'
import * as icmp from '../wire/icmpv4.js'
import type { Verdict } from './gate.js'

const ENETUNREACH = 101
const ENETDOWN = 100
export const EACCES = 13
const EPERM = 1
const ECONNREFUSED = 111
export const EMSGSIZE = 90
// A lack of ours.
const EAGAIN = 11
const ENOMEM = 12
const ENFILE = 23
const EMFILE = 24
const ENOSPC = 28
const EADDRNOTAVAIL = 99
const ENOBUFS = 105

/** The code of destination unreachable for an errno; host unreachable when nothing fits better (a timeout, for one). */
export function unreachableCode(errno: number): number {
  switch (errno) {
    case ENETUNREACH:
    case ENETDOWN:
      return icmp.NETWORK_UNREACHABLE
    case ECONNREFUSED:
      return icmp.PORT_UNREACHABLE
    case EACCES:
    case EPERM:
      return icmp.ADMINISTRATIVELY_PROHIBITED
    case EMSGSIZE:
      return icmp.FRAGMENTATION_NEEDED
    default:
      return icmp.HOST_UNREACHABLE
  }
}

/**
 * True when all that was missing is a descriptor (also one that epoll may watch), a port or memory of this host's: that will pass, and says
 * nothing about where the guest wanted to go.
 */
export function isShortage(errno: number): boolean {
  switch (errno) {
    case EAGAIN:
    case ENOMEM:
    case ENFILE:
    case EMFILE:
    case ENOSPC:
    case EADDRNOTAVAIL:
    case ENOBUFS:
      return true
    default:
      return false
  }
}

/**
 * What the guest has just sent could not be passed on: it is told why. For want of something of ours it is only lost, and comes again.
 * `mtu`: of the path, where it was too long for that (RFC 1191, 4).
 */
export function tellFailure(to: Icmp, drops: DropCounters, inbound: Inbound, errno: number, mtu = 0): void {
  if (isShortage(errno)) drops.hostExhausted++
  else to.unreachable(inbound, unreachableCode(errno), mtu)
}

/** Tells the guest that what it has just sent goes nowhere, as the gate has decided. */
export function tellRefusal(to: Icmp, inbound: Inbound, verdict: Verdict): void {
  if (verdict !== 'silence') to.unreachable(inbound, refusalCode(verdict))
}

function refusalCode(verdict: Exclude<Verdict, 'silence'>): number {
  switch (verdict) {
    case 'host-unreachable':
      return icmp.HOST_UNREACHABLE
    case 'network-unreachable':
      return icmp.NETWORK_UNREACHABLE
    case 'allow':
    case 'dns':
    case 'prohibited':
      return icmp.ADMINISTRATIVELY_PROHIBITED
  }
}
