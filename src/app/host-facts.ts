// What this kernel and this process allow, found out with a context of its own: before the size of anything depends on it.
import { networkInterfaces } from 'node:os'
import { createContext } from '../host/native.js'
import { type NetworkOptions, type ResolvedOptions, resolveOptions } from './options.js'

/** Family of probePeekOffset and pingOpen. */
const IPV4 = 4
const IPV6 = 6
/** errno(3): none of our groups is in net.ipv4.ping_group_range. */
const EACCES = 13
/** What it means to the guest that this user may not open ping sockets, and the remedy. */
export const NO_PING =
  'ping reaches no further than the gateway, for this user may not open ping sockets: `sysctl -w net.ipv4.ping_group_range="0 2147483647"`'
/**
 * Descriptors that are no flow's: Node's and our own (some 40), questions of the DNS forwarder under way (one to three each), its
 * connections (two each), and what else the process has open.
 */
export const DESCRIPTOR_RESERVE = 256
/** Of a connection past the interface: the client's socket, the server's, and a pipe each way. */
const DESCRIPTORS_PER_FLOW = 6
/**
 * Of those, the ones that nothing opened for a guest or a stranger may take: clients of the control socket (32) and of slirp4netns' API (64), and
 * what Node opens for a moment, to load code or to look into /proc.
 */
const DESCRIPTORS_KEPT = 96
/** As few flows as can be worked with, when a limit leaves less than the reserve. */
const LEAST_FLOWS = 16

export interface HostFacts {
  /** Whether the host's sockets keep the bytes (SO_PEEK_OFF for TCP, Linux 6.9), or a ring of ours must. */
  readonly hostRead: HostRead
  /** How many descriptors this process may have open, as many as it can be given; negative: not known. */
  readonly descriptors: number
  /** Whether this user may open ping sockets. */
  readonly mayPing: boolean
  /** Whether the host has IPv6, if only on its loopback. */
  readonly hasIpv6: boolean
}

/** How the host's bytes wait for the guest: in the host's sockets (`peek`), in a ring of ours, or that of IPv6 alone. */
export type HostRead = 'peek' | 'ring' | 'ring-ipv6'

export function probeHost(): HostFacts {
  const probe = createContext(4096)
  const has6 = hasIpv6()
  const peeks4 = probe.probePeekOffset(IPV4) === 1
  // Linux has learned it for IPv6 a little later.
  const peeks6 = !has6 || probe.probePeekOffset(IPV6) === 1
  const hostRead = !peeks4 ? 'ring' : peeks6 ? 'peek' : 'ring-ipv6'
  const descriptors = probe.raiseFileLimit()
  const ping = probe.pingOpen(IPV4, 0)
  if (ping >= 0) probe.closeDescriptor(ping)
  probe.close()
  return { hostRead, descriptors, mayPing: ping !== -EACCES, hasIpv6: has6 }
}

/** How many descriptors may be open for others, of so many that this process may have; 0: not known, no limit. Of very few it keeps a quarter. */
export const descriptorsForOthers = (limit: number): number =>
  limit < 0 ? 0 : Math.max(limit - DESCRIPTORS_KEPT, Math.trunc((limit * 3) / 4))

/** Whether so many flows, each with as many descriptors as a flow can have, leave none. */
export const mayRunOut = (limit: number, maxFlows: number): boolean =>
  limit >= 0 && maxFlows * DESCRIPTORS_PER_FLOW + DESCRIPTOR_RESERVE > limit

/** An address that is not of a link: a kernel without IPv6, or with it switched off, has none. */
function hasIpv6(): boolean {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return own.some(({ family, address }) => family === 'IPv6' && !address.startsWith('fe80:'))
}

/**
 * Fills in the defaults, with no more flows than there are descriptors for; whoever asked for more is told.
 * @throws NetloomError see resolveOptions().
 */
export function fitOptions(options: NetworkOptions, { descriptors, hasIpv6 }: Pick<HostFacts, 'descriptors' | 'hasIpv6'>): ResolvedOptions {
  const resolved = resolveOptions(options, hasIpv6)
  const { maxFlows, log } = resolved
  const most = Math.max(LEAST_FLOWS, descriptors - DESCRIPTOR_RESERVE)
  if (descriptors < 0 || maxFlows <= most) return resolved
  const text = `maxFlows is ${most}, not ${maxFlows}, for this process may have ${descriptors} open files; raise \`ulimit -Hn\``
  if (options.maxFlows === undefined) log.verbose(text)
  else log.warn(text)
  return resolveOptions({ ...options, maxFlows: most }, hasIpv6)
}
