// A child process as the tests need it: its whole output kept, a line that can be waited for, and a deadline after which it is
// killed, so that a hang is a failure with everything that was printed until then, never a test run that stands still.
import { type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { requirePrograms } from './packages.js'

export interface Outcome {
  /** Null when a signal ended it. */
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** Standard output as bytes. */
  output: Buffer
}

export interface ProgramOptions {
  environment?: NodeJS.ProcessEnv
  directory?: string
  /** Written to standard input, which is then closed. Without it standard input is a pipe that stays open until `end()`. */
  input?: string | Buffer
  /** Replaces the pipes: for programs with a closed or shared descriptor. */
  stdio?: StdioOptions
  /** After this many ms it is killed and has failed. */
  deadline?: number
  /** In a process group of its own. */
  isDetached?: boolean
}

/** Far above what any command here takes on a busy machine with two cores. */
const DEADLINE = 60_000
/** Of what a test waits for: as far above. */
const PATIENCE = 60_000
/** From being told to end to being killed, ms. */
const GRACE = 10_000

/** What a promise brings; fails with `what` when it has brought nothing after so many ms. */
export async function within<T>(promise: Promise<T>, what: string | (() => string), deadline = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${deadline} ms: ${typeof what === 'string' ? what : what()}`)), deadline)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

interface Waiter {
  pattern: RegExp
  resolve: (match: RegExpExecArray) => void
  reject: (error: Error) => void
}

export class Program {
  /** Those that have not ended. */
  static readonly running = new Set<Program>()

  readonly child: ChildProcessByStdio<Writable | null, Readable | null, Readable | null>
  /** Settles when the process has ended and its output is complete; rejects when it could not start or met its deadline. */
  readonly finished: Promise<Outcome>
  readonly command: string
  readonly #out: Buffer[] = []
  readonly #err: Buffer[] = []
  #waiters: Waiter[] = []
  #hasEnded = false

  constructor(command: readonly string[], options: ProgramOptions = {}) {
    requirePrograms(command)
    this.command = command.join(' ')
    this.child = spawn(command[0]!, command.slice(1), {
      cwd: options.directory,
      env: options.environment ?? process.env,
      stdio: options.stdio ?? 'pipe',
      detached: options.isDetached ?? false,
    }) as Program['child']
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#out.push(chunk)
      this.#check()
    })
    this.child.stderr?.on('data', (chunk: Buffer) => this.#err.push(chunk))
    // A program that ends without reading its input is a case of its own, told by its status.
    this.child.stdin?.on('error', () => {})
    if (options.input !== undefined) this.child.stdin?.end(options.input)
    this.finished = this.#watch(options.deadline ?? DEADLINE)
    this.finished.catch(() => {})
    Program.running.add(this)
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`could not be started: ${this.command}`)
    return this.child.pid
  }

  get stdout(): string {
    return Buffer.concat(this.#out).toString()
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Waits until standard output holds what the pattern describes (use the `m` flag for whole lines). */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      this.#waiters.push({ pattern, resolve, reject })
      this.#check()
    })
    return within(found, () => `${pattern} was not printed: ${this.describe()}`)
  }

  write(text: string): void {
    this.child.stdin?.write(text)
  }

  end(): void {
    this.child.stdin?.end()
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal)
  }

  /** Ends it, by force where a closed input and SIGTERM are not enough. */
  async close(): Promise<void> {
    if (this.#hasEnded) return
    this.end()
    this.kill('SIGTERM')
    await this.outcome().catch(() => {})
  }

  /** What becomes of it when it has been told to end: after a while it is killed, and its output is not waited for. */
  async outcome(): Promise<Outcome> {
    const force = setTimeout(() => {
      this.kill('SIGKILL')
      // A child of its own may hold them open.
      for (const stream of this.child.stdio) stream?.destroy()
    }, GRACE)
    return this.finished.finally(() => clearTimeout(force))
  }

  /** All that is known of it, for the message of a failure. */
  describe(): string {
    return `${this.command}\nstdout: ${this.stdout.slice(-4000)}\nstderr: ${this.stderr.slice(-4000)}`
  }

  #watch(deadline: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.kill('SIGKILL')
        reject(new Error(`still running after ${deadline} ms: ${this.describe()}`))
      }, deadline)
      const settle = (failure?: Error) => {
        clearTimeout(timer)
        this.#hasEnded = true
        Program.running.delete(this)
        this.#check()
        if (failure !== undefined) reject(failure)
      }
      this.child.on('error', settle)
      this.child.on('close', (status: number | null, signal: NodeJS.Signals | null) => {
        settle()
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr, output: Buffer.concat(this.#out) })
      })
    })
  }

  #check(): void {
    if (this.#waiters.length === 0) return
    const text = this.stdout
    this.#waiters = this.#waiters.filter((waiter) => {
      const match = waiter.pattern.exec(text)
      if (match !== null) waiter.resolve(match)
      else if (this.#hasEnded) waiter.reject(new Error(`ended before ${waiter.pattern} was printed: ${this.describe()}`))
      return match === null && !this.#hasEnded
    })
  }
}

/** Runs a command to its end. */
export function run(command: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  return new Program(command, { input: '', ...options }).finished
}

/** Runs a command that has to succeed; returns what it printed. */
export async function must(command: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const outcome = await run(command, options)
  if (outcome.status === 0) return outcome.stdout
  throw new Error(`${command.join(' ')}: status ${outcome.status ?? outcome.signal}: ${outcome.stderr}${outcome.stdout}`)
}

/** Waits for a condition, looking every 10 ms; fails with `what` at the deadline. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string | (() => string), deadline = 10_000): Promise<void> {
  const end = performance.now() + deadline
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`after ${deadline} ms: ${typeof what === 'string' ? what : what()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
