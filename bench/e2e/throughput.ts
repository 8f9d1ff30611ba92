// Bulk TCP, by iperf3. Both ends report every 0.1 s, so that a stall shows and is not averaged away, and so that the first second (slow start, a
// cold JIT compiler) can be told from what follows: the receiver's intervals are the ones that are looked at.
import type { BenchOptions } from '../support/options.js'
import { machineCpu } from '../support/proc.js'
import type { Session } from './session.js'
import type { Figures, Metric, Workload } from './workload.js'

const INTERVAL_S = 0.1
/** Counted apart at the start. */
export const WARM_UP_S = 1
const PATIENCE_MS = 20_000 // beyond the length of the test
const SERVER_MS = 5000 // from the client's end to the server's

/** Towards the host, or towards the guest. */
export type Direction = 'up' | 'down'

interface Interval {
  /** `start` and `seconds` in seconds. */
  readonly sum: { readonly bytes: number; readonly seconds: number; readonly start: number }
}

interface Report {
  readonly error?: string
  readonly intervals: readonly Interval[]
  readonly end: {
    readonly sum_received: { readonly bytes: number }
    readonly sum_sent: { readonly retransmits?: number }
    readonly sender_tcp_congestion?: string
    readonly receiver_tcp_congestion?: string
  }
}

/** The longest time in a row without a byte, in ms, and the slowest interval, in Gbit/s. */
export function findStalls(intervals: readonly Interval[]): { longestGapMs: number; slowestGbit: number } {
  let gap = 0
  let longest = 0
  let slowest = Number.POSITIVE_INFINITY
  for (const { sum } of intervals) {
    if (sum.seconds < INTERVAL_S / 2) continue // the rest of a test that did not end on a full interval
    gap = sum.bytes === 0 ? gap + sum.seconds : 0
    longest = Math.max(longest, gap)
    slowest = Math.min(slowest, (sum.bytes * 8) / sum.seconds / 1e9)
  }
  return { longestGapMs: longest * 1000, slowestGbit: Number.isFinite(slowest) ? slowest : 0 }
}

function gbit(intervals: readonly Interval[]): number {
  const total = (of: (interval: Interval) => number) => intervals.reduce((sum, interval) => sum + of(interval), 0)
  const seconds = total(({ sum }) => sum.seconds)
  return seconds === 0 ? 0 : (total(({ sum }) => sum.bytes) * 8) / seconds / 1e9
}

/** Of the first second, and of the rest. */
export function rates(intervals: readonly Interval[]): { firstGbit: number; gbit: number } {
  const isFirst = ({ sum }: Interval) => sum.start + sum.seconds / 2 < WARM_UP_S
  return { firstGbit: gbit(intervals.filter(isFirst)), gbit: gbit(intervals.filter((interval) => !isFirst(interval))) }
}

function parse(text: string): Report {
  const report = JSON.parse(text) as Report
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`)
  return report
}

/** `direction` is that of a client in the guest; where the server is there, the client outside does the contrary. */
export async function stream(
  session: Session,
  direction: Direction,
  streams: number,
  seconds: number,
  isForward = false,
): Promise<Figures> {
  const isReversed = (direction === 'down') !== isForward
  const { port, server } = await session.serve('iperf3', (address, own) => [
    ...['--server', '--one-off', '--json', '--interval', String(INTERVAL_S)],
    ...['--bind', address, '--port', String(own)],
  ])
  const length = WARM_UP_S + Math.max(1, Math.round(seconds)) // iperf3 takes no fractions
  const stackBefore = session.cpu()
  const machineBefore = machineCpu().busy
  const client = session.client.start('iperf3', [
    ...['--client', session.address, '--port', String(port), '--json', '--interval', String(INTERVAL_S)],
    ...['--time', String(length), '--parallel', String(streams), ...(isReversed ? ['--reverse'] : [])],
  ])
  const report = parse(await client.finish(length * 1000 + PATIENCE_MS))
  const machine = machineCpu().busy - machineBefore
  const stack = session.cpu() - stackBefore
  const { end } = report
  for (const algorithm of [end.sender_tcp_congestion, end.receiver_tcp_congestion]) {
    if (algorithm !== 'cubic') throw new Error(`congestion control is ${algorithm}, not cubic`)
  }
  const receiver = isReversed ? report : parse(await server.finish(SERVER_MS))
  const gigabytes = end.sum_received.bytes / 1e9
  if (gigabytes === 0) throw new Error('nothing was received')
  const { longestGapMs, slowestGbit } = findStalls(receiver.intervals)
  return {
    ...rates(receiver.intervals),
    cpuPerGB: stack / gigabytes,
    machineCpuPerGB: machine / gigabytes,
    longestGapMs,
    slowestGbit,
    retransmits: end.sum_sent.retransmits ?? 0,
  }
}

export const THROUGHPUT: readonly Metric[] = [
  { key: 'gbit', title: 'Gbit/s', better: 'more', ratio: true },
  { key: 'cpuPerGB', title: 'stack CPU s/GB', better: 'less', stackOnly: true },
  { key: 'machineCpuPerGB', title: 'machine CPU s/GB', better: 'less' },
  { key: 'longestGapMs', title: 'longest stall ms', better: 'less' },
  { key: 'firstGbit', title: 'first second: Gbit/s', better: 'more' },
]

export function tcp(direction: Direction, mtu: number, streams = 1): Workload {
  return {
    name: `tcp-${direction}-${mtu}${streams === 1 ? '' : `-x${streams}`}`,
    title: `TCP ${direction === 'up' ? 'guest to host' : 'host to guest'}, MTU ${mtu}, ${streams === 1 ? '1 stream' : `${streams} streams`}`,
    mtu,
    metrics: THROUGHPUT,
    hasLimit: true,
    measure: (session, options: BenchOptions) => stream(session, direction, streams, options.seconds),
  }
}

/** Long enough for a window that closes a little more with each wrong turn to show. */
export const upload30s: Workload = {
  name: 'upload-30s',
  title: 'one upload of 30 s, MTU 1500: stalls',
  mtu: 1500,
  metrics: [...THROUGHPUT, { key: 'slowestGbit', title: 'slowest 0.1 s, Gbit/s', better: 'more' }],
  hasLimit: true,
  onRequest: true,
  measure: (session) => stream(session, 'up', 1, 30),
}
