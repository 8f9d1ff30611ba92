// HTTP over connections that are kept: wrk against the least server there can be (http.c).
import { generator, TRANSACTIONS } from './latency.js'
import type { Session } from './session.js'
import type { Figures, Workload } from './workload.js'

const MTU = 1500
const CONNECTIONS = 16
const PATIENCE_MS = 15_000 // beyond the length of the test

/** 1.23ms, 45.00us, 1.01s: in us. */
function microseconds(text: string | undefined): number {
  const found = /^([\d.]+)(us|ms|s)$/.exec(text ?? '')
  if (found === null) throw new Error(`wrk: no latency in '${text}'`)
  return Number(found[1]) * { us: 1, ms: 1e3, s: 1e6 }[found[2] as 'us' | 'ms' | 's']
}

/** What wrk --latency prints. */
export function parseWrk(output: string): Figures {
  const field = (pattern: RegExp) => pattern.exec(output)?.[1]
  const perSecond = Number(field(/^Requests\/sec:\s+([\d.]+)/m))
  if (!(perSecond > 0)) throw new Error(`wrk: no request was answered: ${output.slice(-200)}`)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1).map(Number) ?? []
  const failures = Number(field(/Non-2xx or 3xx responses: (\d+)/) ?? 0) + errors.reduce((sum, count) => sum + count, 0)
  return { perSecond, p50: microseconds(field(/^\s+50%\s+(\S+)/m)), p99: microseconds(field(/^\s+99%\s+(\S+)/m)), failures }
}

async function measure(session: Session, seconds: number): Promise<Figures> {
  const { port } = await session.serve(generator('http'), (address, own) => [address, String(own)])
  const run = async (length: number): Promise<Figures> => {
    const args = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${length}s`, '--latency']
    const client = session.client.start('wrk', [...args, `http://${session.address}:${port}/`])
    return parseWrk(await client.finish(length * 1000 + PATIENCE_MS))
  }
  // wrk tells no second from another; the first one has connections of its own.
  const first = await run(1)
  const rest = await run(Math.max(1, Math.round(seconds))) // it takes no fractions
  const failures = (first['failures'] ?? 0) + (rest['failures'] ?? 0)
  return { ...rest, failures, firstPerSecond: first['perSecond'] ?? 0, firstP99: first['p99'] ?? 0 }
}

export const http: Workload = {
  name: 'http',
  title: `HTTP, 128 bytes, ${CONNECTIONS} connections that are kept`,
  mtu: MTU,
  metrics: TRANSACTIONS,
  hasLimit: true,
  measure: (session, { seconds }) => measure(session, seconds),
}
