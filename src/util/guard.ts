/*
 * What ends with an error that nobody has foreseen: the one callback that has thrown it, not the process. Every callback of the event loop, of a
 * timer or of a socket of Node's passes here. A guest that finds a fault of ours must not end its network by it, and with it everybody else's
 * connections.
 *
 *     callback --throws--> caught() --> counted (Counters.defects), told once a kind, and on with the next callback
 *                               \-----> thrown on: as long as nobody tolerates it (tests), and with NETLOOM_DEBUG=1
 */
import type { Log } from './log.js'

/** Kinds of errors that are told in the life of a process; what more there are is only counted. */
const KINDS_TOLD = 64

class Guard {
  /** Errors that were caught since the process began. */
  count = 0
  readonly #told = new Set<string>()
  #log: Log | null = null

  /** From now on what is caught is counted, and told here. */
  tolerate(log: Log): void {
    this.#log = log
  }

  /** A callback, named by `where`, has thrown this. */
  caught(where: string, error: unknown): void {
    if (this.#log === null) throw error
    this.count++
    const kind = `${where}: ${describe(error)}`
    if (this.#told.size >= KINDS_TOLD || this.#told.has(kind)) return
    this.#told.add(kind)
    this.#log.error(`a defect, please report it: ${kind}; the network goes on`)
  }

  /** The same callback, guarded. */
  wrap<A extends unknown[]>(where: string, callback: (...given: A) => void): (...given: A) => void {
    return (...given) => {
      try {
        callback(...given)
      } catch (error) {
        this.caught(where, error)
      }
    }
  }
}

/** What it says and where it was thrown, in one line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [, place = ''] = /\n\s+(at .*)/.exec(error.stack ?? '') ?? []
  return `${error.name}: ${error.message} ${place}`.trimEnd()
}

/** Of this process. */
export const guard = new Guard()
