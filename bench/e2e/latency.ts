// Request/response and connect/request/response, by our own small C programs (rr.c, crr.c), compiled at the start of a run so
// that it is not an interpreter that is measured.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/machine.js'
import { UsageError } from '../support/options.js'
import { roomFolder } from './enclosure.js'
import type { Session } from './session.js'
import type { Figures, Metric, Workload } from './workload.js'

const MTU = 1500
const PATIENCE_MS = 15_000 // beyond the length of the test; holds its warm-up
const COMPILE_MS = 60_000

/** The path of a load generator, compiled if this run has not done so yet. */
export function generator(name: 'rr' | 'crr' | 'crowd' | 'http' | 'udp-blast'): string {
  const output = join(roomFolder(), name)
  if (existsSync(output)) return output
  const source = join(repository, 'bench', 'e2e', `${name}.c`)
  const args = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-o', output, source]
  const done = spawnSync('cc', args, { encoding: 'utf8', timeout: COMPILE_MS })
  if (done.error) throw new UsageError(`cc: ${done.error.message}; this workload needs a C compiler`)
  if (done.status !== 0) throw new Error(`cc ${args.join(' ')}: ${done.stderr}`)
  return output
}

export const LATENCY: readonly Metric[] = [
  { key: 'p50', title: 'p50 us', better: 'less', ratio: true },
  { key: 'p99', title: 'p99 us', better: 'less', ratio: true },
  { key: 'perSecond', title: '1/s', better: 'more' },
  { key: 'failures', title: 'failed', better: 'less' },
  { key: 'firstP50', title: 'first second: p50', better: 'less' },
  { key: 'firstP99', title: 'p99', better: 'less' },
]

export const TRANSACTIONS: readonly Metric[] = [
  { key: 'perSecond', title: '1/s', better: 'more', ratio: true },
  { key: 'p50', title: 'p50 us', better: 'less' },
  { key: 'p99', title: 'p99 us', better: 'less' },
  { key: 'failures', title: 'failed', better: 'less' },
  { key: 'firstPerSecond', title: 'first second: 1/s', better: 'more' },
  { key: 'firstP99', title: 'p99', better: 'less' },
]

/** So many connections, each with one request under way. */
export async function exchange(session: Session, transport: 'tcp' | 'udp', connections: number, seconds: number): Promise<Figures> {
  const rr = generator('rr')
  const serve = (address: string, port: number) => ['server', transport, address, String(port), String(connections)]
  const { port } = await session.serve(rr, serve, transport)
  const client = session.client.start(rr, ['client', transport, session.address, String(port), String(connections), `${seconds}s`])
  return JSON.parse(await client.finish(seconds * 1000 + PATIENCE_MS)) as Figures
}

/** So many transactions at a time, each on a connection of its own. */
export async function transactions(session: Session, concurrency: number, seconds: number): Promise<Figures> {
  const crr = generator('crr')
  const { port } = await session.serve(crr, (address, own) => ['server', address, String(own)])
  const client = session.client.start(crr, ['client', session.address, String(port), String(concurrency), `${seconds}s`])
  return JSON.parse(await client.finish(seconds * 1000 + PATIENCE_MS)) as Figures
}

export function requestResponse(transport: 'tcp' | 'udp', connections = 1): Workload {
  return {
    name: `rr-${transport}${connections === 1 ? '' : `-x${connections}`}`,
    title: `${transport.toUpperCase()} request/response, 1 byte, ${connections} at a time`,
    mtu: MTU,
    metrics: LATENCY,
    hasLimit: true,
    measure: (session, { seconds }) => exchange(session, transport, connections, seconds),
  }
}

export function connectRequestResponse(concurrency = 1): Workload {
  return {
    name: `crr${concurrency === 1 ? '' : `-x${concurrency}`}`,
    title: `TCP connect, request, response, end; ${concurrency} at a time`,
    mtu: MTU,
    metrics: TRANSACTIONS,
    hasLimit: true,
    measure: (session, { seconds }) => transactions(session, concurrency, seconds),
  }
}
