// Warming up. V8 interprets what a process runs for the first time, and compiles what it has run often: until then a packet takes several times as
// long. So a network that has just come up practises for a moment (practice.ts), and in between has its turn itself.
import type { NativeContext } from '../host/native.js'
import { guard } from '../util/guard.js'
import { EXERCISES, Failure, PRACTICE_BYTES, Practice } from './practice.js'

/** As many as it took until more made no difference: 0.15 s of processor time, and as much again in V8's compiler threads. */
const ROUNDS = 6

export class WarmUp {
  readonly #native: NativeContext
  readonly #arenaAt: number
  #practice: Practice | null = null
  #next: NodeJS.Immediate | null = null
  #done = 0
  /** Settles when it is over or given up: whether it came to its end. */
  readonly ended: Promise<boolean>
  #end: (isWell: boolean) => void = () => {}

  /** `arenaAt`: from there on PRACTICE_BYTES of the arena are its own until it ends. */
  constructor(native: NativeContext, arenaAt: number) {
    this.#native = native
    this.#arenaAt = arenaAt
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Begins: connection by connection, and in between whatever else is to be done. */
  start(): void {
    this.#later()
  }

  /** Gives up. Again, when it is over, or before it has begun: does nothing. */
  stop(): void {
    this.#finish(false)
  }

  #later(): void {
    this.#next = setImmediate(() => this.#step())
  }

  #step(): void {
    try {
      this.#practice ??= new Practice(this.#native, this.#arenaAt)
      this.#practice.exercise(EXERCISES[this.#done % EXERCISES.length]!)
    } catch (error) {
      this.#finish(false)
      if (!(error instanceof Failure)) guard.caught('practice', error)
      return
    }
    this.#done++
    if (this.#done < ROUNDS * EXERCISES.length) this.#later()
    else this.#finish(true)
  }

  #finish(isWell: boolean): void {
    if (this.#next === null) return
    clearImmediate(this.#next)
    this.#next = null
    this.#practice?.close()
    this.#practice = null
    this.#native.releasePages(this.#arenaAt, PRACTICE_BYTES)
    this.#end(isWell)
  }
}
