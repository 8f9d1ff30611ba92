// Passes on to a command the signals that are sent to us, so that `netloom run` can stand wherever the command itself could: under
// a supervisor, timeout(1), a shell's job control. Each reaches the command exactly once:
//
//     sent by kill(2)           si_code SI_USER, SI_QUEUE   to us alone, so it is passed on
//     typed at the terminal     si_code SI_KERNEL           to the whole foreground process group, where the command is too: it is not
//     the terminal hung up      SIGHUP, SI_KERNEL           to the session leader alone: if that is us, it is passed on. (To the
//                                                           foreground process group only when the leader has ended.)
//
// Until the command runs, signals wait. When it does not come to run they have their default effect on us, so that whoever
// started us sees the ending that he asked for.
//
// One thing is out of our hands: Node gives every signal its default effect when it starts, so that nothing tells us which of them we
// were to ignore. `nohup netloom run COMMAND` does not reach the command; `netloom run nohup COMMAND` does, for we stay as long as it does.
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import { EPOLLIN, EventLoop, type ReadyHandler, TOKEN_SIGNAL, token } from './event-loop.js'
import { createContext, type NativeContext } from './native.js'

/** What is passed on. The others stop, end or ignore us as they do any program; SIGKILL takes the command along (prctl(2), PR_SET_PDEATHSIG). */
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGWINCH'] as const
/** Sent by the kernel: sigaction(2). */
const SI_KERNEL = 0x80
/** Nothing is stored in this context's arena (bytes). */
const ARENA_BYTES = 4096
/** A command that has not come to run within this time after a signal will not be waited for (ms). */
const PATIENCE = 1000

const NAMES = new Map<number, NodeJS.Signals>()
for (const [name, number] of Object.entries(constants.signals)) NAMES.set(number, name as NodeJS.Signals)

/** The exit status of a shell's child that a signal has ended. */
export const signalStatus = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** proc(5), stat: the session is the fourth field behind the name, which may have anything in it. */
function isSessionLeader(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]) === process.pid
}

/** Gives a signal its default effect, for good, even where Node blocks it (SIGUSR1, at --disable-sigusr1). */
export function haveUsualEffect(signal: NodeJS.Signals): void {
  const native = createContext(ARENA_BYTES)
  native.signalUsual(constants.signals[signal])
  native.close()
}

interface Received {
  readonly signal: NodeJS.Signals
  readonly isFromTerminal: boolean
}

export class SignalForwarder implements ReadyHandler {
  readonly #native: NativeContext
  readonly #words: Int32Array
  readonly #pipe: number
  #waiting: Received[] = []
  #patience: NodeJS.Timeout | null = null
  #send: ((signal: NodeJS.Signals) => void) | null = null
  #stop: (() => void) | null = null
  // Known from the start: /proc may be out of reach later.
  readonly #isSessionLeader = isSessionLeader()

  /** Catches the signals from now on. One at a time in a process. */
  constructor() {
    // A context of its own: signals come before there is a network.
    const native = createContext(ARENA_BYTES)
    this.#native = native
    this.#words = new Int32Array(native.scratch)
    let mask = 0
    for (const name of FORWARDED) mask |= 1 << constants.signals[name]
    this.#pipe = native.signalStart(mask)
    if (this.#pipe < 0) throw NetloomError.system('sigaction', this.#pipe)
    const loop = new EventLoop(native)
    loop.serve(TOKEN_SIGNAL, this)
    native.epollAdd(this.#pipe, token(TOKEN_SIGNAL, 0, 0), EPOLLIN)
    loop.start({ begin() {}, resume() {}, settle() {}, expire: () => -1, hasWork: false })
    native.unref()
  }

  /** The command runs: signals go to `send` from now on, first those that came meanwhile. */
  forward(send: (signal: NodeJS.Signals) => void): void {
    this.#send = send
    this.#cancelPatience()
    for (const received of this.#waiting.splice(0)) this.#pass(received)
  }

  /** The command has ended: a signal, wherever from, calls `stop` from now on. */
  stopBy(stop: () => void): void {
    this.#stop = stop
  }

  /** The command did not come to run: lets the first signal that came meanwhile, if any, have its effect on us. */
  giveUp(): void {
    this.ready()
    const first = this.#waiting.find(({ signal }) => signal !== 'SIGWINCH')
    if (first !== undefined) this.#end(first.signal)
  }

  ready(): void {
    while (this.#native.signalRead(this.#pipe) > 0) {
      const signal = NAMES.get(this.#words[0]!)
      if (signal === undefined) continue
      this.#pass({ signal, isFromTerminal: this.#words[1] === SI_KERNEL })
    }
  }

  /** The signals do again what they did before. */
  close(): void {
    this.#cancelPatience()
    this.#send = () => {}
    this.#native.close()
  }

  #pass(received: Received): void {
    if (this.#stop !== null && received.signal !== 'SIGWINCH') this.#stop()
    else if (this.#send === null) {
      this.#waiting.push(received)
      this.#patience ??= setTimeout(
        guard.wrap('a signal', () => this.giveUp()),
        PATIENCE,
      ).unref()
    } else if (!received.isFromTerminal || (received.signal === 'SIGHUP' && this.#isSessionLeader)) this.#send(received.signal)
  }

  #cancelPatience(): void {
    if (this.#patience !== null) clearTimeout(this.#patience)
    this.#patience = null
  }

  #end(signal: NodeJS.Signals): void {
    this.close()
    process.kill(process.pid, signal)
    // Process 1 of a PID namespace is not ended by it: pid_namespaces(7).
    process.exit(signalStatus(signal))
  }
}
