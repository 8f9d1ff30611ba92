// A guest to test with: `netloom run` around a command that only waits, into whose namespaces every test command is then put with
// nsenter, as rootless container tools do it. And the other direction: namespaces that somebody else made, for `netloom attach`.

import { findInside } from './processes.js'
import { type Outcome, Program, type ProgramOptions, until } from './program.js'
import { asUser, guestProgram, NETLOOM, userEnvironment } from './world.js'

/** Starts a command as the unprivileged user, on the host's side. */
export function userProgram(command: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(asUser(command), { environment: userEnvironment, directory: '/', ...options })
}

/** Starts netloom as the unprivileged user. */
export const netloom = (args: readonly string[], options: ProgramOptions = {}): Program => userProgram([...NETLOOM, ...args], options)

/** The command that holds a namespace open: says its pid as it knows it, then waits for its standard input to end. */
const WAITING = ['sh', '-c', 'echo "pid $$"; exec cat']

/** The namespaces of one process of the test user's. */
abstract class Namespaces {
  /** The process that is inside. */
  readonly inside: number
  readonly program: Program
  /** Whether it has a PID namespace of its own. */
  readonly hasOwnProcesses: boolean

  constructor(program: Program, inside: number, hasOwnProcesses = false) {
    this.program = program
    this.inside = inside
    this.hasOwnProcesses = hasOwnProcesses
  }

  /** Starts a command inside, as root of the namespace (the test user outside). */
  spawn(command: readonly string[], options: ProgramOptions = {}): Program {
    // With a PID namespace nsenter stays outside, as its parent: it ends as the command does, and the command with it.
    const more = this.hasOwnProcesses
      ? ['--pid', '--preserve-credentials', '--', 'setpriv', '--pdeathsig=KILL']
      : ['--preserve-credentials']
    return userProgram(['nsenter', `--target=${this.inside}`, '--user', '--net', '--mount', ...more, '--', ...command], options)
  }

  exec(command: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
    return this.spawn(command, { input: '', ...options }).finished
  }

  /** Runs a command that has to succeed; returns what it printed. */
  async must(command: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const outcome = await this.exec(command, options)
    if (outcome.status === 0) return outcome.stdout
    throw new Error(`${command.join(' ')}: status ${outcome.status ?? outcome.signal}: ${outcome.stderr}${outcome.stdout}`)
  }

  /** Starts a program of test/e2e/guest inside. */
  guest(name: string, ...args: readonly (string | number)[]): Program {
    return this.spawn([...guestProgram(name), ...args.map(String)])
  }

  /** Runs such a program to its end; returns the JSON document that is its last line. */
  async ask<T>(name: string, ...args: readonly (string | number)[]): Promise<T> {
    return answer<T>(this.guest(name, ...args))
  }
}

/** The JSON document that a guest program ends with. */
export async function answer<T>(program: Program): Promise<T> {
  const outcome = await program.finished
  const last = outcome.stdout.trimEnd().split('\n').at(-1) ?? ''
  if (outcome.status !== 0 || !last.startsWith('{')) throw new Error(`status ${outcome.status ?? outcome.signal}: ${program.describe()}`)
  return JSON.parse(last)
}

export class Sandbox extends Namespaces {
  static async start(...args: readonly string[]): Promise<Sandbox> {
    return Sandbox.of(netloom(['run', ...args, '--', ...WAITING], { deadline: 600_000 }), !args.includes('--share-pid'))
  }

  /** That of a program whose command is such a one that waits. */
  static async of(program: Program, hasOwnProcesses = true): Promise<Sandbox> {
    const line = await program.line(/^pid (\d+)$/m)
    return new Sandbox(program, findInside(program.pid, Number(line[1])), hasOwnProcesses)
  }

  /** The process of the stack itself: the one that was started. */
  get stack(): number {
    return this.program.pid
  }

  /** Lets the waiting command end, and netloom with it. */
  async close(): Promise<void> {
    this.program.end()
    const outcome = await this.program.outcome()
    if (outcome.status !== 0) throw new Error(`the sandbox ended with ${outcome.status ?? outcome.signal}: ${this.program.describe()}`)
  }
}

/** A user and network namespace with nothing in it but a process that waits, as a container runtime leaves it to its network helper. */
export class Bare extends Namespaces {
  static async start(): Promise<Bare> {
    const program = userProgram(['unshare', '--user', '--map-root-user', '--net', '--mount', ...WAITING], { deadline: 600_000 })
    const line = await program.line(/^pid (\d+)$/m)
    return new Bare(program, Number(line[1]))
  }

  async close(): Promise<void> {
    await this.program.close()
  }
}

/** A running `netloom attach`. */
export class Attached {
  readonly program: Program
  /** Its ready line. */
  readonly ready: string

  constructor(program: Program, ready: string) {
    this.program = program
    this.ready = ready
  }

  static async start(...args: readonly string[]): Promise<Attached> {
    const program = netloom(['attach', ...args], { deadline: 600_000 })
    const line = await program.line(/^.+$/m)
    return new Attached(program, line[0])
  }

  async close(): Promise<void> {
    await this.program.close()
  }
}

/** Waits until a namespace has no interface but lo. */
export async function expectNoTap(namespaces: Namespaces): Promise<void> {
  let links = ''
  const isGone = async () => {
    links = await namespaces.must(['ip', '-o', 'link'])
    return links.trim().split('\n').length === 1
  }
  await until(isGone, () => `interfaces that are still there: ${links}`)
}
