// Runs the tests: `node dist/test/support/run-tests.js [PART[/FILE]...]`, where a part is unit, script, simulation, fuzz or e2e, and
// nothing means all of them. The parts without a network share one run of node's test runner. Every e2e file runs by itself, one
// after the other, in network, mount and process namespaces of its own (see e2e-main.ts), so that the machine's network, its
// /etc and its process list are never touched and nothing can be left behind; the product runs there as an unprivileged user.
//
// Programs of Debian packages that the tests use and the machine lacks are installed where that may be done (packages.ts); else tests that
// use them are skipped. Ends with the totals of everything; the exit status is 0 only when nothing failed and, in CI (CI=true), nothing was
// skipped.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CHECKOUT, install, makeScratch, WORLD_VARIABLE, type World } from './installation.js'
import { advice, install as installPackages, missingPackages, needs } from './packages.js'
import { prepareTun, prepareUser } from './test-user.js'
import { addTotals, noTotals, printTotals, readTap, type Totals } from './totals.js'

const PARTS = ['unit', 'script', 'simulation', 'fuzz', 'e2e']
const TESTS = join(CHECKOUT, 'dist/test')
/** A file that takes longer hangs: the simulations are the longest, and may have 5 minutes. */
const FILE_LIMIT = 10 * 60_000

const running = new Set<ChildProcess>()
let scratch = ''

function testFiles(part: string): string[] {
  const folder = join(TESTS, part)
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.js'))
  // What tsc left of a file that has since been removed is not a test.
  const isCurrent = (name: string) => existsSync(join(CHECKOUT, 'test', part, name.replace(/\.js$/, '.ts')))
  return names
    .filter(isCurrent)
    .sort()
    .map((name) => join(folder, name))
}

/** The files an argument stands for: a part, or the beginning of a file's path in a part. */
function select(argument: string): string[] {
  const part = argument.split('/')[0]!
  if (!PARTS.includes(part)) throw new Error(`no such part: ${argument}; there are ${PARTS.join(', ')}`)
  const files = testFiles(part).filter((file) => relative(TESTS, file).startsWith(argument))
  if (files.length === 0 && argument !== part) throw new Error(`no test file begins with ${argument}`)
  return files
}

/** Runs node with both reporters; what it could not report itself is a failure under `name`. */
async function runNode(name: string, before: readonly string[], args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Totals> {
  const report = join(scratch, 'report.tap')
  rmSync(report, { force: true })
  const reporters = ['spec', 'stdout', 'tap', report].map((value, i) => `--test-reporter${i % 2 === 0 ? '' : '-destination'}=${value}`)
  const command = [...before, process.execPath, '--enable-source-maps', ...reporters, ...args]
  const child = spawn(command[0]!, command.slice(1), { cwd: CHECKOUT, env: environment, stdio: ['ignore', 'inherit', 'inherit'] })
  running.add(child)
  let problem = ''
  const limit = setTimeout(() => {
    problem = `still running after ${FILE_LIMIT / 1000} s`
    child.kill('SIGKILL')
  }, FILE_LIMIT)
  const status = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  clearTimeout(limit)
  running.delete(child)
  const totals = existsSync(report) ? readTap(readFileSync(report, 'utf8')) : undefined
  if (totals === undefined) problem ||= `ended with status ${status} before it reported`
  else if (totals.tests === 0) problem ||= 'has no test'
  else if (status !== 0 && totals.fail + totals.cancelled === 0) problem ||= `ended with status ${status}`
  if (problem === '') return totals ?? noTotals()
  const sum = totals ?? noTotals()
  addTotals(sum, { ...noTotals(), tests: 1, fail: 1, failures: [`${name}: ${problem}`] })
  return sum
}

/** Why the namespaces for the e2e tests cannot be had, or ''. */
function namespaceProblem(unshare: readonly string[]): string {
  const probe = spawnSync(unshare[0]!, [...unshare.slice(1), 'true'], { encoding: 'utf8' })
  return probe.status === 0 ? '' : `${unshare.join(' ')}: ${(probe.stderr || probe.error?.message || `status ${probe.status}`).trim()}`
}

async function runEndToEnd(files: readonly string[], sum: Totals): Promise<void> {
  const isRoot = process.getuid?.() === 0
  const unshare = ['unshare', ...(isRoot ? [] : ['--user', '--map-root-user'])]
  unshare.push('--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--')
  // Every file begins with it (e2e-main.ts).
  const problem = needs('ip') || namespaceProblem(unshare)
  if (problem !== '') {
    addTotals(sum, {
      ...noTotals(),
      tests: files.length,
      skipped: files.length,
      skips: files.map((file) => `${basename(file)}: ${problem}`),
    })
    return
  }
  const user = prepareUser()
  const tunProblem = prepareTun()
  const outerNetwork = readlinkSync('/proc/self/ns/net')
  const world: World = { ...install(scratch, user), user, isRoot, outerNetwork, scratch, tunProblem, holder: 0 }
  const environment = { ...process.env, [WORLD_VARIABLE]: JSON.stringify(world) }
  // The shell is the namespace's init: it reaps what nobody waits for.
  const before = [...unshare, 'sh', '-c', '"$@"; exit $?', 'sh']
  for (const file of files) {
    console.log(`\n▶ ${relative(TESTS, file)}`)
    addTotals(sum, await runNode(basename(file), before, [join(TESTS, 'support/e2e-main.js'), file], environment))
  }
}

function cleanUp(): void {
  for (const child of running) child.kill('SIGKILL')
  if (scratch !== '') rmSync(scratch, { recursive: true, force: true })
}

async function main(): Promise<number> {
  const started = performance.now()
  const chosen = process.argv.slice(2)
  const files = [...new Set((chosen.length === 0 ? PARTS : chosen).flatMap(select))]
  const isEndToEnd = (file: string) => relative(TESTS, file).startsWith('e2e/')
  const plain = files.filter((file) => !isEndToEnd(file))
  const endToEnd = files.filter(isEndToEnd)
  if (files.length === 0) throw new Error(`no tests in ${chosen.join(', ') || PARTS.join(', ')}: is dist/ built?`)

  const missing = installPackages(missingPackages(files.map((file) => relative(TESTS, file))))
  scratch = makeScratch()
  const sum = noTotals()
  const limits = pathToFileURL(join(TESTS, 'support/test-limit.js')).href
  const runner = ['--import', limits, '--test', `--test-concurrency=${availableParallelism()}`, `--test-timeout=${FILE_LIMIT}`]
  if (plain.length > 0) addTotals(sum, await runNode('node --test', [], [...runner, ...plain], process.env))
  if (endToEnd.length > 0) await runEndToEnd(endToEnd, sum)

  const isCi = process.env['CI'] === 'true'
  console.log('')
  for (const failure of sum.failures) console.log(`✖ ${failure}`)
  for (const skip of sum.skips) console.log(`﹣ ${skip}${isCi ? ' (a skipped test fails in CI)' : ''}`)
  if (missing.length > 0) console.log(`﹣ some tests are skipped for want of packages; as root: ${advice(missing)}`)
  console.log(printTotals(sum, Math.round(performance.now() - started)))
  const hasFailed = sum.fail + sum.cancelled > 0 || sum.pass === 0
  // A suite that was skipped is in the list of names alone.
  return hasFailed || (isCi && sum.skipped + sum.todo + sum.skips.length > 0) ? 1 : 0
}

process.on('exit', cleanUp)
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => process.exit(status))
try {
  process.exitCode = await main()
} catch (error) {
  console.error(`run-tests: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
