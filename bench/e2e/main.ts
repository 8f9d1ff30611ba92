// The end-to-end part. In the room (enclosure.ts): check that every stack moves bytes unharmed, then, for each round, each
// workload and each stack, measure on a fresh namespace, stack and server, and print the tables.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, repository, versionLine } from '../support/machine.js'
import { type BenchOptions, UsageError } from '../support/options.js'
import { backgroundLoad } from '../support/proc.js'
import { killAll } from '../support/process.js'
import { Progress } from '../support/progress.js'
import { significant } from '../support/statistics.js'
import { datagramLoss, datagrams } from './datagrams.js'
import { enterRoom, keepRoom, RESULTS_FILE, roomFolder, stage } from './enclosure.js'
import { idle, startUp } from './footprint.js'
import { checkIntegrity } from './integrity.js'
import { connectRequestResponse, requestResponse } from './latency.js'
import { type Report, type Run, reportText } from './report.js'
import { Session } from './session.js'
import { type Stack, stacks } from './stack.js'
import { tcp, upload30s } from './throughput.js'
import type { Figures, Workload } from './workload.js'

const BACKGROUND_MS = 100
export const REVISION = 'NETLOOM_BENCH_REVISION'

export const workloads: readonly Workload[] = [
  tcp('up', 1500),
  tcp('down', 1500),
  tcp('up', 65520),
  tcp('down', 65520),
  requestResponse('tcp'),
  requestResponse('udp'),
  connectRequestResponse(),
  ...[64, 1400].flatMap((size) => [datagrams('up', size), datagrams('down', size)]),
  datagramLoss('up'),
  datagramLoss('down'),
  startUp,
  idle,
  upload30s,
  ...[8, 64].flatMap((streams) => [1500, 65520].flatMap((mtu) => [tcp('up', mtu, streams), tcp('down', mtu, streams)])).map(onRequest),
  ...[requestResponse('tcp', 32), connectRequestResponse(16)].map(onRequest),
  ...[64, 1400].flatMap((size) => [datagrams('up', size, 16), datagrams('down', size, 16)]).map(onRequest),
]

function onRequest(workload: Workload): Workload {
  return { ...workload, onRequest: true }
}

/** A name chooses the workload of that name, or else all that begin with it and need not be asked for. */
export function choose(only: readonly string[]): readonly Workload[] {
  if (only.length === 0) return workloads.filter((workload) => !workload.onRequest)
  const chosen = new Set<Workload>()
  for (const name of only) {
    const exact = workloads.filter((workload) => workload.name === name)
    const found = exact.length > 0 ? exact : workloads.filter((workload) => !workload.onRequest && workload.name.startsWith(name))
    if (found.length === 0) throw new UsageError(`there is no workload '${name}'; --list names them`)
    for (const workload of found) chosen.add(workload)
  }
  return workloads.filter((workload) => chosen.has(workload))
}

/** Whether every one of these names is of this part. */
export function hasWorkloads(only: readonly string[]): boolean {
  try {
    return choose(only).length > 0
  } catch {
    return false
  }
}

/** The whole part, in whichever stage this process is. Returns the exit status. */
export async function run(options: BenchOptions, args: readonly string[]): Promise<number> {
  if (options.list) {
    for (const { name, title, onRequest: asked } of workloads) console.log(`${name.padEnd(18)} ${title}${asked ? ' (when asked for)' : ''}`)
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

function present(wanted: readonly string[]): { chosen: Stack[]; versions: Record<string, string> } {
  for (const name of wanted) if (!stacks.some((stack) => stack.name === name)) throw new UsageError(`there is no stack '${name}'`)
  const versions: Record<string, string> = {}
  const chosen: Stack[] = []
  for (const stack of stacks) {
    if (wanted.length > 0 && !wanted.includes(stack.name)) continue
    const version = stack.version()
    if (version === undefined && wanted.includes(stack.name)) throw new UsageError(`${stack.name} is not installed`)
    if (version === undefined) process.stderr.write(`netloom bench: ${stack.name} is not installed: left out\n`)
    else chosen.push(stack)
    if (version !== undefined) versions[stack.name] = version
  }
  return { chosen, versions }
}

async function withSession<T>(stack: Stack, mtu: number, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.open(stack, mtu)
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

/** A stack that harms bytes at an MTU is not timed at it; each such failure is a run with an error, of the round 0. */
async function checkAll(chosen: readonly Stack[], measured: readonly Workload[]): Promise<Run[]> {
  const failures: Run[] = []
  for (const mtu of new Set(measured.map((workload) => workload.mtu))) {
    for (const stack of chosen) {
      const result = await attempt(() => withSession(stack, mtu, checkIntegrity))
      process.stderr.write(`check MTU ${mtu} ${stack.name}: ${result instanceof Error ? result.message : '20 MB each way, same SHA-256'}\n`)
      if (!(result instanceof Error)) continue
      failures.push({ workload: `check-${mtu}`, stack: stack.name, round: 0, background: 0, error: result.message })
    }
  }
  return failures
}

function resultLine(workload: Workload, stack: Stack, result: Figures | Error): string {
  if (result instanceof Error) return `FAILED: ${result.message}`
  const shown = workload.metrics.filter(({ stackOnly }) => !stackOnly || stack.attach !== undefined)
  return shown.map(({ key, title }) => `${significant(result[key] ?? 0)} ${title}`).join(', ')
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
      .filter((stack) => (workload.hasLimit || stack.attach !== undefined) && !harmed.has(`check-${workload.mtu} ${stack.name}`))
      .map((stack) => ({ workload, stack })),
  )
  const progress = new Progress(pairs.length * options.rounds)
  for (let round = 1; round <= options.rounds; round++) {
    for (const { workload, stack } of pairs) {
      progress.begin(`round ${round}/${options.rounds} ${workload.name} ${stack.name}`)
      const background = await backgroundLoad(BACKGROUND_MS)
      const result = await attempt(() => withSession(stack, workload.mtu, (session) => workload.measure(session, options)))
      const outcome = result instanceof Error ? { error: result.message } : { figures: result }
      runs.push({ workload: workload.name, stack: stack.name, round, background, ...outcome })
      progress.end(resultLine(workload, stack, result))
    }
  }
  const report: Report = { date, revision: process.env[REVISION] ?? '', machine, versions, options, runs }
  writeFileSync(join(roomFolder(), RESULTS_FILE), `${JSON.stringify(report, null, 2)}\n`)
  console.log(
    `\n${reportText(
      report,
      measured,
      chosen.map(({ name }) => name),
    )}`,
  )
  return runs.some(({ error }) => error !== undefined) ? 1 : 0
}
