// What is to happen when, in a simulation: int32 ms that wrap.

/** Things to do, by time. */
export class Agenda {
  #items: { at: number; what: () => void }[] = []
  #start: number
  constructor(start: number) {
    this.#start = start
  }
  add(at: number, what: () => void): void {
    const items = this.#items
    let i = items.length
    while (i > 0 && ((items[i - 1]!.at - at) | 0) > 0) i--
    items.splice(i, 0, { at, what })
  }
  get next(): number | null {
    return this.#items[0]?.at ?? null
  }
  take(now: number): (() => void) | null {
    const first = this.#items[0]
    if (first === undefined || ((first.at - now) | 0) > 0) return null
    this.#items.shift()
    return first.what
  }
  elapsed(now: number): number {
    return (now - this.#start) | 0
  }
}
