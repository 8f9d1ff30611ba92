// What netloom is asked for, figure by figure, and whether a run has reached it. A ratio is of medians, above 1 where netloom is the better
// one, whichever way the figure points.

export interface Goal {
  readonly workload: string
  /** Which of its metrics; the first of them when left out. */
  readonly key?: string
  readonly title: string
  /** Whose figure; netloom's when left out. */
  readonly stack?: string
  /** What it is compared with: the best of some stacks, or another workload of the same stack. Left out: with nothing, `atMost` is absolute. */
  readonly than?: { readonly stacks?: readonly string[]; readonly workload?: string }
  /** Of the ratio. */
  readonly atLeast?: number
  /** Of the figure. */
  readonly atMost?: number
}

export const PEERS = ['slirp4netns', 'pasta']
const SLIRP = ['slirp4netns']
const PASTA = ['pasta']
const LOOPBACK = ['loopback']

function ratio(workload: string, title: string, stacks: readonly string[], atLeast: number, more: Partial<Goal> = {}): Goal {
  return { workload, title, than: { stacks }, atLeast, ...more }
}

const limit = (workload: string, title: string, key: string, atMost: number, more: Partial<Goal> = {}): Goal => ({
  workload,
  key,
  title,
  atMost,
  ...more,
})

const throughput: readonly Goal[] = [
  ratio('tcp-up-1500', 'TCP up, MTU 1500', PEERS, 15),
  ratio('tcp-up-1500', 'TCP up, MTU 1500', LOOPBACK, 0.35),
  ratio('tcp-down-1500', 'TCP down, MTU 1500', PEERS, 10),
  ratio('tcp-down-1500', 'TCP down, MTU 1500', LOOPBACK, 0.45),
  ratio('tcp-up-65520', 'TCP up, MTU 65520', PEERS, 2.5),
  ratio('tcp-down-65520', 'TCP down, MTU 65520', PEERS, 1.3),
  ...[8, 64].flatMap((streams) =>
    (['up', 'down'] as const).map((direction) => ({
      workload: `tcp-${direction}-1500-x${streams}`,
      title: `TCP ${direction}, MTU 1500, ${streams} streams`,
      than: { workload: `tcp-${direction}-1500` },
      atLeast: 0.9,
    })),
  ),
  ratio('tcp-up-1500', 'CPU time per byte, up, MTU 1500', SLIRP, 15, { key: 'cpuPerGB' }),
  ratio('tcp-down-1500', 'CPU time per byte, down, MTU 1500', SLIRP, 15, { key: 'cpuPerGB' }),
]

const latency: readonly Goal[] = [
  ...['rr-tcp', 'rr-tcp-x32'].flatMap((workload) =>
    ['p50', 'p99'].map((key) =>
      ratio(workload, `TCP request/response, ${workload === 'rr-tcp' ? 1 : 32} at a time, ${key}`, PEERS, 1, { key }),
    ),
  ),
  ratio('rr-udp', 'UDP request/response, p50', PEERS, 1, { key: 'p50' }),
  ...['crr', 'crr-x16'].flatMap((workload) => {
    const title = `TCP connect/request/response, ${workload === 'crr' ? 1 : 16} at a time`
    return [ratio(workload, title, PEERS, 1), limit(workload, `${title}: failures`, 'failures', 0)]
  }),
  ratio('http', 'HTTP, 16 connections that are kept', PEERS, 1),
]

const datagrams: readonly Goal[] = [64, 1400].flatMap((size) =>
  ['up', 'down'].map((direction) => ratio(`udp-${direction}-${size}`, `UDP ${direction}, ${size} bytes`, PEERS, 2)),
)

const faults: readonly Goal[] = [
  ...['up', 'down'].map((way) => limit(`udp-loss-${way}`, `UDP ${way}, 1 Gbit/s of 1,400 bytes: % lost`, 'lostPercent', 0.1)),
  limit('upload-30s', 'one upload of 30 s: longest stall, ms', 'longestGapMs', 0),
]

const tap = { stack: 'netloom-tap' }
const direct = { stack: 'netloom-direct' }
const published = ['slirp4netns', 'pasta', 'rootlesskit']

const forwards: readonly Goal[] = [
  ...['down', 'up'].flatMap((way) => [
    ratio(`forward-${way}-1500`, `published port ${way}, tap driver, MTU 1500`, SLIRP, 5, tap),
    ratio(`forward-${way}-65520`, `published port ${way}, tap driver, MTU 65520`, SLIRP, 2, tap),
    ratio(`forward-${way}-1500`, `published port ${way}, direct driver`, PASTA, 0.9, direct),
    ratio(`forward-${way}-1500`, `published port ${way}, direct driver`, ['rootlesskit'], 1, direct),
    ratio(`forward-${way}-1500`, `published port ${way}, direct driver`, LOOPBACK, 0.8, direct),
  ]),
  ratio('forward-rr', 'published port, request/response, direct driver, p50', published, 1, { ...direct, key: 'p50' }),
  ratio('forward-rr', 'published port, request/response, tap driver, p50', SLIRP, 1, { ...tap, key: 'p50' }),
  ratio('forward-crr', 'published port, connections, direct driver', published, 1, direct),
  ratio('forward-crr', 'published port, connections, tap driver', SLIRP, 1, tap),
]

const crowds: readonly Goal[] = [
  ratio('idle-connections', '10,000 idle connections: opened', PASTA, 0.5, { key: 'openMs' }),
  limit('idle-connections', '10,000 idle connections: failures', 'failures', 0),
  limit('idle-connections', '10,000 idle connections: KiB of process memory each', 'kibEach', 1),
  limit('idle-connections', 'another flow beside them: p50, times without', 'p50Ratio', 1.2),
  limit('idle-connections', 'another flow beside them: share of its throughput lost', 'gbitLoss', 0.1),
  ...[tap, direct].flatMap(({ stack }) => [
    limit('forward-idle-connections', `10,000 idle published connections, ${stack}: failures`, 'failures', 0, { stack }),
    limit('forward-idle-connections', `another flow beside them, ${stack}: p50, times without`, 'p50Ratio', 1.2, { stack }),
  ]),
]

export const goals: readonly Goal[] = [
  ...throughput,
  ...latency,
  ...datagrams,
  ...faults,
  ...forwards,
  ...crowds,
  limit('idle', 'idle: CPU ms a second', 'cpuMs', 0.5),
]
