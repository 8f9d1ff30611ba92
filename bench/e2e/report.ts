// The results: kept as they were measured, printed as one Markdown table for each workload.
import type { Machine } from '../support/machine.js'
import type { BenchOptions } from '../support/options.js'
import type { Cost } from '../support/perf.js'
import { significant, summarize } from '../support/statistics.js'
import { markdownTable } from '../support/table.js'
import type { Figures, Metric, Workload } from './workload.js'

export interface Run {
  readonly workload: string
  readonly stack: string
  readonly round: number
  /** Share of the machine in use by others just before, 0..1. */
  readonly background: number
  readonly figures?: Figures
  readonly error?: string
  /** With --perf. */
  readonly costs?: readonly Cost[]
}

export interface Report {
  readonly date: string
  readonly revision: string
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly options: BenchOptions
  readonly runs: readonly Run[]
}

const REFERENCES = ['slirp4netns', 'pasta', 'rootlesskit', 'loopback', 'veth', 'node'] as const
/** They have no process. */
export const KERNEL = ['loopback', 'veth']
const NOISY = 0.1 // of the machine; above it the figures are not worth keeping

const stacksOf = (versions: Report['versions'], version: string): string[] =>
  Object.keys(versions).filter((name) => versions[name] === version)

export function headerText(report: Report): string {
  const { machine, versions, options } = report
  const names = [...new Set(Object.values(versions))].map((version) => `${stacksOf(versions, version).join(', ')} ${version}`)
  const sysctls = Object.entries(machine.sysctls).map(([name, value]) => `${name} = ${value}`)
  return [
    `- ${report.date}, netloom ${report.revision}, ${options.rounds} rounds of ${options.seconds} s, interleaved`,
    `- kernel ${machine.kernel}; ${machine.cores} x ${machine.cpu}; ${machine.memoryMiB} MiB; Node ${machine.node}; load ${machine.load.toFixed(2)} at the start`,
    `- ${names.join('; ')}`,
    '- congestion control cubic on both sides (route attribute congctl, checked in every iperf3 report)',
    `- ${sysctls.join('; ')}`,
  ].join('\n')
}

/** The values of one metric over the rounds that worked. */
function valuesOf(runs: readonly Run[], metric: Metric): number[] {
  return runs.flatMap(({ figures }) => {
    const value = figures?.[metric.key]
    return value === undefined ? [] : [value]
  })
}

function figureCell(values: readonly number[]): string {
  if (values.length === 0) return '-'
  const { median, min, max } = summarize(values)
  return min === max ? significant(median) : `${significant(median)} (${significant(min)} .. ${significant(max)})`
}

/** How many times as good as the reference: above 1 is better, whichever way the metric points. */
function ratioCell(values: readonly number[], reference: readonly number[], metric: Metric): string {
  if (values.length === 0 || reference.length === 0) return '-'
  const own = summarize(values).median
  const other = summarize(reference).median
  const ratio = metric.better === 'more' ? own / other : other / own
  return Number.isFinite(ratio) ? `${significant(ratio)}x` : '-'
}

export function workloadTable(workload: Workload, runs: readonly Run[], stacks: readonly string[]): string {
  const of = (stack: string) => runs.filter((run) => run.workload === workload.name && run.stack === stack)
  const present = stacks.filter((stack) => of(stack).length > 0)
  const references = REFERENCES.filter((stack) => present.includes(stack))
  const compared = workload.metrics.filter(({ ratio }) => ratio)
  const ratioTitle = (metric: Metric, stack: string) => (compared.length > 1 ? `${metric.title.split(' ')[0]} vs ${stack}` : `vs ${stack}`)
  const header = [
    'stack',
    ...workload.metrics.map(({ title }) => title),
    ...compared.flatMap((metric) => references.map((stack) => ratioTitle(metric, stack))),
  ]
  const rows = present.map((stack) => [
    stack,
    ...workload.metrics.map((metric) => (metric.stackOnly && KERNEL.includes(stack) ? '-' : figureCell(valuesOf(of(stack), metric)))),
    ...compared.flatMap((metric) => references.map((other) => ratioCell(valuesOf(of(stack), metric), valuesOf(of(other), metric), metric))),
  ])
  return `### ${workload.name}: ${workload.title}\n\n${markdownTable(header, rows)}`
}

/** Every workload's table, and what to know about all of them. `stacks` gives the order of the rows. */
export function tablesText(report: Report, workloads: readonly Workload[], stacks: readonly string[]): string {
  const parts: string[] = []
  for (const workload of workloads) {
    if (report.runs.some((run) => run.workload === workload.name)) parts.push(workloadTable(workload, report.runs, stacks))
  }
  parts.push('Median (min .. max); a ratio above 1 is better than that stack, whichever way the figure points.')
  const background = summarize(report.runs.map((run) => run.background))
  const share = (value: number) => `${(value * 100).toFixed(0)} %`
  parts.push(
    `What else ran on the machine, sampled before each measurement: median ${share(background.median)}, at most ${share(background.max)} of it.${
      background.median > NOISY ? ' These figures are noisy: measure again on a quiet machine.' : ''
    }`,
  )
  const failed = report.runs.filter(({ error }) => error !== undefined)
  if (failed.length > 0)
    parts.push(`Failed:\n${failed.map((run) => `- ${run.workload}, ${run.stack}, round ${run.round}: ${run.error}`).join('\n')}`)
  return parts.join('\n\n')
}

/** The whole of the results as Markdown. */
export function reportText(report: Report, workloads: readonly Workload[], stacks: readonly string[]): string {
  return `${headerText(report)}\n\n${tablesText(report, workloads, stacks)}`
}
