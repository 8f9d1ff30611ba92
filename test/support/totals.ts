// Reads node's own TAP reports (one per process of a test run) and adds them up: the counts, and the names of what failed or was
// skipped. The screen has the spec reporter; this is for the last lines of run-tests.ts and its exit status.

export interface Totals {
  tests: number
  pass: number
  fail: number
  cancelled: number
  skipped: number
  todo: number
  failures: string[]
  skips: string[]
}

const COUNTS = ['tests', 'pass', 'fail', 'cancelled', 'skipped', 'todo'] as const

export const noTotals = (): Totals => ({ tests: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, failures: [], skips: [] })

/** The totals of one TAP document, or undefined when it has no end: its process died, or had to be killed. */
export function readTap(text: string): Totals | undefined {
  const totals = noTotals()
  let isComplete = false
  for (const line of text.split('\n')) {
    const failure = /^\s*not ok \d+ - (.*)$/.exec(line)
    if (failure !== null && !/ # TODO/.test(line)) totals.failures.push(failure[1]!)
    const skip = /^\s*ok \d+ - (.*) # (?:SKIP|TODO)\b ?(.*)$/.exec(line)
    if (skip !== null) totals.skips.push(`${skip[1]}: ${skip[2]}`)
    // The totals of the whole document stand at its end, at the first column.
    const count = /^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$/.exec(line)
    if (count === null) continue
    totals[count[1] as (typeof COUNTS)[number]] = Number(count[2])
    isComplete = true
  }
  return isComplete ? totals : undefined
}

export function addTotals(sum: Totals, part: Totals): void {
  for (const count of COUNTS) sum[count] += part[count]
  sum.failures.push(...part.failures)
  sum.skips.push(...part.skips)
}

/** The lines that node's TAP reporter ends with. */
export function printTotals(totals: Totals, milliseconds: number): string {
  return [...COUNTS.map((count) => `# ${count} ${totals[count]}`), `# duration_ms ${milliseconds}`].join('\n')
}
