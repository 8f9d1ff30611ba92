// The control socket of one network: HTTP and JSON for programs of the same user. It listens from the start; HTTP and the checks of what is asked
// (control-api.ts) are loaded with the first connection, or before it where descriptors may run out.
//
//     connection -> one request, one answer -> closed            after LIMIT in any case: who is silent, or slow, or does not read, is cut off
//
// Beyond MAX_CLIENTS the oldest connection makes room, so that those who say nothing keep nobody out.
import { chmodSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import { ControlFolder } from './control-folder.js'
import { controlFolder, makeFolder, removeFolder, socketPath } from './control-path.js'
import type { Network } from './types.js'

/** How long a connection may take from its first byte to its last, ms. */
const LIMIT = 10_000
const MAX_CLIENTS = 32
/**
 * Where nobody has come, what answers is loaded after so long, ms, in which this thread had next to nothing to do: it takes 70 ms, in which no
 * packet moves. On a network that is never quiet the first client loads it, with the descriptors that are kept for the process.
 */
const QUIET = 2_000
/** Share of that time in which it may have had something to do. */
const QUIET_UTILIZATION = 0.02
/** Another network that ends may take the empty folder away between our making it and our using it. */
const TRIES = 3

interface ControlOptions {
  /** How long a connection may take, ms. */
  readonly limit?: number
  /** Loads what answers although nobody has come: where there may be no descriptor to load it with when somebody does. Default false. */
  readonly loadsAhead?: boolean
}

export class ControlServer {
  readonly path: string
  readonly #folder: string
  readonly #network: Network
  readonly #limit: number
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  readonly #loadsAhead: boolean
  #loading: NodeJS.Timeout | null = null
  #http: Promise<HttpServer> | null = null

  private constructor(folder: string, name: string, network: Network, { limit = LIMIT, loadsAhead = false }: ControlOptions) {
    this.#folder = folder
    this.path = socketPath(folder, name)
    this.#network = network
    this.#limit = limit
    this.#loadsAhead = loadsAhead
    // What a client has sent waits in its socket until HTTP is there.
    this.#server = createServer(
      { pauseOnConnect: true },
      guard.wrap('a client of the control socket', (socket: Socket) => this.#accept(socket)),
    )
  }

  /**
   * Listens.
   * @throws NetloomError `ERR_NAME_IN_USE` when a network of that name runs, `ERR_CONTROL` when there is no place for the socket.
   */
  static async start(name: string, network: Network, options: ControlOptions = {}): Promise<ControlServer> {
    const folder = controlFolder()
    const control = new ControlServer(folder, name, network, options)
    for (let i = 1; ; i++) {
      makeFolder(folder)
      const checked = ControlFolder.open(folder)
      try {
        await control.#listen()
        return control
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'EADDRINUSE' && checked !== null && i < TRIES) await removeStale(checked, name)
        else if (code !== 'ENOENT' || i === TRIES) throw error instanceof NetloomError ? error : cannot(control.path, String(code))
      } finally {
        checked?.close()
      }
    }
  }

  /** Connections that are open. */
  get clients(): number {
    return this.#clients.size
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.path, () => {
        this.#server.off('error', reject)
        // A connection that cannot be accepted (accept(2), EMFILE) is that client's loss alone.
        this.#server.on('error', () => {})
        this.#server.unref()
        chmodSync(this.path, 0o600)
        if (this.#loadsAhead) this.#loadInQuiet()
        resolve()
      })
    })
  }

  #accept(socket: Socket): void {
    if (this.#clients.size >= MAX_CLIENTS) this.#clients.values().next().value?.destroy()
    this.#clients.add(socket)
    const deadline = setTimeout(() => socket.destroy(), this.#limit)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(deadline)
      this.#clients.delete(socket)
    })
    const begin = guard.wrap('a client of the control socket', (http: HttpServer) => {
      http.emit('connection', socket)
      socket.resume()
    })
    // It could not be loaded, for want of descriptors: the network goes on, and whoever comes later may have more luck.
    this.#load().then(begin, () => socket.destroy())
  }

  // Looks again until there was a quiet moment.
  #loadInQuiet(): void {
    const before = performance.eventLoopUtilization()
    const look = (): void => {
      if (performance.eventLoopUtilization(before).utilization > QUIET_UTILIZATION) this.#loadInQuiet()
      else void this.#load().catch(() => {})
    }
    this.#loading = setTimeout(guard.wrap('loading the control socket', look), QUIET).unref()
  }

  #load(): Promise<HttpServer> {
    if (this.#http !== null) return this.#http
    const loading = import('./control-api.js').then(({ createApi }) => createApi(this.#network))
    this.#http = loading
    loading.catch(() => {
      this.#http = null
    })
    return loading
  }

  /** Listens no longer, cuts off who is connected, and leaves no file. */
  async close(): Promise<void> {
    if (this.#loading !== null) clearTimeout(this.#loading)
    for (const socket of this.#clients) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    removeFolder(this.#folder)
  }
}

/** What a process that was killed has left goes; a network that answers stays. */
async function removeStale(folder: ControlFolder, name: string): Promise<void> {
  const code = await new Promise<string>((resolve) => {
    const socket = connect(folder.socket(name))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.once('connect', () => {
      socket.destroy()
      resolve('')
    })
  })
  if (code === 'ENOENT') return
  if (code !== 'ECONNREFUSED')
    throw new NetloomError('ERR_NAME_IN_USE', `a network with the name '${name}' is running`, 'choose another --name, or end that one')
  folder.remove(name)
}

const cannot = (path: string, code: string): NetloomError =>
  new NetloomError(
    'ERR_CONTROL',
    `the control socket ${path} cannot be made: ${code}`,
    'set XDG_RUNTIME_DIR, or do without: --disable-control',
  )
