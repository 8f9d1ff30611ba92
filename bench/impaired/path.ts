// The two ways from a sandbox to a server through the same bad link: netloom, whose TCP ends the sandbox's connection, and Linux, whose
// TCP is at both ends and a relay (relay.ts) in between. Congestion control is cubic on every route, as in e2e/.
import { fileURLToPath } from 'node:url'
import { Guest, type Place, room } from '../e2e/guest.js'
import { HOST_ADDRESS, netloomEntry } from '../e2e/stack.js'
import { type Program, start } from '../support/process.js'

const RELAY = fileURLToPath(new URL('relay.js', import.meta.url))
const SERVER_ADDRESS = '10.0.2.101'
const READY_MS = 10_000
const COMMAND_MS = 5000

export interface Path {
  readonly client: Place
  readonly server: Place
  /** Where the server listens, and where the client finds it. */
  readonly bind: string
  readonly address: string
  close(): Promise<void>
}

export const PATHS = { netloom: netloomPath, Linux: linuxPath } as const
export type PathName = keyof typeof PATHS

async function useCubic(guest: Guest, address: string): Promise<void> {
  await guest.start('ip', ['route', 'add', address, 'dev', 'tap0', 'congctl', 'cubic']).finish(COMMAND_MS)
}

async function netloomPath(spec: string): Promise<Path> {
  const guest = await Guest.open()
  const args = [netloomEntry, 'attach', '--impair', spec, String(guest.pid)]
  const stack = start(process.execPath, args, ['ignore', 'pipe', 'pipe'], 'netloom')
  return await joined([guest], stack, async () => {
    await useCubic(guest, HOST_ADDRESS)
    return { client: guest, server: room, bind: '127.0.0.1', address: HOST_ADDRESS }
  })
}

async function linuxPath(spec: string): Promise<Path> {
  const sandbox = await Guest.open()
  const host = await Guest.open()
  const relay = start(process.execPath, [RELAY, spec, String(sandbox.pid), String(host.pid)], ['ignore', 'pipe', 'pipe'], 'relay')
  return await joined([sandbox, host], relay, async () => {
    await useCubic(sandbox, SERVER_ADDRESS)
    await useCubic(host, '10.0.2.100')
    return { client: sandbox, server: host, bind: SERVER_ADDRESS, address: SERVER_ADDRESS }
  })
}

/** Waits for what joins the namespaces, and has it end before them. */
async function joined(guests: readonly Guest[], program: Program, prepare: () => Promise<Omit<Path, 'close'>>): Promise<Path> {
  const close = async (): Promise<void> => {
    await program.end()
    await Promise.all(guests.map((guest) => guest.close()))
  }
  try {
    await program.until(() => program.stdout.includes('ready'), 'ready', READY_MS)
    return { ...(await prepare()), close }
  } catch (error) {
    await close()
    throw error
  }
}
