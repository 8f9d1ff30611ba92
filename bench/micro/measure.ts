/*
 * How a micro benchmark is measured. A case brings its own loop, so that V8 sees the call as the packet path has it: in a hot loop, inlined
 * where it can be. tinybench times batches of it (its clock is coarser than one operation), and the median of the batches counts. Bytes
 * are the growth of the heap over one batch that is too short for a collection.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Bench } from 'tinybench'

export interface MicroCase {
  readonly name: string
  /** Does the operation `count` times; what it returns keeps V8 from leaving the work out. */
  run(count: number): number
}

export interface MicroResult {
  readonly name: string
  /** ns an operation, median. */
  readonly ns: number
  /** Heap bytes an operation. */
  readonly bytes: number
}

/** Operations in one sample: long against the clock, short against the scheduler. */
const BATCH = 1_000
/** Operations the bytes are measured over. */
const BYTES_BATCH = 20_000
/** ms a case. */
const TIME = 300

/** Where results go. */
const sink = new Int32Array(1)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

export async function measure(cases: readonly MicroCase[], time = TIME): Promise<MicroResult[]> {
  const bench = new Bench({ time, warmupTime: time / 3 })
  for (const { name, run } of cases) {
    bench.add(
      name,
      () => {
        sink[0]! ^= run(BATCH)
      },
      { async: false },
    )
  }
  await bench.run()
  return cases.map((item) => {
    const result = bench.getTask(item.name)?.result
    if (result === undefined || result.state !== 'completed') throw new Error(`micro benchmark ${item.name}: ${result?.state ?? 'missing'}`)
    return { name: item.name, ns: (result.latency.p50 * 1e6) / BATCH, bytes: bytesOf(item) }
  })
}

/** The least of several batches: anything else in the process can only add. */
function bytesOf({ run }: MicroCase): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    sink[0]! ^= run(BYTES_BATCH)
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  // What memoryUsage itself allocates stays below one byte an operation.
  return Math.max(0, Math.round(least / BYTES_BATCH))
}

export function formatTable(results: readonly MicroResult[]): string {
  const rows = results.map(({ name, ns, bytes }) => `| ${name} | ${ns.toFixed(ns < 100 ? 1 : 0)} | ${bytes} |`)
  return ['| operation | ns | bytes |', '|---|---:|---:|', ...rows].join('\n')
}
