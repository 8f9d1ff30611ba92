// The places a load generator runs in: a fresh namespace that a stack is attached to, or the room itself.
import { type Program, start } from '../support/process.js'
import { LOCAL_PORTS } from './enclosure.js'

const START_MS = 5000

export interface Place {
  start(command: string, args: readonly string[]): Program
}

/** The room: where servers run, and the client of plain loopback. */
export const room: Place = { start: (command, args) => start(command, args) }

/** A new user and network namespace, held open by a sleeping process. */
export class Guest implements Place {
  readonly #holder: Program

  private constructor(holder: Program) {
    this.#holder = holder
  }

  static async open(): Promise<Guest> {
    const script = `ip link set lo up && echo ${LOCAL_PORTS} > /proc/sys/net/ipv4/ip_local_port_range && echo open && exec sleep 7200`
    const holder = start('unshare', ['--user', '--map-root-user', '--net', 'sh', '-c', script])
    await holder.until(() => holder.stdout.includes('open'), 'open', START_MS)
    return new Guest(holder)
  }

  get pid(): number {
    return this.#holder.pid
  }

  start(command: string, args: readonly string[]): Program {
    const enter = ['--target', String(this.pid), '--user', '--net', '--preserve-credentials', command, ...args]
    return start('nsenter', enter, ['ignore', 'pipe', 'pipe'], `${command} in the guest`)
  }

  close(): Promise<void> {
    return this.#holder.end()
  }
}
