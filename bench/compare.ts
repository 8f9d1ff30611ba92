// `npm run bench -- compare OLD.json NEW.json`: what has changed between two runs of the e2e part, with an interval. The peers are in the
// table, too: what moved with them was the machine.
import { readFileSync } from 'node:fs'
import { KERNEL, type Report } from './e2e/report.js'
import type { Metric, Workload } from './e2e/workload.js'
import { workloads } from './e2e/workloads.js'
import { UsageError } from './support/options.js'
import { quotientInterval, valuesOf } from './support/results.js'
import { significant, summarize } from './support/statistics.js'
import { markdownTable } from './support/table.js'

/** Rounds below which an interval says nothing. */
const ROUNDS = 3

export function readReport(path: string): Report {
  let report: Partial<Report>
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report>
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!Array.isArray(report.runs)) throw new UsageError(`${path} is not what \`npm run bench -- e2e --json\` has written`)
  return report as Report
}

function verdict(low: number, high: number, { better }: Metric): string {
  if (low <= 1 && high >= 1) return 'no difference'
  return low > 1 === (better === 'more') ? 'better' : 'worse'
}

function row(before: Report, after: Report, workload: Workload, metric: Metric, stack: string): string[] | undefined {
  const [old, now] = [before, after].map((report) => valuesOf(report, workload.name, stack, metric.key)) as [number[], number[]]
  if (old.length === 0 || now.length === 0) return undefined
  const [was, is] = [summarize(old).median, summarize(now).median]
  const figures = [`${workload.name} ${metric.title}`, stack, significant(was), significant(is)]
  if (was === 0 || is === 0) return [...figures, '-', '-', was === is ? 'no difference' : '']
  const factor = `${significant(is / was)}x`
  if (Math.min(old.length, now.length) < ROUNDS) return [...figures, factor, '-', `fewer than ${ROUNDS} rounds`]
  const { low, high } = quotientInterval(old, now)
  return [...figures, factor, `${significant(low)} .. ${significant(high)}`, verdict(low, high, metric)]
}

export function comparison(before: Report, after: Report): string {
  const stacks = [...new Set(after.runs.map((run) => run.stack))]
  const rows = workloads.flatMap((workload) =>
    workload.metrics.flatMap((metric) =>
      stacks.flatMap((stack) => {
        const cells = row(before, after, workload, metric, stack)
        return cells === undefined || (metric.stackOnly && KERNEL.includes(stack)) ? [] : [cells]
      }),
    ),
  )
  if (rows.length === 0) throw new UsageError('the two files have no figure in common')
  const header = ['figure', 'stack', 'before', 'after', 'after/before', '95 % interval', '']
  return [
    `before: netloom ${before.revision}, ${before.date}; after: netloom ${after.revision}, ${after.date}`,
    markdownTable(header, rows),
    'Medians; the interval is of their quotient (bootstrap). Where slirp4netns, pasta or loopback have moved as much, the machine has.',
  ].join('\n\n')
}

export function compare(files: readonly string[]): number {
  const [before, after] = files
  if (before === undefined || after === undefined || files.length > 2) throw new UsageError('compare takes two files: OLD.json NEW.json')
  console.log(comparison(readReport(before), readReport(after)))
  return 0
}
