/*
 * Plays Node's part towards the launcher: starts it with one end of a channel, takes its messages, says go.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { LAUNCHER_PATH } from '../../../src/host/native.js'
import { type Bench, EPOLLIN } from './native-bench.js'

/** Where messages are put in the arena. */
const AT = 1024

export interface Message {
  /** '' at the end of the channel. */
  readonly text: string
  /** The descriptor that came along, -1 for none. */
  readonly descriptor: number
}

export interface Launch {
  readonly child: ChildProcess
  /** Sockets of the namespace that have come; they are closed with the test. */
  readonly seeds: readonly Message[]
  /** The next message that is about something else. */
  message(): Promise<Message>
  /** Takes the TAP and starts the command; resolves with the TAP's descriptor. */
  go(): Promise<number>
  /** Sends a message. */
  say(text: string): void
  /** Closes our end. */
  hangUp(): void
  /** The status, or the name of the signal, and all output. */
  ended(): Promise<{ status: number | string; output: string }>
}

const INTERFACE = { ifname: 'tap0', mtu: '1500', address: '10.0.2.100', prefix: '24', gateway: '10.0.2.2' }

/** `descriptors` go to the child as 4 and on; the channel is 3. */
export function launch(
  bench: Bench,
  mode: 'run' | 'attach',
  options: Readonly<Record<string, string>>,
  command: readonly string[] = [],
  descriptors: readonly number[] = [],
): Launch {
  const { native, words } = bench
  assert.equal(native.socketPair(), 0)
  const [ours, theirs] = [words[0]!, words[1]!]
  const listed = Object.entries({ socket: '3', ...INTERFACE, ...options }).map(([name, value]) => `--${name}=${value}`)
  const args = [mode, ...listed, ...(command.length > 0 ? ['--', ...command] : [])]
  const child = spawn(LAUNCHER_PATH, args, { stdio: ['ignore', 'pipe', 'pipe', theirs, ...descriptors] })
  native.closeDescriptor(theirs)
  bench.after(() => {
    child.kill('SIGKILL')
  })
  const seeds: Message[] = []
  bench.after(() => {
    for (const { descriptor } of seeds) native.closeDescriptor(descriptor)
  })
  let output = ''
  let isOpen = true
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>

  async function message(): Promise<Message> {
    await bench.ready(ours, EPOLLIN)
    const length = native.receiveMessage(ours, AT, 100)
    const text = length > 0 ? bench.text(AT, length) : ''
    const descriptor = words[0]!
    if (!text.startsWith('socket ')) return { text, descriptor }
    seeds.push({ text, descriptor })
    return message()
  }

  function hangUp(): void {
    if (isOpen) native.closeDescriptor(ours)
    isOpen = false
  }

  return {
    child,
    seeds,
    message,
    hangUp,
    say: (text) => assert.equal(native.sendMessage(ours, AT, bench.put(AT, text), -1), text.length),
    go: async () => {
      const { text, descriptor } = await message()
      assert.match(text, /^tap vnet=1 csum=1 tso=[01] uso=[01]$/)
      assert.ok(descriptor >= 0)
      assert.equal(native.sendMessage(ours, AT, bench.put(AT, 'go'), -1), 2)
      return descriptor
    },
    ended: async () => {
      const [status, signal] = await closed
      hangUp()
      return { status: status ?? signal!, output }
    },
  }
}
