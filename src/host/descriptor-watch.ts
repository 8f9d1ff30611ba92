// Waits for one descriptor that we were given when we were started, without reading from it: a pipe whose other end tells us to go, a socket
// to listen on. In a context of its own, since it may be ready before there is a network.
import { EventLoop, TOKEN_PROCESS, token } from './event-loop.js'
import { createContext, type NativeContext } from './native.js'

/** Nothing is stored in this context's arena (bytes). */
const ARENA_BYTES = 4096

export class DescriptorWatch {
  readonly #native: NativeContext
  readonly #descriptor: number

  /**
   * Calls `ready` each turn while the descriptor has one of `events` of epoll(7), and also when it is hung up or has failed. A file that is
   * always ready (epoll_ctl(2), EPERM) never calls.
   */
  constructor(descriptor: number, events: number, ready: () => void) {
    this.#native = createContext(ARENA_BYTES)
    this.#descriptor = descriptor
    const loop = new EventLoop(this.#native)
    loop.serve(TOKEN_PROCESS, { ready })
    this.#native.epollAdd(descriptor, token(TOKEN_PROCESS, 0, 0), events)
    loop.start({ begin() {}, resume() {}, settle() {}, expire: () => -1, hasWork: false })
  }

  /** Waits no longer. The descriptor stays open. */
  close(): void {
    this.#native.epollDelete(this.#descriptor)
    this.#native.close()
  }
}
