// One stack on one fresh namespace, for one measurement.
import { cpuSeconds, isListening, withDescendants } from '../support/proc.js'
import type { Program } from '../support/process.js'
import { type Guest, type Place, room } from './guest.js'
import { type Attached, GUEST_ADDRESS, HOST_ADDRESS, type Stack } from './stack.js'
import type { Workload } from './workload.js'

const LISTEN_MS = 5000
const COMMAND_MS = 5000
const FIRST_PORT = 2000
const PORTS = 7000 // below the clients' (enclosure.ts)
/** Servers that one measurement can have behind published ports. */
const PUBLISHED = 8

let ports = 0
const nextPort = (): number => FIRST_PORT + (ports++ % PORTS)

/** The ports of one session lie side by side. */
function portsToPublish(): number[] {
  if ((ports % PORTS) + PUBLISHED > PORTS) ports = 0
  return Array.from({ length: PUBLISHED }, nextPort)
}

/** What a session has to know of its workload. */
export type Setting = Pick<Workload, 'mtu' | 'isForward' | 'flows'> & { readonly profile?: boolean; readonly perf?: boolean }

export class Session {
  /** Where the load generator runs. */
  readonly client: Place
  /** Where it finds what `serve` has started. */
  readonly address: string
  /** From the start of the stack's program until it said that it is ready; 0 for loopback. */
  readonly readyMs: number
  readonly #guest: Guest | undefined
  readonly #namespaces: readonly (Guest | undefined)[]
  readonly #stack: Program | undefined
  /** Where servers run, and whose ports are free. */
  readonly #host: Place
  readonly #hostPid: number | 'self'
  /** Published, and not in use yet; undefined where servers are in the room. */
  readonly #published: number[] | undefined
  readonly #programs: Program[] = []

  private constructor(attached: Attached | undefined, published: number[] | undefined) {
    const guest = attached?.guest
    const isServerInGuest = guest !== undefined && published !== undefined
    this.client = isServerInGuest ? room : (guest ?? room)
    this.address = guest === undefined || isServerInGuest ? '127.0.0.1' : HOST_ADDRESS
    this.readyMs = attached?.program === undefined ? 0 : performance.now() - attached.program.startedAt
    this.#namespaces = [attached?.guest, attached?.host]
    this.#guest = guest
    this.#stack = attached?.program
    const server = isServerInGuest ? guest : attached?.host
    this.#host = server ?? room
    this.#hostPid = server?.pid ?? 'self'
    this.#published = isServerInGuest ? published : undefined
  }

  static async open(stack: Stack, { mtu, isForward, flows, profile = false, perf = false }: Setting): Promise<Session> {
    if (stack.open === undefined) return new Session(undefined, undefined)
    const published = isForward ? portsToPublish() : []
    const session = new Session(await stack.open({ mtu, flows, published, profile, perf }), isForward ? published : undefined)
    try {
      await session.#setCubic()
      for (const port of published) await session.#stack?.until(() => isListening(port, 'tcp'), 'listening', LISTEN_MS)
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }

  /** The guest's half of cubic on both sides; see enclosure.ts for why it is a route. Published ports may lead to its own loopback. */
  async #setCubic(): Promise<void> {
    const route = (...words: string[]) => this.#guest?.start('ip', ['route', ...words, 'congctl', 'cubic']).finish(COMMAND_MS)
    await route('replace', HOST_ADDRESS, 'dev', 'tap0')
    if (this.#published === undefined) return
    const local = ['table', 'local']
    for (const net of ['127.0.0.0/8', '127.0.0.1']) await route('replace', 'local', net, 'dev', 'lo', 'src', '127.0.0.1', ...local)
    await route('replace', 'local', GUEST_ADDRESS, 'dev', 'tap0', 'src', GUEST_ADDRESS, ...local)
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

  /** Starts a server at the other end of the stack, on a port that nothing used before, and waits until it listens. */
  async serve(
    command: string,
    args: (address: string, port: number) => string[],
    transport: 'tcp' | 'udp' = 'tcp',
  ): Promise<{ port: number; server: Program }> {
    const port = this.#published === undefined ? nextPort() : this.#published.shift()
    if (port === undefined) throw new Error(`more than ${PUBLISHED} servers in one session`)
    // Stacks differ in which address of the guest's a published port leads to.
    const server = this.#host.start(command, args(this.#host === room ? '127.0.0.1' : '0.0.0.0', port))
    this.#programs.push(server)
    await server.until(() => isListening(port, transport, this.#hostPid), 'listening', LISTEN_MS)
    return { port, server }
  }

  /** Starts a client that the session ends when it closes. */
  keep(command: string, args: readonly string[]): Program {
    const program = this.client.start(command, args)
    this.#programs.push(program)
    return program
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.end()))
    await this.#stack?.end()
    for (const namespace of this.#namespaces) await namespace?.close()
  }
}
