// What this kernel and this process allow, found out with a context of its own: before the size of anything depends on it.
import { createContext } from '../host/native.js'
import { type NetworkOptions, type ResolvedOptions, resolveOptions } from './options.js'

/** Family of probePeekOffset and pingOpen. */
const IPV4 = 4
/** errno(3): none of our groups is in net.ipv4.ping_group_range. */
const EACCES = 13
/**
 * Descriptors that are no flow's: Node's and our own (some 40), questions of the DNS forwarder under way (one to three each), its
 * connections (two each), and what else the process has open.
 */
export const DESCRIPTOR_RESERVE = 256
/** As few flows as can be worked with, when a limit leaves less than the reserve. */
const LEAST_FLOWS = 16

export interface HostFacts {
  /** Whether the host's sockets keep the bytes (SO_PEEK_OFF for TCP, Linux 6.9), or a ring of ours must. */
  readonly hostRead: 'peek' | 'ring'
  /** How many descriptors this process may have open, as many as it can be given; negative: not known. */
  readonly descriptors: number
  /** Whether this user may open ping sockets. */
  readonly mayPing: boolean
}

export function probeHost(): HostFacts {
  const probe = createContext(4096)
  const hostRead = probe.probePeekOffset(IPV4) === 1 ? 'peek' : 'ring'
  const descriptors = probe.raiseFileLimit()
  const ping = probe.pingOpen(IPV4, 0)
  if (ping >= 0) probe.closeDescriptor(ping)
  probe.close()
  return { hostRead, descriptors, mayPing: ping !== -EACCES }
}

/**
 * Fills in the defaults, with no more flows than there are descriptors for; whoever asked for more is told.
 * @throws NetloomError see resolveOptions().
 */
export function fitOptions(options: NetworkOptions, descriptors: number): ResolvedOptions {
  const resolved = resolveOptions(options)
  const { maxFlows, log } = resolved
  const most = Math.max(LEAST_FLOWS, descriptors - DESCRIPTOR_RESERVE)
  if (descriptors < 0 || maxFlows <= most) return resolved
  const text = `maxFlows is ${most}, not ${maxFlows}, for this process may have ${descriptors} open files; raise \`ulimit -Hn\``
  if (options.maxFlows === undefined) log.verbose(text)
  else log.warn(text)
  return resolveOptions({ ...options, maxFlows: most })
}
