// One line on standard error that says what is being measured and how long it may still take: rewritten in place on a
// terminal, one line a measurement elsewhere.

export class Progress {
  readonly #total: number
  readonly #began = performance.now()
  readonly #terminal = process.stderr.isTTY
  #done = 0
  #what = ''

  constructor(total: number) {
    this.#total = total
  }

  begin(what: string): void {
    this.#what = what
    if (this.#terminal) process.stderr.write(`\r\x1b[K${this.#head()} ${what} ...`)
  }

  end(result: string): void {
    this.#done++
    process.stderr.write(`${this.#terminal ? '\r\x1b[K' : ''}${this.#head()} ${this.#what}: ${result}\n`)
  }

  #head(): string {
    const elapsed = (performance.now() - this.#began) / 1000
    const left = this.#done === 0 ? '' : `, ${duration((elapsed / this.#done) * (this.#total - this.#done))} left`
    return `[${this.#done}/${this.#total}${left}]`
  }
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 90 ? `${whole} s` : `${Math.ceil(whole / 60)} min`
}
