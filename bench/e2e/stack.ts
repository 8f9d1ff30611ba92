// What a competitor is, and netloom and pasta: how each is started against a namespace, when it is ready, and where the guest finds the room's
// loopback. All get the same plan of addresses: guest 10.0.2.100/24, gateway and host 10.0.2.2, on tap0.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository, versionLine } from '../support/machine.js'
import { readText } from '../support/proc.js'
import { type Program, start } from '../support/process.js'
import { roomFolder } from './enclosure.js'
import { Guest } from './guest.js'

export const HOST_ADDRESS = '10.0.2.2'
export const GUEST_ADDRESS = '10.0.2.100'
const READY_MS = 10_000

/** What a stack is asked for. */
export interface Plan {
  readonly mtu: number
  /** Connections to make room for; undefined: its default. */
  readonly flows: number | undefined
  /** Ports of the room's 127.0.0.1, one after the other, that lead to the same ports of the guest. */
  readonly published: readonly number[]
  /** Netloom runs under Node's profiler. */
  readonly profile: boolean
  /** Node tells perf(1) the names of its functions. */
  readonly perf: boolean
}

/** Where profiles are left. */
export const profileFolder = (): string => join(roomFolder(), 'profiles')

export interface Attached {
  /** Where the guest is; nowhere where nothing but the start is measured. */
  readonly guest?: Guest
  /** Where servers run that the guest finds at `HOST_ADDRESS`; left out: in the room, whose loopback that address leads to. */
  readonly host?: Guest
  /** Left out where the kernel does it all. */
  readonly program?: Program
}

export interface Stack {
  readonly name: string
  /** Takes part where the guest is the client; where ports are published. */
  readonly connects: boolean
  readonly publishes: boolean
  /** No competitor: what the machine can do without a stack. */
  readonly isLimit: boolean
  /** The workloads that it takes part in; all when left out. */
  readonly only?: readonly string[]
  /** What to print as its version; undefined when it is not installed, or cannot run here. */
  version(): string | undefined
  /** Starts it and resolves when it says that it is ready; undefined for none at all (loopback). */
  readonly open: ((plan: Plan) => Promise<Attached>) | undefined
}

export async function ready(program: Program, condition: () => boolean): Promise<Program> {
  try {
    await program.until(condition, 'ready', READY_MS)
    return program
  } catch (error) {
    await program.end()
    throw error
  }
}

/** How a stack is opened that is attached to a namespace of ours. */
export function attaching(attach: (guest: Guest, plan: Plan) => Promise<Program>): (plan: Plan) => Promise<Attached> {
  return async (plan) => {
    const guest = await Guest.open()
    try {
      return { guest, program: await attach(guest, plan) }
    } catch (error) {
      await guest.close()
      throw error
    }
  }
}

/** netloom's command line. */
export const netloomEntry = join(repository, 'dist/bin/main.cjs')

/** A range of ports, as netloom and pasta write it. */
const range = (ports: readonly number[]): string => `${ports[0]}-${ports.at(-1)}`

export const netloom = (name: string, driver?: 'tap' | 'direct'): Stack => ({
  name,
  connects: driver === undefined,
  publishes: driver !== undefined,
  isLimit: false,
  version: () =>
    existsSync(netloomEntry) ? (versionLine(process.execPath, [netloomEntry, '--version']) ?? 'does not answer --version') : undefined,
  open: attaching((guest, { mtu, flows, published, profile, perf }) => {
    const args = ['attach', '--mtu', String(mtu)]
    if (profile) args.push('--no-sandbox') // the profile is a file that netloom itself writes
    if (flows !== undefined) args.push('--max-flows', String(flows))
    if (driver !== undefined) args.push('--publish-driver', driver, '-p', `127.0.0.1:${range(published)}:${range(published)}`)
    const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder()}`] : perf ? ['--perf-basic-prof'] : []
    const program = start(process.execPath, [...profiling, netloomEntry, ...args, String(guest.pid)], ['ignore', 'pipe', 'pipe'], 'netloom')
    return ready(program, () => program.stdout.includes('netloom: ready: '))
  }),
})

let files = 0

export const pasta: Stack = {
  name: 'pasta',
  connects: true,
  publishes: true,
  isLimit: false,
  version: () => {
    const own = versionLine('pasta')
    if (!own?.includes('unknown version')) return own?.replace('pasta ', '')
    // Debian's first packages do not know their own version.
    return versionLine('dpkg-query', ['-W', '-f', '${' + 'Version}', 'passt']) ?? own
  },
  open: attaching((guest, { mtu, published }) => {
    const name = join(roomFolder(), `pasta-${files++}`)
    const addresses = ['--ipv4-only', '--config-net', '-I', 'tap0', '-a', GUEST_ADDRESS, '-n', '24', '-g', HOST_ADDRESS, '-m', String(mtu)]
    // Its default, auto, looks for open ports all the time.
    const ports = ['-t', published.length === 0 ? 'none' : `127.0.0.1/${range(published)}`, '-u', 'none', '-T', 'none', '-U', 'none']
    const args = ['--foreground', '--quiet', '-l', `${name}.log`, '-P', `${name}.pid`, ...addresses, ...ports, String(guest.pid)]
    const program = start('pasta', args)
    return ready(program, () => (readText(`${name}.pid`) ?? '') !== '')
  }),
}
