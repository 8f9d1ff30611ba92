// HTTP over connections that are kept: wrk against the least server there can be (http.c).
import { generator } from './latency.js'
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
  const whole = Math.max(1, Math.round(seconds)) // wrk takes no fractions
  const args = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${whole}s`, '--latency']
  const client = session.client.start('wrk', [...args, `http://${session.address}:${port}/`])
  return parseWrk(await client.finish(whole * 1000 + PATIENCE_MS))
}

export const http: Workload = {
  name: 'http',
  title: `HTTP, 128 bytes, ${CONNECTIONS} connections that are kept`,
  mtu: MTU,
  metrics: [
    { key: 'perSecond', title: '1/s', better: 'more', ratio: true },
    { key: 'p50', title: 'p50 us', better: 'less' },
    { key: 'p99', title: 'p99 us', better: 'less' },
    { key: 'failures', title: 'failed', better: 'less' },
  ],
  hasLimit: true,
  measure: (session, { seconds }) => measure(session, seconds),
}
