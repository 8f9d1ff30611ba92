// The goals against a run: what was asked, what was measured, and whether it is reached.
import { medianOf, timesAsGood, valuesOf } from '../support/results.js'
import { significant } from '../support/statistics.js'
import { markdownTable } from '../support/table.js'
import { type Goal, goals, PEERS } from './goals.js'
import type { Report } from './report.js'
import { workloads } from './workloads.js'

const REACHED = '🟢 reached'
const SHORT = '🔴 short'
const FIRST = ['firstGbit', 'firstPerSecond', 'firstP50']

export interface Score {
  readonly goal: Goal
  readonly asked: string
  /** Empty: not measured. */
  readonly measured: string
  readonly isReached: boolean
}

function metricOf(goal: Goal) {
  const metrics = workloads.find(({ name }) => name === goal.workload)?.metrics ?? []
  const metric = goal.key === undefined ? metrics[0] : metrics.find(({ key }) => key === goal.key)
  if (metric === undefined) throw new Error(`goal '${goal.title}': ${goal.workload} has no ${goal.key ?? 'figure'}`)
  return metric
}

/** The median of whoever is best of those that were measured, with its name. */
function reference(report: Report, goal: Goal, key: string, better: 'more' | 'less'): { name: string; value: number } | undefined {
  const { than, stack = 'netloom' } = goal
  if (than?.workload !== undefined) {
    const value = medianOf(report, than.workload, stack, key)
    return value === undefined ? undefined : { name: than.workload, value }
  }
  const measured = (than?.stacks ?? []).flatMap((name) => {
    const value = medianOf(report, goal.workload, name, key)
    return value === undefined ? [] : [{ name, value }]
  })
  return measured.sort((a, b) => (better === 'more' ? b.value - a.value : a.value - b.value))[0]
}

/** What becomes of a figure from one workload to another where there is no stack at all: what the machine does to it, and its programs. */
function withoutStack(report: Report, workload: string, than: string, key: string, better: 'more' | 'less'): number | undefined {
  const own = medianOf(report, workload, 'loopback', key)
  const other = medianOf(report, than, 'loopback', key)
  return own === undefined || other === undefined ? undefined : timesAsGood(own, other, better)
}

export function score(report: Report, goal: Goal): Score {
  const { key, better, title } = metricOf(goal)
  const own = medianOf(report, goal.workload, goal.stack ?? 'netloom', key)
  if (goal.than === undefined) {
    // One failure in one round is one too many.
    const worst = Math.max(...valuesOf(report, goal.workload, goal.stack ?? 'netloom', key))
    const value = key === 'failures' && own !== undefined ? worst : own
    const isReached = value !== undefined && value <= (goal.atMost ?? 0)
    return { goal, asked: `at most ${goal.atMost}`, measured: value === undefined ? '' : significant(value), isReached }
  }
  const other = reference(report, goal, key, better)
  const names = goal.than.workload ?? (goal.than.stacks ?? []).join(', ')
  const asked = `${goal.atLeast}x ${goal.than.stacks !== undefined && goal.than.stacks.length > 1 ? `the best of ${names}` : names}`
  if (own === undefined || other === undefined) return { goal, asked, measured: '', isReached: false }
  const times = timesAsGood(own, other.value, better)
  const unit = title.split(' ')[0] === 'stack' ? 's/GB' : title.replace(/^p\d+ /, '')
  const without = goal.than.workload === undefined ? undefined : withoutStack(report, goal.workload, goal.than.workload, key, better)
  const beside = without === undefined ? '' : `; loopback itself ${significant(without)}x`
  const measured = `${significant(times)}x ${other.name} (${significant(own)} against ${significant(other.value)} ${unit}${beside})`
  return { goal, asked, measured, isReached: times >= (goal.atLeast ?? 1) }
}

/** What the first second of a fresh process is worth, against the same second of the best peer; nothing is asked of it. */
export function firstSeconds(report: Report): string {
  const rows = workloads.flatMap(({ name, metrics }) => {
    const metric = metrics.find(({ key }) => FIRST.includes(key))
    if (metric === undefined) return []
    const { key, better } = metric
    const own = medianOf(report, name, 'netloom', key)
    const other = reference(report, { workload: name, title: '', than: { stacks: PEERS } }, key, better)
    if (own === undefined || other === undefined) return []
    const unit = metric.title.replace('first second: ', '')
    return [
      [
        name,
        `${significant(timesAsGood(own, other.value, better))}x ${other.name}`,
        `${significant(own)} against ${significant(other.value)} ${unit}`,
      ],
    ]
  })
  return rows.length === 0 ? '' : markdownTable(['the first second', 'of the best peer', 'measured (medians)'], rows)
}

/** Those that the run says something about, as a table. */
export function scoreboard(report: Report): string {
  const scores = goals.map((goal) => score(report, goal)).filter(({ measured }) => measured !== '')
  const rows = scores.map(({ goal, asked, measured, isReached }) => [goal.title, asked, measured, isReached ? REACHED : SHORT])
  const reached = scores.filter(({ isReached }) => isReached).length
  const board =
    rows.length === 0
      ? ''
      : `${markdownTable(['figure', 'asked', 'measured (medians)', ''], rows)}\n\n${reached} of ${scores.length} reached.`
  return [board, firstSeconds(report)].filter((part) => part !== '').join('\n\n')
}
