// A token bucket: so many at once, and so many a second in the long run. Tokens are counted in thousandths, so that every millisecond brings
// some whatever the rate.

const THOUSAND = 1000

export class TokenBucket {
  readonly #perSecond: number
  readonly #full: number
  #tokens: number
  #filled = 0

  /** `perSecond` is also thousandths a millisecond. `burst`: tokens of a full bucket, which it is at first. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#full = burst * THOUSAND
    this.#tokens = this.#full
  }

  /** Takes a token; false when there is none. `now`: int32 ms. */
  take(now: number): boolean {
    const elapsed = (now - this.#filled) | 0
    this.#filled = now
    // Negative: 24 days have passed, in which the clock has come round.
    const gained = elapsed < 0 ? this.#full : elapsed * this.#perSecond
    this.#tokens = Math.min(this.#full, this.#tokens + gained)
    if (this.#tokens < THOUSAND) return false
    this.#tokens -= THOUSAND
    return true
  }
}
