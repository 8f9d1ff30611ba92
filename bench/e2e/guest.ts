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

/** What makes a namespace ready for a stack, and holds it open: a script for sh. */
export function holderScript(): string {
  const values = { ip_local_port_range: LOCAL_PORTS, tcp_rmem: roomValue('tcp_rmem'), tcp_wmem: roomValue('tcp_wmem') }
  const set = Object.entries(values).map(([name, value]) => `echo '${value}' > ${SYSCTLS}/${name}`)
  return ['ip link set lo up', ...set, 'echo open', 'exec sleep 7200'].join(' && ')
}

/** A user and network namespace, held open by a process. */
export class Guest implements Place {
  readonly pid: number
  readonly #holder: Program | undefined

  /** Without a holder somebody else ends it. */
  constructor(pid: number, holder?: Program) {
    this.pid = pid
    this.#holder = holder
  }

  /** A new one; beside another one, in the same user namespace, it can be joined to that one by a pair of devices. */
  static async open(beside?: Guest): Promise<Guest> {
    const script = ['sh', '-c', holderScript()]
    const enter = ['--target', String(beside?.pid), '--user', '--net', '--preserve-credentials']
    const holder =
      beside === undefined
        ? start('unshare', ['--user', '--map-root-user', '--net', ...script])
        : start('nsenter', [...enter, 'unshare', '--net', ...script])
    await holder.until(() => holder.stdout.includes('open'), 'open', START_MS)
    return new Guest(holder.pid, holder)
  }

  start(command: string, args: readonly string[]): Program {
    const enter = ['--target', String(this.pid), '--user', '--net', '--preserve-credentials', command, ...args]
    return start('nsenter', enter, ['ignore', 'pipe', 'pipe'], `${command} in the guest`)
  }

  async close(): Promise<void> {
    await this.#holder?.end()
  }
}
