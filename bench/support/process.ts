// Processes that a benchmark starts: each has a bound in time, its output is kept, and none outlives the run. They are ended by
// their own id only.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

const OUTPUT_MAX = 32 * 2 ** 20 // characters; iperf3's report of a long run with short intervals is 1 MiB
const TERMINATE_MS = 2000 // from SIGTERM to SIGKILL

const running = new Set<Program>()

/** A program that was started, with what it printed. */
export class Program {
  readonly name: string
  readonly child: ChildProcess
  /** When the spawn call was made, by performance.now(). */
  readonly startedAt: number
  readonly exited: Promise<void>
  stdout = ''
  stderr = ''
  #failure: Error | undefined
  #wake: (() => void)[] = []

  constructor(name: string, command: string, args: readonly string[], stdio: StdioOptions) {
    this.name = name
    this.startedAt = performance.now()
    this.child = spawn(command, args, { stdio })
    running.add(this)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (this.stdout.length < OUTPUT_MAX) this.stdout += text
      this.#notify()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.stderr.length < OUTPUT_MAX) this.stderr += text
      this.#notify()
    })
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#failure = error
        this.#closed(resolve)
      })
      this.child.once('close', () => this.#closed(resolve))
    })
  }

  get pid(): number {
    if (this.child.pid === undefined) throw this.failure('did not start')
    return this.child.pid
  }

  get isRunning(): boolean {
    return this.#failure === undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  /** A stream beyond the standard three, given in stdio as 'pipe'. */
  stream(descriptor: number): Readable {
    return this.child.stdio[descriptor] as Readable
  }

  failure(what: string): Error {
    const last = `${this.#failure?.message ?? ''}\n${this.stderr}\n${this.stdout}`.trim().split('\n').slice(-3).join(' / ').slice(-300)
    return new Error(`${this.name} ${what}${last === '' ? '' : `: ${last}`}`)
  }

  /** Resolves when `condition` holds; it is asked again whenever the program prints, and each millisecond. */
  async until(condition: () => boolean, what: string, ms: number): Promise<void> {
    const deadline = performance.now() + ms
    while (!condition()) {
      if (!this.isRunning) throw this.failure(`ended before it was ${what}`)
      if (performance.now() > deadline) throw this.failure(`was not ${what} after ${ms} ms`)
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve)
        setTimeout(resolve, 1)
      })
    }
  }

  /** Waits for the program's own end with status 0 and returns what it printed. */
  async finish(ms: number): Promise<string> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), ms)
    await this.exited
    clearTimeout(timer)
    if (this.child.signalCode === 'SIGKILL') throw this.failure(`was not done after ${Math.round(ms / 1000)} s`)
    if (this.child.exitCode !== 0) throw this.failure(`ended with ${this.child.signalCode ?? `status ${this.child.exitCode}`}`)
    return this.stdout
  }

  /** Ends it: SIGTERM, and SIGKILL when that does not help. */
  async end(): Promise<void> {
    if (!this.isRunning) return this.exited
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), TERMINATE_MS)
    await this.exited
    clearTimeout(timer)
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  #closed(resolve: () => void): void {
    running.delete(this)
    this.#notify()
    resolve()
  }
}

export function start(command: string, args: readonly string[], stdio: StdioOptions = ['ignore', 'pipe', 'pipe'], name = command): Program {
  return new Program(name, command, args, stdio)
}

/** For the end of a run that goes wrong: nothing is waited for. */
export function killAll(): void {
  for (const program of running) program.child.kill('SIGKILL')
}
