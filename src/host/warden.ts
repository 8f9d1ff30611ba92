// Our end of the channel to the warden (native/src/hardening/warden.c): the small process that does for this one what it can do no longer
// once it is hardened. One question at a time; the answers are lines of text, one of them with a descriptor.
import { constants } from 'node:os'
import { errnoName, NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import { EPOLLIN } from './event-loop.js'
import { createContext, type NativeContext } from './native.js'

/** Longest message (bytes): MESSAGE_MAX of warden.c. */
const MESSAGE_BYTES = 96
/** Of this context's arena, which holds one message (bytes). */
const ARENA_BYTES = 4096
const EAGAIN = constants.errno.EAGAIN

interface Answer {
  readonly text: string
  /** What came along, -1 for nothing. */
  readonly descriptor: number
}

export class Warden {
  readonly #native: NativeContext = createContext(ARENA_BYTES)
  readonly #bytes = new Uint8Array(this.#native.arena)
  readonly #descriptor: number
  #last: Promise<unknown> = Promise.resolve()
  #resolve: ((answer: Answer) => void) | null = null
  #isClosed = false
  /** Called once when the file that stands for the network namespace does so no longer, where the warden was given one. */
  onUnnamed: (() => void) | null = null
  #isGone = false

  /** Takes the descriptor of a warden that runs. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor
    this.#native.epollAdd(descriptor, 0, EPOLLIN)
    this.#native.start(guard.wrap('an answer of the warden', () => this.#ready()))
    // Who waits for an answer has other reasons to stay.
    this.#native.unref()
  }

  /**
   * Gives this process, all of its threads, a root with nothing but /etc and /run, read-only. Whatever is still to be read elsewhere has to be
   * open, or loaded, by then.
   * @throws NetloomError `ERR_SANDBOX`.
   */
  async enterRoot(): Promise<void> {
    // A working directory elsewhere would be a way out.
    process.chdir('/')
    const { text } = await this.#ask('root')
    const [, step = 'root', errno = ''] = text.split(' ')
    if (text !== 'ok') throw new NetloomError('ERR_SANDBOX', `the sandbox cannot be made: ${step}: ${errnoName(Number(errno))}`)
  }

  /**
   * A descriptor that is readable when some process in the namespace has ended, the caller's to close; -1 when there is no process.
   * @throws NetloomError `ERR_WARDEN`: it cannot tell.
   */
  async nextProcess(): Promise<number> {
    const { text, descriptor } = await this.#ask('next')
    if (text !== 'none' && descriptor < 0) throw new NetloomError('ERR_WARDEN', `the warden says '${text}'`)
    return descriptor
  }

  /** It has ended, and will answer nothing more. */
  get isGone(): boolean {
    return this.#isGone || this.#isClosed
  }

  /** Sends a signal, by its number, to the command that it was started with: false when that has ended, or the warden has. */
  async signal(number: number): Promise<boolean> {
    const { text } = await this.#ask(`signal ${number}`)
    return text === 'ok'
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#native.closeDescriptor(this.#descriptor)
    this.#native.close()
    this.#answer('closed', -1)
  }

  #ask(word: string): Promise<Answer> {
    const answered = this.#last.then(
      () =>
        new Promise<Answer>((resolve) => {
          this.#resolve = resolve
          const length = Buffer.from(this.#bytes.buffer).write(word, 'latin1')
          const sent = this.#isClosed ? -1 : this.#native.sendMessage(this.#descriptor, 0, length, -1)
          if (sent < 0) this.#answer('gone', -1)
        }),
    )
    this.#last = answered
    return answered
  }

  #ready(): void {
    this.#native.epollWait(1, 0)
    const length = this.#native.receiveMessage(this.#descriptor, 0, MESSAGE_BYTES)
    if (length === -EAGAIN) return
    const descriptor = length > 0 ? new Int32Array(this.#native.scratch)[0]! : -1
    // It has ended, or never began: it will not answer.
    if (length <= 0) {
      this.#native.epollDelete(this.#descriptor)
      this.#isGone = true
    }
    const text = length > 0 ? Buffer.from(this.#bytes.buffer, 0, length).toString('latin1') : 'gone'
    if (text === 'unnamed') this.onUnnamed?.()
    else this.#answer(text, descriptor)
  }

  #answer(text: string, descriptor: number): void {
    const resolve = this.#resolve
    this.#resolve = null
    if (resolve !== null) resolve({ text, descriptor })
    else if (descriptor >= 0) this.#native.closeDescriptor(descriptor)
  }
}
