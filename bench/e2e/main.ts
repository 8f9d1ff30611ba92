// The end-to-end part. In the room (enclosure.ts): check that every stack moves bytes unharmed, then, for each round, each
// workload and each stack, measure on a fresh namespace, stack and server, and print the tables.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, repository, versionLine } from '../support/machine.js'
import { type BenchOptions, UsageError } from '../support/options.js'
import type { Cost } from '../support/perf.js'
import { backgroundLoad } from '../support/proc.js'
import { killAll } from '../support/process.js'
import { costs } from '../support/profile.js'
import { Progress } from '../support/progress.js'
import { significant, summarize } from '../support/statistics.js'
import { costTable } from './costs.js'
import { enterRoom, keepRoom, RESULTS_FILE, roomFolder, stage } from './enclosure.js'
import { checkIntegrity } from './integrity.js'
import { withRecording } from './recorder.js'
import { KERNEL, type Report, type Run, reportText } from './report.js'
import { scoreboard } from './scoreboard.js'
import { Session, type Setting } from './session.js'
import { profileFolder, type Stack } from './stack.js'
import { stacks, takesPart } from './stacks.js'
import type { Figures, Workload } from './workload.js'
import { choose, workloads } from './workloads.js'

const BACKGROUND_MS = 100
const COSTS = 10 // of a profile that are printed
export const REVISION = 'NETLOOM_BENCH_REVISION'

/** The whole part, in whichever stage this process is. Returns the exit status. */
export async function run(options: BenchOptions, args: readonly string[]): Promise<number> {
  if (options.list) {
    for (const { name, title, onRequest: asked } of workloads) console.log(`${name.padEnd(24)} ${title}${asked ? ' (when asked for)' : ''}`)
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

/** The checkout may belong to somebody else than who measures, which git refuses unless told. */
export function revision(): string {
  if (!existsSync(join(repository, '.git'))) return 'as packaged' // what is around a package is somebody else's
  const args = ['-c', 'safe.directory=*', '-C', repository, 'describe', '--always', '--dirty']
  return spawnSync('git', args, { encoding: 'utf8' }).stdout?.trim() || 'unknown'
}

export function abortWhenInterrupted(): void {
  const abort = () => {
    killAll()
    process.stderr.write('\nnetloom bench: interrupted\n')
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, abort)
  process.stdin.on('end', abort).on('error', abort).resume()
}

/** `netloom` names all three of its kind. */
const isOf = (stack: Stack, name: string): boolean => stack.name === name || stack.name.startsWith(`${name}-`)

function present(wanted: readonly string[]): { chosen: Stack[]; versions: Record<string, string> } {
  for (const name of wanted) if (!stacks.some((stack) => isOf(stack, name))) throw new UsageError(`there is no stack '${name}'`)
  const versions: Record<string, string> = {}
  const chosen: Stack[] = []
  for (const stack of stacks) {
    const isWanted = wanted.some((name) => isOf(stack, name))
    if (wanted.length > 0 && !isWanted) continue
    const version = stack.version()
    if (version === undefined && isWanted) throw new UsageError(`${stack.name} is not installed, or cannot run here`)
    if (version === undefined) process.stderr.write(`netloom bench: ${stack.name} is not installed, or cannot run here: left out\n`)
    else chosen.push(stack)
    if (version !== undefined) versions[stack.name] = version
  }
  return { chosen, versions }
}

async function withSession<T>(stack: Stack, setting: Setting, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.open(stack, setting)
  try {
    const result = await use(session)
    session.check()
    return result
  } finally {
    await session.close()
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof UsageError) throw error
    return error instanceof Error ? error : new Error(String(error))
  }
}

const checkName = ({ mtu, isForward }: Setting): string => `check-${mtu}${isForward ? '-forward' : ''}`

/** A stack that harms bytes at an MTU is not timed at it; each such failure is a run with an error, of the round 0. */
async function checkAll(chosen: readonly Stack[], measured: readonly Workload[]): Promise<Run[]> {
  const failures: Run[] = []
  const settings = new Map(measured.map((workload) => [checkName(workload), workload]))
  for (const [name, setting] of settings) {
    const some = measured.filter((workload) => checkName(workload) === name)
    for (const stack of chosen.filter((one) => !one.isLimit && some.some((workload) => takesPart(workload, one)))) {
      const check = (session: Session) => checkIntegrity(session, setting.isForward === true)
      const result = await attempt(() => withSession(stack, { ...setting, flows: undefined }, check))
      process.stderr.write(`${name} ${stack.name}: ${result instanceof Error ? result.message : '20 MB each way, same SHA-256'}\n`)
      if (!(result instanceof Error)) continue
      failures.push({ workload: name, stack: stack.name, round: 0, background: 0, error: result.message })
    }
  }
  return failures
}

function resultLine(workload: Workload, stack: Stack, result: Figures | Error): string {
  if (result instanceof Error) return `FAILED: ${result.message}`
  const shown = workload.metrics.filter(({ stackOnly }) => !stackOnly || !KERNEL.includes(stack.name))
  return shown.map(({ key, title }) => `${significant(result[key] ?? 0)} ${title}`).join(', ')
}

/** The ten largest costs of a measurement, of the profile that its netloom has left. */
function printCosts(): void {
  const folder = profileFolder()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    for (const { name: what, share } of costs(readFileSync(join(folder, name), 'utf8'), COSTS)) {
      process.stderr.write(`  ${(share * 100).toFixed(1).padStart(5)} %  ${what}\n`)
    }
    rmSync(join(folder, name))
  }
}

