// One stack on one fresh namespace, for one measurement.
import { cpuSeconds, isListening, withDescendants } from '../support/proc.js'
import type { Program } from '../support/process.js'
import { Guest, type Place, room } from './guest.js'
import { HOST_ADDRESS, type Stack } from './stack.js'

const LISTEN_MS = 5000
const COMMAND_MS = 5000
const FIRST_PORT = 2000
const PORTS = 7000 // below the clients' (enclosure.ts)

let ports = 0

export class Session {
  /** Where the load generator runs. */
  readonly client: Place
  /** Where it finds a server that listens on 127.0.0.1 of the room. */
  readonly address: string
  /** From the start of the stack's program until it said that it is ready; 0 for loopback. */
  readonly readyMs: number
  readonly #guest: Guest | undefined
  readonly #stack: Program | undefined
  readonly #servers: Program[] = []

  private constructor(guest: Guest | undefined, stack: Program | undefined, readyMs: number) {
    this.client = guest ?? room
    this.address = guest === undefined ? '127.0.0.1' : HOST_ADDRESS
    this.readyMs = readyMs
    this.#guest = guest
    this.#stack = stack
  }

  static async open(stack: Stack, mtu: number): Promise<Session> {
    if (stack.attach === undefined) return new Session(undefined, undefined, 0)
    const guest = await Guest.open()
    let session: Session | undefined
    try {
      const program = await stack.attach(guest, mtu)
      session = new Session(guest, program, performance.now() - program.startedAt)
      // The guest's half of cubic on both sides; see enclosure.ts for why it is a route.
      await guest.start('ip', ['route', 'add', HOST_ADDRESS, 'dev', 'tap0', 'congctl', 'cubic']).finish(COMMAND_MS)
      return session
    } catch (error) {
      await (session ?? guest).close()
      throw error
    }
  }

  /** The processes of the stack; none for loopback. */
  pids(): number[] {
    return this.#stack === undefined ? [] : withDescendants(this.#stack.pid)
  }

  /** CPU seconds the stack has used so far. */
  cpu(): number {
    return cpuSeconds(this.pids())
  }

  /** Throws when the stack did not survive what was done to it. */
  check(): void {
    if (this.#stack !== undefined && !this.#stack.isRunning) throw this.#stack.failure('ended during the measurement')
  }

  /** Starts a server in the room, on a port that nothing used before, and waits until it listens. */
  async serve(
    command: string,
    args: (port: number) => string[],
    transport: 'tcp' | 'udp' = 'tcp',
  ): Promise<{ port: number; server: Program }> {
    const port = FIRST_PORT + (ports++ % PORTS)
    const server = room.start(command, args(port))
    this.#servers.push(server)
    await server.until(() => isListening(port, transport), 'listening', LISTEN_MS)
    return { port, server }
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end()))
    await this.#stack?.end()
    await this.#guest?.close()
  }
}
