// A published port in one line, for people.
import type { Publication } from '../app/publications.js'

type Rule = Pick<Publication, 'protocol' | 'hostInterface' | 'hostAddresses' | 'hostAddress' | 'hostPort' | 'guestAddress' | 'guestPort'>

/** `tcp 127.0.0.1:8080 -> 10.0.2.100:80`; of an interface `tcp eth0:8080 (192.0.2.1, 2001:db8::1) -> 10.0.2.100:80`. */
export function ruleText({ protocol, hostInterface, hostAddresses, hostAddress, hostPort, guestAddress, guestPort }: Rule): string {
  const to = `${guestAddress}:${guestPort}`
  const now = hostAddresses.length === 0 ? 'no address now' : hostAddresses.join(', ')
  if (hostInterface !== null) return `${protocol} ${hostInterface}:${hostPort} (${now}) -> ${to}`
  const host = hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress
  return `${protocol} ${host}:${hostPort} -> ${to}`
}
