// One stream of TCP over a path, by iperf3; what the receiver got counts. The first second is left out: it holds slow start.
import type { Path } from './path.js'

export const DIRECTIONS = ['up', 'down'] as const
export type Direction = (typeof DIRECTIONS)[number]

const PORT = 5201
const OMIT_S = 1
const LISTEN_MS = 5000
/** Beyond the length of the test: on a link that loses one packet in twenty, iperf3's own few messages take their time. */
const PATIENCE_MS = 60_000

interface Report {
  readonly error?: string
  readonly end: {
    readonly sum_received: { readonly bits_per_second: number }
    readonly sender_tcp_congestion?: string
  }
}

/** Mbit/s. */
export async function measure(path: Path, direction: Direction, seconds: number): Promise<number> {
  const server = path.server.start('iperf3', ['--server', '--one-off', '--forceflush', '--bind', path.bind, '--port', String(PORT)])
  try {
    await server.until(() => server.stdout.includes('Server listening'), 'listening', LISTEN_MS)
    const client = path.client.start('iperf3', [
      ...['--client', path.address, '--port', String(PORT), '--json', '--time', String(seconds), '--omit', String(OMIT_S)],
      ...(direction === 'down' ? ['--reverse'] : []),
    ])
    const report = JSON.parse(await client.finish((seconds + OMIT_S) * 1000 + PATIENCE_MS)) as Report
    if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`)
    const { sum_received, sender_tcp_congestion } = report.end
    if (sender_tcp_congestion !== 'cubic') throw new Error(`congestion control is ${sender_tcp_congestion}, not cubic`)
    return sum_received.bits_per_second / 1e6
  } finally {
    await server.end()
  }
}
