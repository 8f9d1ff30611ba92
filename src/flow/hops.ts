// Hop limits (TTL): towards the host's network we are a router, which takes one off each way (RFC 1812, 5.3.1; RFC 8200, 3). The host's own
// loopback, which the guest knows by the gateway's address, is where the gateway is: no hop further.
import { DEFAULT_TTL } from '../net/outbound.js'

/** What the host sends with, for what the guest has sent with `ttl`. A packet with none left does not get here (net/ipv4.ts, ipv6.ts). */
export const outgoing = (ttl: number, isLoopback: boolean): number => Math.max(1, isLoopback ? ttl : ttl - 1)

/** What the guest gets, of what the host has got with `ttl`; negative: the kernel did not tell. */
export function incoming(ttl: number, isLoopback: boolean): number {
  if (ttl < 0) return DEFAULT_TTL
  return Math.max(1, isLoopback ? ttl : ttl - 1)
}
