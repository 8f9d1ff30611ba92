// Ten thousand connections that do nothing: how long they take to open, how many do not, what they cost, and what becomes of another
// flow's latency and throughput beside them. Opened and held by our own small program (crowd.c).
import { fileLimit, memoryMiB } from '../support/proc.js'
import { exchange, generator } from './latency.js'
import type { Session } from './session.js'
import { stream } from './throughput.js'
import type { Figures, Workload } from './workload.js'

const MTU = 1500
const CONNECTIONS = 10_000
/** Of a stack's descriptors, those that are no connection's; a relay has two descriptors for each connection. */
const OTHER_DESCRIPTORS = 1000
const PER_CONNECTION = 2
const OPEN_S = 10 // slirp4netns takes longer than anybody would wait
const SLOW = ['slirp4netns', 'rootlesskit']
/** pasta needs six descriptors for each connection that it splices, and resets what it has none for. */
const SLOW_TO_FORWARD = [...SLOW, 'pasta']
const PATIENCE_MS = 10_000
/** Ten thousand, or as many as the limit of open files allows. */
export const connections = (): number => Math.min(CONNECTIONS, Math.trunc((fileLimit() - OTHER_DESCRIPTORS) / PER_CONNECTION))

async function gather(session: Session): Promise<Figures> {
  const crowd = generator('crowd')
  const { port } = await session.serve(crowd, (address, own) => ['server', address, String(own)])
  const client = session.keep(crowd, ['client', session.address, String(port), String(connections()), String(OPEN_S)])
  await client.until(() => client.stdout.includes('\n'), 'done opening', OPEN_S * 1000 + PATIENCE_MS)
  return JSON.parse(client.stdout) as Figures
}

async function measure(session: Session, seconds: number, isForward: boolean): Promise<Figures> {
  const flow = async () => ({
    ...(await exchange(session, 'tcp', 1, seconds)),
    gbit: (await stream(session, 'down', 1, seconds, isForward))['gbit'] ?? 0,
  })
  const before: Figures = await flow()
  const memory = memoryMiB(session.pids(), 'VmRSS')
  const opened = await gather(session)
  const count = opened['opened'] ?? 0
  if (count === 0) throw new Error('no connection was opened')
  const kib = ((memoryMiB(session.pids(), 'VmRSS') - memory) * 1024) / count
  const after: Figures = await flow()
  const times = (key: string) => (after[key] ?? 0) / (before[key] ?? 0)
  return {
    ...opened,
    openMs: ((opened['openMs'] ?? 0) * connections()) / count,
    kibEach: Math.max(0, kib),
    p50: after['p50'] ?? 0,
    p50Ratio: times('p50'),
    gbit: after['gbit'] ?? 0,
    gbitLoss: Math.max(0, 1 - times('gbit')),
  }
}

export function idleConnections(isForward: boolean): Workload {
  return {
    name: isForward ? 'forward-idle-connections' : 'idle-connections',
    title: `${isForward ? 'published port: ' : ''}10,000 idle connections (or as many as the limit of open files allows), and a flow beside them`,
    mtu: MTU,
    metrics: [
      { key: 'opened', title: 'opened', better: 'more' },
      { key: 'failures', title: 'failed', better: 'less' },
      { key: 'openMs', title: 'ms for all', better: 'less', ratio: true },
      { key: 'kibEach', title: 'KiB each', better: 'less' },
      { key: 'p50', title: 'p50 us', better: 'less' },
      { key: 'p50Ratio', title: 'p50, times without', better: 'less' },
      { key: 'gbit', title: 'Gbit/s', better: 'more' },
      { key: 'gbitLoss', title: 'share of Gbit/s lost', better: 'less' },
    ],
    hasLimit: false,
    once: isForward ? SLOW_TO_FORWARD : SLOW,
    flows: CONNECTIONS + OTHER_DESCRIPTORS,
    ...(isForward ? { isForward } : {}),
    measure: (session, { seconds }) => measure(session, seconds, isForward),
  }
}
