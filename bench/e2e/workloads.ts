// The workloads, in the order of the tables, and how a command line chooses among them.
import { UsageError } from '../support/options.js'
import { COSTLY, COSTS } from './costs.js'
import { idleConnections } from './crowd.js'
import { datagramLoss, datagrams } from './datagrams.js'
import { idle, startUp } from './footprint.js'
import { forwardExchange, forwardStream, forwardTransactions } from './forward.js'
import { type Goal, goals } from './goals.js'
import { http } from './http.js'
import { connectRequestResponse, requestResponse } from './latency.js'
import type { Stack } from './stack.js'
import { stacks } from './stacks.js'
import { tcp, upload30s } from './throughput.js'
import type { Workload } from './workload.js'

const MTUS = [1500, 65520]
const DIRECTIONS = ['up', 'down'] as const
const SIZES = [64, 1400]

export const workloads: readonly Workload[] = [
  ...MTUS.flatMap((mtu) => DIRECTIONS.map((direction) => tcp(direction, mtu))),
  ...[8, 64].flatMap((streams) => MTUS.flatMap((mtu) => DIRECTIONS.map((direction) => tcp(direction, mtu, streams)))).map(onRequest),
  requestResponse('tcp'),
  onRequest(requestResponse('tcp', 32)),
  requestResponse('udp'),
  connectRequestResponse(),
  onRequest(connectRequestResponse(16)),
  http,
  ...SIZES.flatMap((size) => DIRECTIONS.map((direction) => datagrams(direction, size))),
  ...SIZES.flatMap((size) => DIRECTIONS.map((direction) => datagrams(direction, size, 16))).map(onRequest),
  ...DIRECTIONS.map(datagramLoss),
  ...MTUS.flatMap((mtu) => DIRECTIONS.map((direction) => forwardStream(direction, mtu))),
  forwardExchange,
  forwardTransactions(),
  onRequest(forwardTransactions(16)),
  idleConnections(false),
  idleConnections(true),
  startUp,
  idle,
  upload30s,
]

function onRequest(workload: Workload): Workload {
  return { ...workload, onRequest: true }
}

/** Those that the goals are about. */
export const FIGURES = 'figures'

/** Nothing is asked of it, and everybody wants to know. */
const UNASKED = ['startup']
/** Shown beside the limits even where nothing is asked of that ratio. */
const WITH_LIMITS = ['tcp-up-1500', 'tcp-down-1500', 'rr-tcp', 'crr', 'http', ...UNASKED, 'idle']

/** Without the stacks whose figures nothing is compared with, where those take time: the limits, and the slow ones. */
function withoutOthers(workload: Workload, about: readonly Goal[]): Workload {
  const named = new Set(about.flatMap(({ than }) => than?.stacks ?? []))
  // What is compared with another workload of the same stack, or with nothing, needs none of the peers, and takes time.
  if (workload.onRequest && about.every(({ than }) => than?.stacks === undefined)) {
    const isBesideOther = about.some(({ than }) => than?.workload !== undefined)
    return { ...workload, stacks: isBesideOther ? ['netloom', 'loopback'] : ['netloom'] }
  }
  const isLeftOut = ({ name, isLimit }: Stack) => (isLimit && !WITH_LIMITS.includes(workload.name)) || workload.once?.includes(name)
  const left = stacks.filter((stack) => named.has(stack.name) || !isLeftOut(stack)).map(({ name }) => name)
  return { ...workload, stacks: left.filter((name) => workload.stacks?.includes(name) ?? true) }
}

function named(name: string): readonly Workload[] {
  if (name === FIGURES) {
    const about = (name: string) => goals.filter(({ workload }) => workload === name)
    const isShown = ({ name }: Workload) => about(name).length > 0 || UNASKED.includes(name)
    return workloads.filter(isShown).map((workload) => withoutOthers(workload, about(workload.name)))
  }
  if (name === 'costs') return workloads.filter(({ name }) => COSTS.includes(name)).map((workload) => ({ ...workload, stacks: COSTLY }))
  const exact = workloads.filter((workload) => workload.name === name)
  return exact.length > 0 ? exact : workloads.filter((workload) => !workload.onRequest && workload.name.startsWith(name))
}

/** A name chooses the workload of that name, or else all that begin with it and need not be asked for. */
export function choose(only: readonly string[]): readonly Workload[] {
  if (only.length === 0) return workloads.filter((workload) => !workload.onRequest)
  const chosen = new Map<string, Workload>()
  for (const name of only) {
    const found = named(name)
    if (found.length === 0) throw new UsageError(`there is no workload '${name}'; --list names them`)
    for (const workload of found) chosen.set(workload.name, workload)
  }
  return [...chosen.values()].toSorted((a, b) => indexOf(a) - indexOf(b))
}

const indexOf = ({ name }: Workload): number => workloads.findIndex((workload) => workload.name === name)

/** Whether every one of these names is of this part. */
export function hasWorkloads(only: readonly string[]): boolean {
  try {
    return choose(only).length > 0
  } catch {
    return false
  }
}
