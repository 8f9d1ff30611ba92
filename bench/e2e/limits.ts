// What the machine can do without a stack: the limits that are printed beside them.
import { start } from '../support/process.js'
import { Guest } from './guest.js'
import { GUEST_ADDRESS, HOST_ADDRESS, ready, type Stack } from './stack.js'

const COMMAND_MS = 5000
const LIMIT = { connects: true, publishes: false, isLimit: true }

/** Client and server in one namespace. */
export const loopback: Stack = { ...LIMIT, name: 'loopback', publishes: true, version: () => 'kernel', open: undefined }

/** Client and server in a namespace each, joined by a pair of veth devices: what a network made by root costs. */
export const veth: Stack = {
  ...LIMIT,
  name: 'veth',
  version: () => 'kernel',
  open: async ({ mtu }) => {
    const host = await Guest.open()
    let guest: Guest | undefined
    try {
      guest = await Guest.open(host)
      const ip = (place: Guest, ...words: string[]) => place.start('ip', words).finish(COMMAND_MS)
      const device = ['link', 'add', 'veth0', 'mtu', String(mtu), 'type', 'veth']
      await ip(host, ...device, 'peer', 'name', 'tap0', 'mtu', String(mtu), 'netns', String(guest.pid))
      for (const [place, name, address] of [
        [host, 'veth0', HOST_ADDRESS],
        [guest, 'tap0', GUEST_ADDRESS],
      ] as const) {
        await ip(place, 'address', 'add', `${address}/24`, 'dev', name)
        await ip(place, 'link', 'set', name, 'up')
      }
      await ip(host, 'route', 'replace', GUEST_ADDRESS, 'dev', 'veth0', 'congctl', 'cubic')
      return { guest, host }
    } catch (error) {
      await guest?.close()
      await host.close()
      throw error
    }
  },
}

/** The runtime alone, until it has run a line: netloom cannot start sooner. */
export const node: Stack = {
  ...LIMIT,
  name: 'node',
  only: ['startup', 'idle'],
  version: () => process.version.slice(1),
  open: async () => {
    const line = "require('node:fs').writeSync(1, 'ready'); setInterval(() => {}, 2 ** 30)"
    const program = start(process.execPath, ['-e', line])
    await ready(program, () => program.stdout.includes('ready'))
    return { program }
  },
}
