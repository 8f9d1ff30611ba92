// Simulations on demand:
//
//     node dist/test/simulation/main.js SEED               one seed, every step of it
//     node dist/test/simulation/main.js FIRST COUNT        so many seeds, on all cores; the failures, and a tally
//     node dist/test/simulation/main.js table [--write]    the throughput table; --write puts it in its place
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Outcome } from '../support/simulation.js'
import { draw } from '../support/simulation-plan.js'
import { describe, emptyTally, runSeed, runTraced, type Tally } from '../support/simulation-seeds.js'
import { TABLE_FILE, throughputTable } from '../support/simulation-throughput.js'
import { Trace } from '../support/simulation-trace.js'

/** Seeds between two reports of a worker. */
const REPORT_EVERY = 100
/** Failures that are printed whole, and those of which the first line is. */
const WHOLE_FAILURES = 3
const MOST_FAILURES = 100

/** What a worker is given: seeds first, first + step, ... below end. */
interface Share {
  readonly first: number
  readonly end: number
  readonly step: number
}

interface Report {
  readonly tally: Tally
  readonly failures: readonly string[]
}

function work({ first, end, step }: Share): void {
  let tally = emptyTally()
  let failures: string[] = []
  const report = (): void => {
    parentPort?.postMessage({ tally, failures } satisfies Report)
    tally = emptyTally()
    failures = []
  }
  for (let seed = first, done = 1; seed < end; seed += step, done++) {
    try {
      tally[runSeed(seed)]++
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
    if (done % REPORT_EVERY === 0) report()
  }
  report()
}

async function runMany(first: number, count: number): Promise<number> {
  const started = performance.now()
  const workers = Math.min(availableParallelism(), count)
  const total = emptyTally()
  let failed = 0
  const add = ({ tally, failures }: Report): void => {
    for (const outcome of Object.keys(total) as Outcome[]) total[outcome] += tally[outcome]
    for (const failure of failures) {
      failed++
      if (failed <= MOST_FAILURES) console.log(failed <= WHOLE_FAILURES ? `${failure}\n` : failure.split('\n')[0])
    }
    const done = failed + Object.values(total).reduce((sum, n) => sum + n, 0)
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count}, ${failed} failed `)
  }
  const shares = Array.from({ length: workers }, (_, i): Share => ({ first: first + i, end: first + count, step: workers }))
  await Promise.all(
    shares.map((share) => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share })
      worker.on('message', add)
      return new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
    }),
  )
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const tally = Object.entries(total).map(([outcome, n]) => `${n} ${outcome}`)
  console.log(`\n${count} seeds in ${seconds} s: ${tally.join(', ')}, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

function runOne(seed: number): number {
  const trace = new Trace(Number.POSITIVE_INFINITY)
  const fate = runTraced(seed, trace)
  console.log(`${describe(draw(seed))}\n${trace}\n${fate}`)
  return fate in emptyTally() ? 0 : 1
}

function table(isWritten: boolean): number {
  if (isWritten) writeFileSync(TABLE_FILE, throughputTable())
  else console.log(throughputTable())
  return 0
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'table') return table(args[1] === '--write')
  const numbers = args.map(Number)
  const [first, count] = numbers
  if (first === undefined || numbers.some((n) => !Number.isSafeInteger(n)) || numbers.length > 2) {
    console.error('usage: main.js SEED | FIRST COUNT | table [--write]')
    return 2
  }
  return count === undefined ? runOne(first) : await runMany(first, count)
}

if (isMainThread) process.exitCode = await main(process.argv.slice(2))
else work(workerData as Share)
