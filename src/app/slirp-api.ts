// slirp4netns' API socket: one request and one answer a connection (slirp-request.ts). The socket was bound and listens before Node starts;
// whoever connects waits in the kernel's queue until it is accepted here.
//
// A client may say nothing, or too much, or stop in the middle: each has LIMIT ms, and beyond MAX_CLIENTS the oldest makes room.
import { createServer, type Server, type Socket } from 'node:net'
import { guard } from '../util/guard.js'
import { errorText, MAX_REQUEST, requestLength, SlirpRequests } from './slirp-request.js'
import type { Network } from './types.js'

/** How long a connection may take until its request is whole, and then until it is closed by the client, ms. */
const LIMIT = 10_000
const MAX_CLIENTS = 64

interface SlirpApiOptions {
  /** How long a connection may take, ms. */
  readonly limit?: number
}

export class SlirpApi {
  readonly #requests: SlirpRequests
  readonly #limit: number
  readonly #server: Server
  readonly #clients = new Set<Socket>()

  /** `where`: the descriptor of a socket that listens, which is taken over, or the path for one. */
  constructor(network: Network, where: { readonly fd: number } | { readonly path: string }, { limit = LIMIT }: SlirpApiOptions = {}) {
    this.#requests = new SlirpRequests(network)
    this.#limit = limit
    // A client that has closed its writing half still reads.
    this.#server = createServer(
      { allowHalfOpen: true },
      guard.wrap('a client of the API', (socket: Socket) => this.#accept(socket)),
    )
    // A connection that cannot be accepted (accept(2), EMFILE) is that client's loss alone.
    this.#server.on('error', () => {})
    this.#server.listen(where)
  }

  #accept(socket: Socket): void {
    if (this.#clients.size >= MAX_CLIENTS) this.#clients.values().next().value?.destroy()
    this.#clients.add(socket)
    let text = ''
    let hasAnswered = false
    const answer = (reply: string): void => {
      hasAnswered = true
      socket.end(reply)
    }
    const expired = guard.wrap('a request to the API', () => {
      // A request that was begun is answered; there is no time for more.
      if (!hasAnswered && text !== '') answer(this.#requests.answer(text))
      socket.destroySoon()
    })
    const deadline = setTimeout(expired, this.#limit)
    socket.setEncoding('utf8')
    const take = guard.wrap('a request to the API', (chunk: string) => {
      // What comes after a request is read and thrown away: a socket closed with bytes unread would be a reset, and the answer lost.
      if (hasAnswered) return
      text += chunk
      const length = requestLength(text)
      if (Buffer.byteLength(text) > MAX_REQUEST) answer(errorText('too large message'))
      else if (length >= 0) answer(this.#requests.answer(text.slice(0, length)))
    })
    const ended = guard.wrap('a request to the API', () => {
      if (!hasAnswered) answer(this.#requests.answer(text))
    })
    socket.on('data', take)
    socket.on('end', ended)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(deadline)
      this.#clients.delete(socket)
    })
  }

  /** Listens no longer, and cuts off who is connected. */
  close(): void {
    for (const socket of this.#clients) socket.destroy()
    this.#server.close()
  }
}
