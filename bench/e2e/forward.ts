// Published ports: the server is in the guest, and its client comes from the room's loopback. "Up" is from the guest to the host here, too.
// The MTU is of no concern to those who take the bytes to the guest's own loopback, so 65520 is for those who make frames.
import { exchange, LATENCY, TRANSACTIONS, transactions } from './latency.js'
import { type Direction, stream, THROUGHPUT } from './throughput.js'
import type { Workload } from './workload.js'

const MTU = 1500
const FRAMERS = ['netloom-tap', 'slirp4netns']

export function forwardStream(direction: Direction, mtu: number): Workload {
  return {
    name: `forward-${direction}-${mtu}`,
    title: `published port, TCP ${direction === 'up' ? 'guest to host' : 'host to guest'}, MTU ${mtu}, 1 stream`,
    mtu,
    metrics: THROUGHPUT,
    hasLimit: true,
    isForward: true,
    ...(mtu === MTU ? {} : { stacks: FRAMERS }),
    measure: (session, { seconds }) => stream(session, direction, 1, seconds, true),
  }
}

export const forwardExchange: Workload = {
  name: 'forward-rr',
  title: 'published port, TCP request/response, 1 byte, 1 at a time',
  mtu: MTU,
  metrics: LATENCY,
  hasLimit: true,
  isForward: true,
  measure: (session, { seconds }) => exchange(session, 'tcp', 1, seconds),
}

export function forwardTransactions(concurrency = 1): Workload {
  return {
    name: `forward-crr${concurrency === 1 ? '' : `-x${concurrency}`}`,
    title: `published port, TCP connect, request, response, end; ${concurrency} at a time`,
    mtu: MTU,
    metrics: TRANSACTIONS,
    hasLimit: true,
    isForward: true,
    measure: (session, { seconds }) => transactions(session, concurrency, seconds),
  }
}
