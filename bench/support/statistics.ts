// The few statistics the tables use. A run has few rounds and a long tail, so: the median, and the whole range beside it.

export interface Summary {
  readonly count: number
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Of a non-empty list. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return {
    count: sorted.length,
    median: sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  }
}

/** `digits` significant digits, without an exponent: 25.3, 0.0123, 12345. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '-'
  if (value === 0) return '0'
  const decimals = digits - 1 - Math.floor(Math.log10(Math.abs(value)))
  return value.toFixed(Math.min(Math.max(decimals, 0), 6))
}
