// How much of a bad link TCP makes use of: netloom against Linux, through the same device with the same impairment (link/impaired-device),
// one stream each way. In the room of e2e/enclosure.ts; interleaved, each measurement on fresh namespaces.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { enterRoom, keepRoom, RESULTS_FILE, roomFolder, stage } from '../e2e/enclosure.js'
import { abortWhenInterrupted, REVISION, revision } from '../e2e/main.js'
import { headerText, type Report, type Run } from '../e2e/report.js'
import { describeMachine, versionLine } from '../support/machine.js'
import { type BenchOptions, UsageError } from '../support/options.js'
import { backgroundLoad } from '../support/proc.js'
import { Progress } from '../support/progress.js'
import { significant, summarize } from '../support/statistics.js'
import { markdownTable } from '../support/table.js'
import { type Cell, cells } from './cells.js'
import { PATHS, type PathName } from './path.js'
import { DIRECTIONS, type Direction, measure } from './stream.js'

const BACKGROUND_MS = 100
const NAMES = Object.keys(PATHS) as PathName[]

function choose(only: readonly string[]): readonly Cell[] {
  for (const name of only) if (!cells.some((cell) => cell.name.startsWith(name))) throw new UsageError(`there is no cell '${name}'`)
  return only.length === 0 ? cells : cells.filter((cell) => only.some((name) => cell.name.startsWith(name)))
}

/** The whole part, in whichever stage this process is. Returns the exit status. */
export async function run(options: BenchOptions, args: readonly string[]): Promise<number> {
  if (options.list) {
    for (const { name, title } of cells) console.log(`${name.padEnd(18)} ${title}`)
    return 0
  }
  switch (stage()) {
    case 'front':
      choose(options.only)
      process.env[REVISION] = revision()
      return await enterRoom(args, options.json)
    case 'keeper':
      return await keepRoom(args, options.buffers)
    case 'runner':
      return await measureAll(options)
  }
}

async function once(path: PathName, spec: string, direction: Direction, seconds: number): Promise<number | Error> {
  try {
    const open = await PATHS[path](spec)
    try {
      return await measure(open, direction, seconds)
    } finally {
      await open.close()
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function measureAll(options: BenchOptions): Promise<number> {
  abortWhenInterrupted()
  const chosen = choose(options.only)
  const machine = describeMachine()
  const versions = { iperf3: versionLine('iperf3')?.replace(/^iperf (\S+).*/, '$1') ?? 'missing' }
  const runs: Run[] = []
  const progress = new Progress(chosen.length * DIRECTIONS.length * NAMES.length * options.rounds)
  for (let round = 1; round <= options.rounds; round++) {
    for (const cell of chosen) {
      for (const direction of DIRECTIONS) {
        for (const path of NAMES) {
          progress.begin(`round ${round}/${options.rounds} ${cell.name} ${direction} ${path}`)
          const background = await backgroundLoad(BACKGROUND_MS)
          const result = await once(path, `${cell.spec},seed=${round}`, direction, options.seconds)
          const outcome = result instanceof Error ? { error: result.message } : { figures: { mbit: result } }
          runs.push({ workload: `${cell.name}-${direction}`, stack: path, round, background, ...outcome })
          progress.end(result instanceof Error ? `FAILED: ${result.message}` : `${significant(result)} Mbit/s`)
        }
      }
    }
  }
  const date = new Date().toISOString().slice(0, 10)
  const report: Report = { date, revision: process.env[REVISION] ?? '', machine, versions, options, runs }
  writeFileSync(join(roomFolder(), RESULTS_FILE), `${JSON.stringify(report, null, 2)}\n`)
  console.log(`\n${reportText(report, chosen)}`)
  return runs.some(({ error }) => error !== undefined) ? 1 : 0
}

function reportText(report: Report, chosen: readonly Cell[]): string {
  const of = (workload: string, stack: PathName): number[] =>
    report.runs.flatMap((run) =>
      run.workload === workload && run.stack === stack && run.figures !== undefined ? [run.figures['mbit']!] : [],
    )
  const cell = (values: readonly number[]): string => {
    if (values.length === 0) return '-'
    const { median, min, max } = summarize(values)
    return `${significant(median)} (${significant(min)} .. ${significant(max)})`
  }
  const ratio = (own: readonly number[], other: readonly number[]): string =>
    own.length === 0 || other.length === 0 ? '-' : `${significant(summarize(own).median / summarize(other).median, 2)}x`
  const rows = chosen.map(({ name, title }) => [
    title,
    ...DIRECTIONS.flatMap((direction) => {
      const [own, other] = [of(`${name}-${direction}`, 'netloom'), of(`${name}-${direction}`, 'Linux')]
      return [cell(own), cell(other), ratio(own, other)]
    }),
  ])
  const header = ['impairment, round trip', ...DIRECTIONS.flatMap((direction) => [`${direction}: netloom`, 'Linux', 'ratio'])]
  const failed = report.runs.filter(({ error }) => error !== undefined)
  const failures = failed.map((run) => `- ${run.workload}, ${run.stack}, round ${run.round}: ${run.error}`)
  const background = summarize(report.runs.map((run) => run.background))
  return [
    headerText(report),
    markdownTable(header, rows),
    `Mbit/s, median (min .. max). What else ran on the machine: median ${(background.median * 100).toFixed(0)} % of it.`,
    ...(failed.length === 0 ? [] : [`Failed:\n${failures.join('\n')}`]),
  ].join('\n\n')
}
