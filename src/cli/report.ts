// A network in words, for --verbose and the tour.
import type { Counters, FlowInfo, ImpairedFrames, Network } from '../app/types.js'
import type { Log } from '../util/log.js'
import { formatTable } from './table.js'
import { formatBytes } from './units.js'

/** What the kernel has switched on, in words. */
export function describeFeatures({ features }: Network): string {
  const words = [
    features.checksum ? 'checksum offload' : '',
    features.tso ? 'TCP super-segments (TSO)' : '',
    features.uso ? 'UDP super-segments (USO)' : '',
  ].filter((word) => word !== '')
  return words.length === 0 ? 'no offloads' : words.join(', ')
}

/** The facts of a network that is up. */
export function reportNetwork(log: Log, network: Network, where: string): void {
  if (!log.isVerbose) return
  const { network: base, prefix, guest, gateway, dns } = network.addresses
  log.verbose(`network ${base}/${prefix}: sandbox ${guest}, gateway and host ${gateway}, DNS ${dns}`)
  log.verbose(`${network.ifname} in ${where}: MTU ${network.mtu}, ${describeFeatures(network)}`)
}

/** What went through a network, before it is closed. */
export function reportTraffic(log: Log, { counters: c }: Network): void {
  if (!log.isVerbose) return
  const refused = c.flowsRefused === 0 ? '' : `, ${c.flowsRefused} refused`
  const limited = c.flowsLimited === 0 ? '' : `, ${c.flowsLimited} beyond a limit`
  const evicted = c.flowsEvicted === 0 ? '' : `, ${c.flowsEvicted} ended for want of room`
  log.verbose(`${plural(c.flowsTotal, 'flow')}, ${c.flowsOpen} still open${refused}${limited}${evicted}`)
  log.verbose(
    `${formatBytes(c.bytesIn)} from the sandbox in ${plural(c.framesIn, 'frame')}, ${formatBytes(c.bytesOut)} to it in ${c.framesOut}`,
  )
  const { impaired } = c
  if (impaired !== null)
    log.verbose(`the bad link: ${describeImpaired(impaired.up)} from the sandbox, ${describeImpaired(impaired.down)} to it`)
  const losses = [...lost(c), ...Object.entries(c.drops).map(([reason, count]) => `${count} dropped: ${reason}`)]
  if (losses.length > 0) log.verbose(losses.join(', '))
}

function describeImpaired(frames: ImpairedFrames): string {
  const words = Object.entries(frames).map(([what, count]) => (count === 0 ? '' : `${count} ${what}`))
  return words.filter((word) => word !== '').join(', ') || 'nothing'
}

function lost(c: Counters): string[] {
  const words: string[] = []
  if (c.defects > 0) words.push(plural(c.defects, 'defect'))
  if (c.retransmissions > 0) words.push(`${plural(c.retransmissions, 'segment')} sent again`)
  if (c.framesLost > 0) words.push(`${plural(c.framesLost, 'frame')} that the interface did not take`)
  return words
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** The open flows as a table, one line each, with a head. */
export function formatFlows(flows: readonly FlowInfo[]): string[] {
  const rows = flows.map((flow) => [
    flow.protocol,
    flow.state,
    endpoint(flow.guest),
    endpoint(flow.remote),
    endpoint(flow.host),
    formatBytes(flow.bytesIn),
    formatBytes(flow.bytesOut),
  ])
  const table = [['proto', 'state', 'sandbox', 'sees', 'host socket to', 'from it', 'to it'], ...rows]
  return formatTable(table, (column) => column > 4)
}

const endpoint = (end: FlowInfo['remote']): string =>
  end === null ? '-' : `${end.address.includes(':') ? `[${end.address}]` : end.address}:${end.port}`
