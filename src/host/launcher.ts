// Starts the launcher (native/src/launcher.c), a program with one thread, which can enter user namespaces where Node cannot, and
// takes over the TAP that it opens there. The two talk over a SOCK_SEQPACKET pair, one line of text a message:
//
//     launcher                                             here
//     warn STEP ERRNO                                  ->  a line in the log
//     socket tcp, socket diag ...     + descriptor     ->  with the TAP: sockets of the namespace
//     tap vnet=1 csum=1 tso=1 uso=1   + descriptor     ->  the promise of launchRun() or launchAttach()
//                                                      <-  go                               (run only)
//     runs, or the end of the channel                  ->  the promise of go(): the command runs
//     error STEP ERRNO, or exec ERRNO                  ->  a NetloomError: launcher-errors.ts
//
// Where the command shares this process's PID namespace the launcher becomes the command, and the channel closes on
// exec. Otherwise the launcher stays, as its supervisor (native/src/supervisor.c): it says `command PID` before `tap`,
// takes `signal N` once the command runs, ends everything when our end of the channel closes, and ends as the command
// has ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import type { Arena } from '../packet/arena.js'
import { errnoName, NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import type { Log } from '../util/log.js'
import { EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_LAUNCHER, token } from './event-loop.js'
import {
  attachArguments,
  checkTarget,
  type LaunchCommand,
  type LaunchInterface,
  runArguments,
  type StandardStream,
} from './launcher-arguments.js'
import { type Attempt, execError, type LaunchTarget, launcherError, warningText } from './launcher-errors.js'
import { LAUNCHER_PATH, type NativeContext } from './native.js'
import type { TapFeatures } from './tap-device.js'
import { Warden } from './warden.js'

/** Longest message of the launcher (bytes): MESSAGE_MAX of channel.c. */
const MESSAGE_BYTES = 96
const EAGAIN = constants.errno.EAGAIN
const { SIGKILL } = constants.signals
/**
 * How long a launcher that is to end may take before it is killed (ms): twice the longest that the supervisor waits
 * (PATIENCE of supervisor.c).
 */
const END_PATIENCE = 4000

/** What launching needs of a network. The loop has to be turning, or to start turning soon. */
export interface LaunchContext {
  readonly native: NativeContext
  readonly loop: EventLoop
  readonly arena: Arena
  /** Offset of a region for messages, used only while a call lasts: 96 bytes at least. */
  readonly region: number
  readonly log: Log
  /** Gives up a launch that has not come to its end: it is rejected with the reason when nothing of it is left. */
  readonly signal: AbortSignal
}

/** Sockets that were made in a namespace, and so belong to it wherever they are; fewer where the kernel has not given them. */
export interface NamespaceSeeds {
  /** Two of TCP over IPv4, unconnected. */
  readonly tcp: readonly number[]
  /** One that lists sockets (sock_diag(7)). */
  readonly diag: readonly number[]
}

/** A namespace with an interface, and the launcher that made it so. */
export interface Launched {
  /** The TAP: non-blocking, the caller's to close. */
  readonly descriptor: number
  readonly features: TapFeatures
  /** Sockets of the namespace, the caller's to close. */
  readonly seeds: NamespaceSeeds
  /** The launcher, which ends as the command does. */
  readonly child: ChildProcess
  /** Of the command, in this process's PID namespace. */
  readonly pid: number
  /**
   * `run` only: lets the command begin; resolves when it runs.
   * @throws NetloomError with exit status 127 or 126 when it cannot be executed.
   */
  go(): Promise<void>
  /** From now on this process may signal no other, and the warden does that for it. */
  guard(warden: Warden): void
  /**
   * Sends the command a signal; false when it has ended.
   * @throws NetloomError `ERR_SIGNAL`: there is no such.
   */
  kill(signal: NodeJS.Signals): boolean
  /**
   * Ends the command and, where it has a PID namespace of its own, every process in it; resolves when they have ended.
   * Again, or after: no harm.
   */
  end(): Promise<void>
}

/**
 * Makes user, network and mount namespaces with a configured TAP, in which the command will begin with `go()`.
 * @throws NetloomError: why the machine does not allow it.
 */
export function launchRun(context: LaunchContext, link: LaunchInterface, options: LaunchCommand): Promise<Launched> {
  const launch = new Launch(context, { ifname: link.ifname, mtu: link.mtu, target: null }, options)
  return launch.start(runArguments(link, options))
}

/**
 * Enters the namespaces of `target` and makes a configured TAP there.
 * @throws NetloomError: why that cannot be done.
 */
export function launchAttach(context: LaunchContext, link: LaunchInterface, target: LaunchTarget): Promise<Launched> {
  checkTarget(target)
  return new Launch(context, { ifname: link.ifname, mtu: link.mtu, target }, null).start(attachArguments(link, target))
}

/**
 * Starts a warden (warden.ts) that finds the processes in the network namespace of this file, and sends signals to one child of ours, if there is
 * any; it has no other root to give.
 */
export function launchWarden(native: NativeContext, netns: string, command: ChildProcess | null): Warden {
  const failed = native.socketPair()
  if (failed < 0) throw NetloomError.system('socketpair', failed)
  const [ours = -1, theirs = -1] = new Int32Array(native.scratch)
  // While Node has not been told of its end, the PID is its own.
  const pid = command === null || command.exitCode !== null || command.signalCode !== null ? undefined : command.pid
  const process = pid === undefined ? -1 : native.pidfdOpen(pid)
  const args = ['warden', `--socket=${theirs}`, `--netns=${netns}`, ...(process < 0 ? [] : [`--command=${process}`])]
  const stdio: ('ignore' | number)[] = new Array<'ignore'>(Math.max(theirs, process) + 1).fill('ignore')
  for (const descriptor of [theirs, process]) if (descriptor >= 0) stdio[descriptor] = descriptor
  try {
    const child = spawn(LAUNCHER_PATH, args, { cwd: '/', env: {}, stdio })
    // That it could not be started is the end of the channel.
    child.on('error', () => {})
    child.unref()
  } finally {
    native.closeDescriptor(theirs)
    if (process >= 0) native.closeDescriptor(process)
  }
  return new Warden(ours)
}

class Launch implements ReadyHandler {
  readonly #context: LaunchContext
  readonly #attempt: Attempt
  readonly #seeds: { readonly tcp: number[]; readonly diag: number[] } = { tcp: [], diag: [] }
  readonly #options: LaunchCommand | null
  readonly #at: number
  #socket = -1
  #child: ChildProcess | null = null
  #warden: Warden | null = null
  #hasLaunched = false
  /** Of the command, where the launcher is its supervisor; else 0. */
  #command = 0
  #phase: 'launching' | 'launched' | 'executing' | 'done' = 'launching'
  #resolve: (launched: Launched) => void = () => {}
  #resolveExec: () => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(context: LaunchContext, attempt: Attempt, options: LaunchCommand | null) {
    this.#context = context
    this.#attempt = attempt
    this.#options = options
    this.#at = context.region
  }

  start(args: readonly string[]): Promise<Launched> {
    const { signal } = this.#context
    return new Promise<Launched>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      signal.throwIfAborted()
      signal.addEventListener('abort', this.#giveUp)
      this.#spawn(args)
    }).catch((error) => {
      signal.removeEventListener('abort', this.#giveUp)
      throw error
    })
  }

  readonly #giveUp = (): void => {
    if (this.#phase === 'done') return
    const reject = this.#reject
    this.#closeSeeds()
    this.#phase = 'done'
    void this.#end().then(() => reject(this.#context.signal.reason))
  }

  /** The launcher's end keeps its number in the child: what we have inherited ourselves at lower ones reaches the command untouched. */
  #spawn(args: readonly string[]): void {
    const { native, loop } = this.#context
    const words = new Int32Array(native.scratch)
    const failed = native.socketPair()
    if (failed < 0) throw NetloomError.system('socketpair', failed)
    const ours = words[0]!
    const theirs = words[1]!
    this.#socket = ours
    loop.serve(TOKEN_LAUNCHER, this)
    native.epollAdd(ours, token(TOKEN_LAUNCHER, 0, 0), EPOLLIN)
    const [mode = '', ...rest] = args
    const stdio = [...this.#standardStreams(), ...new Array<'ignore'>(theirs - 3).fill('ignore'), theirs]
    try {
      this.#child = spawn(LAUNCHER_PATH, [mode, `--socket=${theirs}`, ...rest], { cwd: this.#options?.cwd, env: this.#options?.env, stdio })
    } catch (error) {
      this.#disconnect()
      throw error
    } finally {
      native.closeDescriptor(theirs)
    }
    this.#child.on(
      'error',
      guard.wrap('the start of the launcher', (error: NodeJS.ErrnoException) => this.#fail(this.#spawnError(error))),
    )
    this.#child.on(
      'exit',
      guard.wrap('the end of the launcher', () => this.#exited()),
    )
  }

  #standardStreams(): readonly StandardStream[] {
    const stdio = this.#options?.stdio ?? ['ignore', 'ignore', 'inherit']
    return typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio
  }

  ready(): void {
    const { native, arena } = this.#context
    while (this.#socket >= 0) {
      const length = native.receiveMessage(this.#socket, this.#at, MESSAGE_BYTES)
      if (length === -EAGAIN) return
      const descriptor = length > 0 ? new Int32Array(native.scratch)[0]! : -1
      if (length > 0) this.#message(Buffer.from(arena.bytes.buffer, this.#at, length).toString('latin1'), descriptor)
      else this.#ended()
    }
  }

  #message(text: string, descriptor: number): void {
    const [kind = '', ...words] = text.split(' ')
    const log = this.#context.log
    const step = words[0] ?? ''
    const errno = Number(words.at(-1))
    if (kind === 'tap' && descriptor >= 0) this.#launched(descriptor, words)
    else if (kind === 'socket' && descriptor >= 0) this.#seeds[step === 'tcp' ? 'tcp' : 'diag'].push(descriptor)
    else if (kind === 'command') this.#command = errno
    else if (kind === 'runs') this.#runs()
    else if (kind === 'warn' && (step === 'pinggroup' || step === 'lowports')) log.verbose(warningText(step, errno))
    else if (kind === 'warn') log.warn(warningText(step, errno))
    else if (kind === 'error') this.#fail(launcherError(step, errno, this.#attempt))
    else if (kind === 'exec') this.#fail(execError(errno, this.#options?.command[0] ?? '', this.#options?.cwd ?? '.'))
    else
      this.#fail(
        new NetloomError('ERR_LAUNCHER', `the launcher says '${text}', which has no meaning here`, 'build it again: npm run build'),
      )
  }

  #launched(descriptor: number, words: readonly string[]): void {
    const child = this.#child
    if (child === null) return
    this.#hasLaunched = true
    if (this.#options === null) {
      this.#settle()
      this.#disconnect()
    } else this.#phase = 'launched'
    const features = {
      vnetHeader: words.includes('vnet=1'),
      checksum: words.includes('csum=1'),
      tso: words.includes('tso=1'),
      uso: words.includes('uso=1'),
    }
    const pid = this.#command > 0 ? this.#command : child.pid!
    const seeds = this.#seeds
    this.#resolve({
      ...{ descriptor, features, seeds, child, pid },
      go: () => this.#go(),
      guard: (warden) => {
        this.#warden = warden
      },
      kill: (signal) => this.#kill(signal),
      end: () => this.#end(),
    })
  }

  #hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #kill(signal: NodeJS.Signals): boolean {
    const number = constants.signals[signal]
    if (number === undefined) throw new NetloomError('ERR_SIGNAL', `there is no signal ${signal}`, 'signal(7) has their names')
    if (this.#hasEnded()) return false
    // The supervisor knows whose the number is.
    return this.#command === 0 ? this.#signalChild(number) : this.#say(`signal ${number}`) >= 0
  }

  #signalChild(number: number): boolean {
    if (this.#warden === null) return this.#child?.kill(number) ?? false
    void this.#warden.signal(number).then((isSent) => {
      if (!isSent && !this.#hasEnded()) this.#context.log.warn(`signal ${number} could not be sent to the command`)
    })
    return true
  }

  async #end(): Promise<void> {
    const child = this.#child
    this.#disconnect()
    if (child === null || child.pid === undefined || this.#hasEnded()) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // What has no supervisor is not told by the end of the channel.
    const isAlone = this.#command === 0 && this.#options !== null
    if (isAlone && !(await this.#force())) return
    const lost = new AbortController()
    const impatience = setTimeout(async () => (await this.#force()) || lost.abort(), END_PATIENCE)
    // Where nobody can end it, it is not waited for.
    await Promise.race([ended, once(lost.signal, 'abort')])
    clearTimeout(impatience)
  }

  /** False when it has ended, or nobody is there who may do that. */
  async #force(): Promise<boolean> {
    // That of attach() ends when it has given the TAP away, and by then this process may be hardened.
    if (this.#options === null && this.#hasLaunched) return false
    return this.#warden === null ? (this.#child?.kill('SIGKILL') ?? false) : await this.#warden.signal(SIGKILL)
  }

  /** 0 or more, or -errno. */
  #say(text: string): number {
    const { native, arena } = this.#context
    if (this.#socket < 0) return -constants.errno.EPIPE
    const length = Buffer.from(arena.bytes.buffer, this.#at, MESSAGE_BYTES).write(text, 'latin1')
    return native.sendMessage(this.#socket, this.#at, length, -1)
  }

  #go(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#phase !== 'launched') throw new NetloomError('ERR_LAUNCHER', 'the launcher is not waiting for go')
      this.#phase = 'executing'
      this.#resolveExec = resolve
      this.#reject = reject
      if (this.#socket < 0) return this.#ended()
      const sent = this.#say('go')
      // The launcher has ended: the end of the channel, which is next, tells.
      if (sent < 0 && sent !== -constants.errno.EPIPE) this.#fail(NetloomError.system('sendmsg', sent))
    })
  }

  #runs(): void {
    if (this.#phase !== 'executing') return
    this.#settle()
    this.#resolveExec()
  }

  /** The end of the channel: the command runs, or the launcher has ended without a word. */
  #ended(): void {
    this.#disconnect()
    if (this.#phase === 'executing') this.#runs()
    else if (this.#child !== null && this.#hasEnded()) this.#exited()
  }

  /** The launcher has ended; what it has said before may still be unread. */
  #exited(): void {
    this.ready()
    if (this.#phase !== 'launching' || this.#child === null) return
    const { exitCode, signalCode } = this.#child
    const how = signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`
    this.#fail(new NetloomError('ERR_LAUNCHER', `the launcher ${how} before the interface was there`))
  }

  #spawnError(error: NodeJS.ErrnoException): NetloomError {
    const { cwd, command } = this.#options ?? { cwd: undefined, command: [] }
    if (error.code === 'E2BIG') return execError(constants.errno.E2BIG, command[0] ?? '', '.')
    if (error.code === 'ENOENT' && cwd !== undefined && statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
      return new NetloomError('ENOENT', `the working directory ${cwd} does not exist`)
    const hint = error.code === 'ENOENT' ? 'build it with `npm run build`' : ''
    return new NetloomError(
      'ERR_LAUNCHER',
      `the launcher ${LAUNCHER_PATH} cannot be started: ${error.code ?? errnoName(error.errno ?? 0)}`,
      hint,
    )
  }

  #fail(error: unknown): void {
    if (this.#phase === 'done') return
    this.#closeSeeds()
    this.#settle()
    this.#disconnect()
    this.#reject(error)
  }

  // Before the TAP has come they are nobody else's.
  #closeSeeds(): void {
    if (this.#phase !== 'launching') return
    for (const descriptor of [...this.#seeds.tcp, ...this.#seeds.diag]) this.#context.native.closeDescriptor(descriptor)
  }

  #settle(): void {
    this.#phase = 'done'
    this.#context.signal.removeEventListener('abort', this.#giveUp)
  }

  #disconnect(): void {
    if (this.#socket < 0) return
    const { native } = this.#context
    native.epollDelete(this.#socket)
    native.closeDescriptor(this.#socket)
    this.#socket = -1
  }
}
