// `npm run bench -- stack`: two stacks of this build over pipe devices, without the operating system. README.md says how it is measured.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BenchOptions } from '../support/options.js'
import { allocating, complain, outOfRatio, type Ratio } from '../support/smoke.js'
import { significant, summarize } from '../support/statistics.js'
import { markdownTable } from '../support/table.js'
import { BULK, BULK_LOSS, BULK_PACKETS, cases, type StackCase, UNITS_PER_STEP, type Workload } from './cases.js'
import { ACKNOWLEDGED, RECEIVING, SENDING } from './link.js'

/** ms of one round. */
const ROUND = 300
/** Segments before the first: what happens to one in a hundred has to be compiled, too. */
const WARM_UP = 200_000
/** Rounds of heap growth, of which the least counts: anything else in the process can only add. */
const HEAP_ROUNDS = 10
/** Segments of such a round: many against what memoryUsage itself allocates, few against a collection. */
const HEAP_SEGMENTS = 20_000

interface Round {
  readonly segmentsPerSecond: number
  readonly bitsPerSecond: number
  readonly unitsPerSecond: number
  /** ns for each segment with text, sent and received, and for each acknowledgment that came back. */
  readonly sending: number
  readonly receiving: number
  readonly acknowledged: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function steps(item: Workload, ms: number): number {
  const end = performance.now() + ms
  let done = 0
  while (performance.now() < end) {
    for (let i = 0; i < item.steps; i++) item.step()
    done += item.steps
  }
  return done
}

function round(item: Workload): Round {
  const { link } = item
  const [sent, returned] = [link.b.frames, link.a.frames]
  link.spent.fill(0)
  const began = performance.now()
  const done = steps(item, ROUND)
  const seconds = (performance.now() - began) / 1000
  const [text, acknowledgments] = [link.b.frames - sent, link.a.frames - returned]
  const perFrame = (part: number, frames: number): number => (link.spent[part]! * 1e6) / frames
  return {
    segmentsPerSecond: (text + acknowledgments) / seconds,
    bitsPerSecond: (done * item.bytes * 8) / seconds,
    unitsPerSecond: (done * UNITS_PER_STEP) / seconds,
    sending: perFrame(SENDING, text),
    receiving: perFrame(RECEIVING, text),
    acknowledged: perFrame(ACKNOWLEDGED, acknowledgments),
  }
}

/** Heap bytes for each segment. */
function bytesPerSegment(item: Workload): number {
  const { link } = item
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < HEAP_ROUNDS; i++) {
    collect()
    const began = link.frames
    const before = process.memoryUsage().heapUsed
    while (link.frames - began < HEAP_SEGMENTS) item.step()
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / (link.frames - began))
  }
  return Math.max(0, Math.round(least))
}

interface Result extends Round {
  readonly name: string
  readonly unit: string
  readonly bytes: number
}

/** Medians over the rounds, figure by figure. */
function measureCase({ name, make }: StackCase, rounds: number): Result {
  const item = make()
  while (item.link.frames < WARM_UP) item.step()
  const bytes = bytesPerSegment(item)
  item.link.isTimed = true
  const all = Array.from({ length: rounds }, () => round(item))
  item.link.isTimed = false
  const median = (of: (one: Round) => number): number => summarize(all.map(of)).median
  return {
    name,
    unit: item.unit,
    bytes,
    segmentsPerSecond: median((one) => one.segmentsPerSecond),
    bitsPerSecond: median((one) => one.bitsPerSecond),
    unitsPerSecond: median((one) => one.unitsPerSecond),
    sending: median((one) => one.sending),
    receiving: median((one) => one.receiving),
    acknowledged: median((one) => one.acknowledged),
  }
}

function row(result: Result): string[] {
  const { name, unit, bytes, segmentsPerSecond, bitsPerSecond, unitsPerSecond, sending, receiving, acknowledged } = result
  const rate = unit === '' ? `${significant(bitsPerSecond / 1e9)} Gbit/s` : `${significant(unitsPerSecond)} 1/s`
  return [name, significant(segmentsPerSecond), rate, ...[sending, receiving, acknowledged].map((ns) => significant(ns)), String(bytes)]
}

/** Time for a byte of text, of cases that move one. */
const RATIOS: readonly Ratio[] = [
  { slow: BULK, fast: BULK_PACKETS, most: 0.2 },
  { slow: BULK_LOSS, fast: BULK_PACKETS, most: 5 },
]

/** Runs the cases whose names contain every word of `--only`; with `smoke` it ends with 1 when something is off. */
export function run({ only, rounds, smoke }: BenchOptions): number {
  const chosen = cases.filter(({ name }) => only.every((word) => name.includes(word)))
  if (chosen.length === 0) {
    console.error(`no stack benchmark has ${only.join(' and ')} in its name`)
    return 1
  }
  const header = ['two stacks, one after the other on one core', 'segments/s', 'rate', 'send ns', 'receive ns', 'ack ns', 'bytes']
  const results = chosen.map((item) => measureCase(item, smoke ? 1 : rounds))
  console.log(markdownTable(header, results.map(row)))
  if (!smoke) return 0
  const times = new Map(results.map(({ name, bitsPerSecond }) => [name, 1 / bitsPerSecond]))
  return complain([...allocating(results), ...outOfRatio(times, RATIOS)])
}
