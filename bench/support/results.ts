// Questions about a run that was kept: medians, who is the best, what an interval is.
import type { Report } from '../e2e/report.js'
import { summarize } from './statistics.js'

/** Every value of one figure over the rounds that worked. */
export function valuesOf({ runs }: Pick<Report, 'runs'>, workload: string, stack: string, key: string): number[] {
  return runs.flatMap((run) => {
    const value = run.workload === workload && run.stack === stack ? run.figures?.[key] : undefined
    return value === undefined ? [] : [value]
  })
}

export function medianOf(report: Pick<Report, 'runs'>, workload: string, stack: string, key: string): number | undefined {
  const values = valuesOf(report, workload, stack, key)
  return values.length === 0 ? undefined : summarize(values).median
}

/** How many times as good `own` is: above 1 is better, whichever way the figure points. */
export const timesAsGood = (own: number, other: number, better: 'more' | 'less'): number => (better === 'more' ? own / other : other / own)

const RESAMPLES = 10_000
const INTERVAL = 0.95

export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * The bootstrap's interval (percentiles) of median(after) / median(before): what the quotient would be of other rounds like these. The
 * draws are the same each time, so that the same files give the same answer.
 */
export function quotientInterval(before: readonly number[], after: readonly number[]): Interval {
  const draw = generator(1)
  const resampled = (values: readonly number[]) => summarize(values.map(() => values[draw(values.length)]!)).median
  const quotients = Array.from({ length: RESAMPLES }, () => resampled(after) / resampled(before)).sort((a, b) => a - b)
  const at = (share: number) => quotients[Math.round(share * (RESAMPLES - 1))]!
  return { low: at((1 - INTERVAL) / 2), high: at((1 + INTERVAL) / 2) }
}

/** xorshift32: a whole number below the bound. */
function generator(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}
