// slirp4netns, and netloom's program of the same command line: what rootless container engines start and wait for.
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { repository, versionLine } from '../support/machine.js'
import { start } from '../support/process.js'
import { roomFolder } from './enclosure.js'
import { attaching, GUEST_ADDRESS, ready, type Stack } from './stack.js'

/** Once there is traffic the program is netloom's core as `netloom attach` has it: what differs is how it gets there. */
const FOOTPRINT = ['startup', 'idle']
/** What Podman starts it with. */
const HARDENED = ['--enable-sandbox', '--enable-seccomp']

/** One request to the API socket; a connection each. */
function ask(socket: string, request: object): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const connection = createConnection(socket, () => connection.end(JSON.stringify(request)))
    connection.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    connection.on('error', reject)
    connection.on('close', () => {
      if (answer.includes('"return"')) resolve()
      else reject(new Error(`slirp4netns: ${answer}`))
    })
  })
}

let files = 0

function compatible(name: string, command: string, options: readonly string[], limits: Pick<Stack, 'publishes' | 'only'>): Stack {
  return {
    name,
    connects: true,
    isLimit: false,
    ...limits,
    version: () => versionLine(command)?.replace('slirp4netns version ', ''),
    open: attaching(async (guest, { mtu, published }) => {
      const socket = join(roomFolder(), `slirp4netns-${files++}`)
      const api = published.length === 0 ? [] : [`--api-socket=${socket}`]
      const args = ['--configure', `--mtu=${mtu}`, '--ready-fd=3', ...options, ...api, String(guest.pid), 'tap0']
      const program = start(command, args, ['ignore', 'pipe', 'pipe', 'pipe'], name)
      let isReady = false
      program.stream(3).on('data', () => {
        isReady = true
      })
      await ready(program, () => isReady)
      for (const port of published) {
        const rule = { proto: 'tcp', host_addr: '127.0.0.1', host_port: port, guest_addr: GUEST_ADDRESS, guest_port: port }
        await ask(socket, { execute: 'add_hostfwd', arguments: rule })
      }
      return program
    }),
  }
}

const own = join(repository, 'dist/bin/netloom-slirp4netns')

export const slirp4netns = compatible('slirp4netns', 'slirp4netns', [], { publishes: true })
export const slirp4netnsHardened = compatible('slirp4netns-hardened', 'slirp4netns', HARDENED, { publishes: false, only: FOOTPRINT })
export const netloomSlirp4netns = compatible('netloom-slirp4netns', own, [], { publishes: false, only: FOOTPRINT })
export const netloomSlirp4netnsHardened = compatible('netloom-slirp4netns-hardened', own, HARDENED, { publishes: false, only: FOOTPRINT })
