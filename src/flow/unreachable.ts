// Errors of the host's sockets as ICMP says them (RFC 792, 1122 3.2.2.1, 1812 5.2.7.1), so that the guest's own connect fails
// with the error that ours failed with.
import * as icmp from '../wire/icmpv4.js'
import type { Verdict } from './gate.js'

const ENETUNREACH = 101
const ENETDOWN = 100
const EACCES = 13
const EPERM = 1
const ECONNREFUSED = 111
const EMSGSIZE = 90

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

/** The code that tells the guest what the gate has decided. */
export function refusalCode(verdict: Verdict): number {
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
