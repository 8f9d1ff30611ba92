// UDP one way, by our own small program (udp-blast.c): how many datagrams a second arrive of a flood, and how many get lost at a rate. Plain
// sendmmsg and recvmmsg at both ends, no segmentation offload: what most programs do.
import { machineCpu } from '../support/proc.js'
import { generator } from './latency.js'
import type { Session } from './session.js'
import type { Figures, Metric, Workload } from './workload.js'

const MTU = 1500
const PATIENCE_MS = 30_000 // beyond the length of the test; holds its warm-up, and what the programs wait for each other
const MILLION = 1e6
/** Datagrams of the loss workload, bytes, and its rate, bit/s. */
const LOSS_SIZE = 1400
const LOSS_RATE = 1e9

/** Towards the host, or towards the guest. */
type Direction = 'up' | 'down'

interface Outcome {
  readonly received: number
  readonly perSecond: number
  readonly sentPerSecond: number
  readonly lostPercent: number
  readonly gbit: number
  readonly late: number
}

async function blast(
  session: Session,
  direction: Direction,
  size: number,
  sockets: number,
  rate: number,
  seconds: number,
): Promise<Figures> {
  const program = generator('udp-blast')
  const { port } = await session.serve(program, (address, own) => ['server', address, String(own)], 'udp')
  const stackBefore = session.cpu()
  const machineBefore = machineCpu().busy
  const args = ['client', session.address, String(port), direction, ...[size, sockets, rate, seconds].map(String)]
  const outcome = JSON.parse(await session.client.start(program, args).finish(seconds * 1000 + PATIENCE_MS)) as Outcome
  if (outcome.received === 0) throw new Error('nothing was received')
  const millions = outcome.received / MILLION
  return {
    ...outcome,
    cpuPerMillion: (session.cpu() - stackBefore) / millions,
    machineCpuPerMillion: (machineCpu().busy - machineBefore) / millions,
  }
}

const title = (direction: Direction, size: number, sockets: number): string =>
  `datagrams of ${size} bytes ${direction === 'up' ? 'guest to host' : 'host to guest'}, ${sockets === 1 ? '1 socket' : `${sockets} sockets`}`

const CPU: readonly Metric[] = [
  { key: 'cpuPerMillion', title: 'stack CPU s/million', better: 'less', stackOnly: true },
  { key: 'machineCpuPerMillion', title: 'machine CPU s/million', better: 'less' },
]

/** As many as can be sent; those that arrive count. */
export function datagrams(direction: Direction, size: number, sockets = 1): Workload {
  return {
    name: `udp-${direction}-${size}${sockets === 1 ? '' : `-x${sockets}`}`,
    title: `flood of ${title(direction, size, sockets)}`,
    mtu: MTU,
    metrics: [
      { key: 'perSecond', title: 'delivered/s', better: 'more', ratio: true },
      { key: 'sentPerSecond', title: 'sent/s', better: 'more' },
      ...CPU,
    ],
    hasLimit: true,
    measure: (session, { seconds }) => blast(session, direction, size, sockets, 0, seconds),
  }
}

/** At a rate that a stack should carry without loss. */
export function datagramLoss(direction: Direction): Workload {
  return {
    name: `udp-loss-${direction}`,
    title: `1 Gbit/s of ${title(direction, LOSS_SIZE, 1)}`,
    mtu: MTU,
    metrics: [
      { key: 'lostPercent', title: 'lost %', better: 'less' },
      { key: 'gbit', title: 'Gbit/s', better: 'more' },
      { key: 'late', title: 'out of order', better: 'less' },
      ...CPU,
    ],
    hasLimit: true,
    measure: (session, { seconds }) => blast(session, direction, LOSS_SIZE, 1, Math.ceil(LOSS_RATE / 8 / LOSS_SIZE), seconds),
  }
}
