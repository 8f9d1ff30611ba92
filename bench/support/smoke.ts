// What can be said of a short run on a busy machine: what allocates, and what is off by a large factor against something else of the same run.

export interface Ratio {
  readonly slow: string
  readonly fast: string
  /** How many times the time of `fast` the other one may take. */
  readonly most: number
}

/** Bytes an operation that are let pass: V8's own, and what happens to one frame in a hundred. The least object is 12. */
const BYTES = 1

export function allocating(results: readonly { readonly name: string; readonly bytes: number }[]): string[] {
  return results.filter(({ bytes }) => bytes > BYTES).map(({ name, bytes }) => `${name}: allocates ${bytes} bytes, not none`)
}

/** `times` by the names of cases; a pair that was not measured is left out. */
export function outOfRatio(times: ReadonlyMap<string, number>, ratios: readonly Ratio[]): string[] {
  return ratios.flatMap(({ slow, fast, most }) => {
    const factor = (times.get(slow) ?? 0) / (times.get(fast) ?? Number.POSITIVE_INFINITY)
    return factor <= most ? [] : [`${slow}: takes ${factor.toFixed(1)} times as long as ${fast}, not at most ${most} times`]
  })
}

/** Prints them, and says what to exit with. */
export function complain(problems: readonly string[]): number {
  for (const problem of problems) console.error(`netloom bench: ${problem}`)
  return problems.length === 0 ? 0 : 1
}
