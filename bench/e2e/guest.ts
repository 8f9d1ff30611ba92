// The places a load generator runs in: a fresh namespace that a stack is attached to, or the room itself.

import { readText } from '../support/proc.js'
import { type Program, start } from '../support/process.js'
import { LOCAL_PORTS } from './enclosure.js'

const START_MS = 5000
const SYSCTLS = '/proc/sys/net/ipv4'

export interface Place {
  start(command: string, args: readonly string[]): Program
}

/** The room: where servers run, and the client of plain loopback. */
export const room: Place = { start: (command, args) => start(command, args) }

/** A new namespace starts with the machine's buffers; it gets the room's (--buffers). */
function roomValue(name: string): string {
  return readText(`${SYSCTLS}/${name}`) ?? ''
}

/** A new user and network namespace, held open by a sleeping process. */
export class Guest implements Place {
  readonly #holder: Program

  private constructor(holder: Program) {
    this.#holder = holder
  }

  static async open(): Promise<Guest> {
    const values = { ip_local_port_range: LOCAL_PORTS, tcp_rmem: roomValue('tcp_rmem'), tcp_wmem: roomValue('tcp_wmem') }
    const set = Object.entries(values).map(([name, value]) => `echo '${value}' > ${SYSCTLS}/${name}`)
    const script = ['ip link set lo up', ...set, 'echo open', 'exec sleep 7200'].join(' && ')
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
