// The host's end of a test's TCP connections: a server on an ephemeral port that hands out its connections one by one, with what
// tests say about them: all bytes counted and hashed, an orderly end, a reset, an error by name.
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { within } from './program.js'

/** What went over a connection in one direction: the guest programs print the same. */
export interface Digest {
  bytes: number
  sha256: string
}

/** What `tcp.py exchange` says at its end. */
export interface Exchanged {
  sent: Digest
  received: Digest
  sendError?: string
  receiveError?: string
}

const CHUNK = 256 * 1024
/** In ms: far above what a connection takes to arrive. */
const ACCEPT_DEADLINE = 30_000

class TcpPeer {
  readonly socket: Socket
  /** Settles when the connection is closed: the error's code, or '' when it ended in order. */
  readonly closed: Promise<string>

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      let code = ''
      socket.on('error', (error: NodeJS.ErrnoException) => {
        code = error.code ?? error.message
      })
      socket.on('close', () => resolve(code))
    })
  }

  /** Reads to the end of the stream. */
  async receive(): Promise<Digest> {
    const hash = createHash('sha256')
    let bytes = 0
    this.socket.on('data', (chunk) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    const ended = once(this.socket, 'end')
    const code = await within(Promise.race([ended.then(() => ''), this.closed]), () => `no end of the stream after ${bytes} bytes`)
    if (code !== '') throw new Error(`the connection failed after ${bytes} bytes: ${code}`)
    return { bytes, sha256: hash.digest('hex') }
  }

  /** Waits for some bytes, and takes them. */
  async receiveSome(): Promise<Buffer> {
    const data = once(this.socket, 'data').then(([chunk]) => chunk as Buffer)
    const chunk = await within(Promise.race([data, this.closed]), 'nothing came over the connection')
    if (typeof chunk === 'string') throw new Error(`closed before any data: ${chunk || 'in order'}`)
    return chunk
  }

  /** Sends random bytes, as many as the socket takes at a time. */
  async send(bytes: number): Promise<Digest> {
    const hash = createHash('sha256')
    for (let sent = 0; sent < bytes; ) {
      const chunk = randomFillSync(Buffer.allocUnsafe(Math.min(CHUNK, bytes - sent)))
      hash.update(chunk)
      sent += chunk.length
      if (this.socket.write(chunk)) continue
      const drained = Promise.race([once(this.socket, 'drain').then(() => undefined), this.closed])
      const failed = await within(drained, () => `the connection takes no more than ${sent} bytes`)
      if (failed !== undefined) throw new Error(`the connection closed after ${sent} bytes: ${failed || 'in order'}`)
    }
    return { bytes, sha256: hash.digest('hex') }
  }

  /** Both directions at once, `bytes` to the guest: what it then has to say. */
  async exchange(bytes: number): Promise<Exchanged> {
    const [sent, received] = await Promise.all([this.receive(), this.send(bytes).finally(() => this.end())])
    return { sent, received }
  }

  /** Ends the own direction. */
  end(): void {
    this.socket.end()
  }

  /** SO_LINGER 0 and close: an RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}

export class TcpHost {
  readonly #server: Server
  readonly #arrived: TcpPeer[] = []
  readonly #waiting: ((peer: TcpPeer) => void)[] = []
  readonly #peers = new Set<TcpPeer>()
  /** All connections there ever were. */
  connections = 0

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.#accept(new TcpPeer(socket)))
  }

  /** A server on an ephemeral port of an address of the host. */
  static async start(host = '127.0.0.1', port = 0): Promise<TcpHost> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const tcp = new TcpHost(server)
    server.listen({ host, port, backlog: 1024 })
    await once(server, 'listening')
    return tcp
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The next connection; without a delay, so that a test can be quicker than what it tests. */
  accept(): Promise<TcpPeer> {
    const peer = this.#arrived.shift()
    if (peer !== undefined) return Promise.resolve(peer)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no connection arrived in ${ACCEPT_DEADLINE} ms`)), ACCEPT_DEADLINE)
      this.#waiting.push((arrived) => {
        clearTimeout(timer)
        resolve(arrived)
      })
    })
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const peer of this.#peers) peer.socket.destroy()
    await Promise.all([...this.#peers].map((peer) => peer.closed))
  }

  #accept(peer: TcpPeer): void {
    this.connections += 1
    this.#peers.add(peer)
    void peer.closed.then(() => this.#peers.delete(peer))
    const waiter = this.#waiting.shift()
    if (waiter === undefined) this.#arrived.push(peer)
    else waiter(peer)
  }
}

/** A port of the host's loopback on which nobody listens. */
export async function closedPort(): Promise<number> {
  const host = await TcpHost.start()
  const port = host.port
  await host.close()
  return port
}
