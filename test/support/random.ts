// Seeded randomness for the fuzz tests. A failing seed names the command that runs it again, alone:
//
//     NETLOOM_SEED=17 NETLOOM_RUNS=1 node --test dist/test/fuzz/bad-link.test.js
//
// Without these variables the same seeds run each time, so that a test that passed does not fail for another change. To look
// further, run with a first seed of another thousand, and as many runs as there is time for.

/** A generator of its own for each seed (mulberry32: 32 bits of state, period 2^32). */
export class Random {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike.
    this.#state = Math.imul(seed, 0x9e3779b1) ^ 0x5bf03635
    this.int32()
  }

  /** Any int32. */
  int32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return t ^ (t >>> 14)
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(((this.int32() >>> 0) / 0x1_0000_0000) * n)
  }

  /** low to high, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** Puts a list into another order, each as likely as any (Fisher and Yates). */
  shuffle<T>(list: T[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      ;[list[i], list[j]] = [list[j] as T, list[i] as T]
    }
  }
}

/** Calls `body` for each of `runs` seeds; `file` is the test's, for the command that replays one. */
export function forEachSeed(file: string, runs: number, body: (random: Random, seed: number) => void): void {
  const first = Number(process.env['NETLOOM_SEED'] ?? 1)
  const count = Number(process.env['NETLOOM_RUNS'] ?? runs)
  for (let seed = first; seed < first + count; seed++) {
    try {
      body(new Random(seed), seed)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`seed ${seed}: ${message}\nreplay: NETLOOM_SEED=${seed} NETLOOM_RUNS=1 node --test dist/test/fuzz/${file}.js`, {
        cause,
      })
    }
  }
}
