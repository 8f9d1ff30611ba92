// A server that listens on the sandbox's 127.0.0.1 alone is not where published ports lead, and its clients see nothing but a reset. The remedy
// is an option, which is named once for each network: when such a client was refused, or when a port would have been published by itself.
import type { NativeContext } from '../host/native.js'
import { guard } from '../util/guard.js'
import type { Log } from '../util/log.js'
import { TokenBucket } from '../util/token-bucket.js'
import { isMapped } from '../wire/address.js'

/** Looks at who listens, a second: clients can be refused far more often. */
const LOOKS_PER_SECOND = 1
/** Words that the kernel's answer has for each socket: an address and a port. */
const WORDS = 5
const LOOPBACK = 0x7f000001

export class LoopbackHint {
  readonly #native: Pick<NativeContext, 'listenersOf' | 'scratch' | 'now'>
  readonly #log: Log
  readonly #looks = new TokenBucket(LOOKS_PER_SECOND, 1)
  /** A sock_diag socket of the sandbox's namespace; negative: there is none. */
  diag = -1
  #isDone: boolean
  #isLooking = false

  /** `isNeeded`: the option is not set already. */
  constructor(native: Pick<NativeContext, 'listenersOf' | 'scratch' | 'now'>, log: Log, isNeeded: boolean) {
    this.#native = native
    this.#log = log
    this.#isDone = !isNeeded
  }

  /** A client of a published port was refused by the sandbox. */
  refused(port: number): void {
    if (this.#isDone || this.#isLooking || this.diag < 0 || !this.#looks.take(this.#native.now())) return
    this.#isLooking = true
    // The scratch belongs to whoever tells until the turn ends.
    const look = guard.wrap('looking for who listens on the loopback', () => this.#look(port))
    setImmediate(look)
  }

  #look(port: number): void {
    this.#isLooking = false
    if (this.diag < 0) return
    const count = this.#native.listenersOf(this.diag)
    const words = new Int32Array(this.#native.scratch, 0, Math.max(0, count) * WORDS)
    for (let at = 0; at < words.length; at += WORDS) if (words[at + 4] === port && isReached(words, at)) this.tell(port)
  }

  /** A server listens there. */
  tell(port: number): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#log.warn(
      `port ${port} of the sandbox is listened on at its 127.0.0.1, where published ports do not lead; ` +
        '--direct-loopback reaches it (from the loopback of the host, or with --publish-driver direct)',
    )
  }
}

/** What the option reaches. */
export const isReached = (words: Int32Array, at: number): boolean =>
  isMapped(words[at]!, words[at + 1]!, words[at + 2]!) && words[at + 3] === LOOPBACK
