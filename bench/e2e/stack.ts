// The competitors: how each is started against a namespace, when it is ready, and where the guest finds the room's loopback.
// All get the same plan of addresses: guest 10.0.2.100/24, gateway and host 10.0.2.2, on tap0.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository, versionLine } from '../support/machine.js'
import { readText } from '../support/proc.js'
import { type Program, start } from '../support/process.js'
import { roomFolder } from './enclosure.js'
import type { Guest } from './guest.js'

export const HOST_ADDRESS = '10.0.2.2'
const READY_MS = 10_000

export interface Stack {
  readonly name: string
  /** What to print as its version; undefined when it is not installed. */
  version(): string | undefined
  /** Starts it and resolves when it says that it is ready; undefined for none at all (loopback). */
  readonly attach: ((guest: Guest, mtu: number) => Promise<Program>) | undefined
}

async function ready(program: Program, condition: () => boolean): Promise<Program> {
  try {
    await program.until(condition, 'ready', READY_MS)
    return program
  } catch (error) {
    await program.end()
    throw error
  }
}

/** netloom's command line. */
export const netloomEntry = join(repository, 'dist/bin/main.cjs')

const netloom: Stack = {
  name: 'netloom',
  version: () =>
    existsSync(netloomEntry) ? (versionLine(process.execPath, [netloomEntry, '--version']) ?? 'does not answer --version') : undefined,
  attach: (guest, mtu) => {
    const args = [netloomEntry, 'attach', '--mtu', String(mtu), String(guest.pid)]
    const program = start(process.execPath, args, ['ignore', 'pipe', 'pipe'], 'netloom')
    return ready(program, () => program.stdout.includes('netloom: ready: '))
  },
}

const slirp4netns: Stack = {
  name: 'slirp4netns',
  version: () => versionLine('slirp4netns')?.replace('slirp4netns version ', ''),
  attach: (guest, mtu) => {
    const args = ['--configure', `--mtu=${mtu}`, '--ready-fd=3', String(guest.pid), 'tap0']
    const program = start('slirp4netns', args, ['ignore', 'pipe', 'pipe', 'pipe'])
    let isReady = false
    program.stream(3).on('data', () => {
      isReady = true
    })
    return ready(program, () => isReady)
  },
}

let pidFiles = 0

const pasta: Stack = {
  name: 'pasta',
  version: () => {
    const own = versionLine('pasta')
    if (!own?.includes('unknown version')) return own?.replace('pasta ', '')
    // Debian's first packages do not know their own version.
    return versionLine('dpkg-query', ['-W', '-f', '${' + 'Version}', 'passt']) ?? own
  },
  attach: (guest, mtu) => {
    const files = join(roomFolder(), `pasta-${pidFiles++}`)
    const addresses = ['--ipv4-only', '--config-net', '-I', 'tap0', '-a', '10.0.2.100', '-n', '24', '-g', HOST_ADDRESS, '-m', String(mtu)]
    const noForwards = ['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'] // its default looks for open ports all the time
    const args = ['--foreground', '--quiet', '-l', `${files}.log`, '-P', `${files}.pid`, ...addresses, ...noForwards, String(guest.pid)]
    const program = start('pasta', args)
    return ready(program, () => (readText(`${files}.pid`) ?? '') !== '')
  },
}

/** Client and server in one namespace: what the machine can do. */
const loopback: Stack = { name: 'loopback', version: () => 'kernel', attach: undefined }

export const stacks: readonly Stack[] = [netloom, slirp4netns, pasta, loopback]
