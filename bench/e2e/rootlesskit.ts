// RootlessKit with its builtin port driver: what rootless Docker publishes ports with. It makes the guest's namespace itself, with a
// slirp4netns in it, and needs subordinate user IDs, which the keeper of the room gives (enclosure.ts).
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { versionLine } from '../support/machine.js'
import { readText } from '../support/proc.js'
import { start } from '../support/process.js'
import { HAS_SUBORDINATE_IDS, roomFolder } from './enclosure.js'
import { Guest, holderScript } from './guest.js'
import { ready, type Stack } from './stack.js'

let folders = 0

export const rootlesskit: Stack = {
  name: 'rootlesskit',
  connects: false,
  publishes: true,
  isLimit: false,
  version: () =>
    process.env[HAS_SUBORDINATE_IDS] === undefined ? undefined : versionLine('rootlesskit')?.replace('rootlesskit version ', ''),
  open: async ({ mtu, published }) => {
    const state = join(roomFolder(), `rootlesskit-${folders++}`)
    mkdirSync(state)
    const ports = published.flatMap((port) => ['-p', `127.0.0.1:${port}:${port}/tcp`])
    const network = ['--net=slirp4netns', `--mtu=${mtu}`, '--ifname=tap0', '--port-driver=builtin']
    const args = [`--state-dir=${state}`, ...network, ...ports, 'sh', '-c', holderScript()]
    const program = start('rootlesskit', args)
    const pid = () => Number(readText(join(state, 'child_pid')))
    await ready(program, () => program.stdout.includes('open') && pid() > 0) // it writes the file when the child may already run
    return { guest: new Guest(pid()), program }
  },
}