interface Outcome {
  readonly figures: Figures
  readonly costs: readonly Cost[]
}

async function measureOnce(workload: Workload, stack: Stack, options: BenchOptions): Promise<Outcome> {
  const { profile, perf } = options
  return await withSession(stack, { ...workload, profile, perf }, async (session) => {
    const work = () => workload.measure(session, options)
    if (!perf || stack.isLimit) return { figures: await work(), costs: [] }
    const { result, costs: found } = await withRecording(session.pids(), work)
    return { figures: result, costs: found }
  })
}

/** One measurement: a session, or as many as the workload wants, and their medians. */
async function measure(workload: Workload, stack: Stack, options: BenchOptions): Promise<Outcome> {
  const all: Outcome[] = []
  for (let i = 0; i < (workload.repeat ?? 1); i++) all.push(await measureOnce(workload, stack, options))
  const median = (key: string) => summarize(all.map(({ figures }) => figures[key] ?? 0)).median
  const [first] = all
  return { figures: Object.fromEntries(Object.keys(first?.figures ?? {}).map((key) => [key, median(key)])), costs: first?.costs ?? [] }
}

async function measureAll(options: BenchOptions): Promise<number> {
  abortWhenInterrupted()
  const measured = choose(options.only)
  const { chosen, versions } = present(options.stacks)
  versions['iperf3'] = versionLine('iperf3')?.replace(/^iperf (\S+).*/, '$1') ?? 'missing'
  const machine = describeMachine()
  const date = new Date().toISOString().slice(0, 10)
  const runs = await checkAll(chosen, measured)
  const harmed = new Set(runs.map((run) => `${run.workload} ${run.stack}`))
  const pairs = measured.flatMap((workload) =>
    chosen
      .filter((stack) => takesPart(workload, stack) && !harmed.has(`${checkName(workload)} ${stack.name}`))
      .map((stack) => ({ workload, stack })),
  )
  const once = pairs.filter(({ workload, stack }) => workload.once?.includes(stack.name)).length
  const progress = new Progress(pairs.length * options.rounds - once * (options.rounds - 1))
  for (let round = 1; round <= options.rounds; round++) {
    for (const { workload, stack } of pairs) {
      if (round > 1 && workload.once?.includes(stack.name)) continue
      progress.begin(`round ${round}/${options.rounds} ${workload.name} ${stack.name}`)
      const background = await backgroundLoad(BACKGROUND_MS)
      const result = await attempt(() => measure(workload, stack, options))
      const outcome = result instanceof Error ? { error: result.message } : result
      runs.push({ workload: workload.name, stack: stack.name, round, background, ...outcome })
      progress.end(resultLine(workload, stack, result instanceof Error ? result : result.figures))
      if (!(result instanceof Error) && options.perf) process.stderr.write(`${costTable(workload.name, result.costs)}\n`)
      if (options.profile) printCosts()
    }
  }
  const report: Report = { date, revision: process.env[REVISION] ?? '', machine, versions, options, runs }
  writeFileSync(join(roomFolder(), RESULTS_FILE), `${JSON.stringify(report, null, 2)}\n`)
  console.log(
    `\n${reportText(
      report,
      measured,
      chosen.map(({ name }) => name),
    )}\n\n${scoreboard(report)}`,
  )
  return runs.some(({ error }) => error !== undefined) ? 1 : 0
}
