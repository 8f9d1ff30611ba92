// `netloom oci-hook`: a network for a container of any OCI runtime (OCI runtime-spec, config.md, POSIX-platform Hooks).
//
//   createRuntime  starts `netloom attach` for the container's first process, in a session of its own, and returns when the network is
//                  up; it ends when nobody uses the namespace any more. If it cannot be had, the container is not created.
//   poststart      the same, for a runtime that hides that process until it executes the command: crun without privileges (PR_SET_DUMPABLE),
//                  which /proc then shows to nobody without CAP_SYS_PTRACE in the user namespace that crun was started in
//   poststop       ends it, should it still be there, and returns when it is gone
//
// The state on standard input tells what is meant, so all are the same command.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { NetworkProcess } from '../app/control-peer.js'
import { identifyNamespace } from '../host/network-namespace.js'
import { NetloomError } from '../util/errors.js'
import { PROGRAM } from '../util/package-root.js'
import { parse, type Syntax } from './arguments.js'
import { NETWORK_OPTIONS } from './network-flags.js'
import { type OciState, readState } from './oci-state.js'
import { createLog } from './output.js'

/** The hook gives the name, waits for the ready line, and has nobody to be told more later. */
const OWN = /--(name|disable-control|verbose|quiet)\b/

const SYNTAX: Syntax = {
  name: 'oci-hook',
  description: 'As a hook of an OCI runtime (crun, runc): give the container a network.',
  options: NETWORK_OPTIONS.filter(({ flags }) => !OWN.test(flags)),
  operand: '',
  operandHelp: '',
  isCommand: false,
  more: `
Reads the container's state on standard input. Its annotation netloom.publish leads ports into it, as with --publish: "8080:80, 53:53/udp".

In the bundle's config.json (with crun, started without privileges, "poststart" in place of "createRuntime"):
  "hooks": {
    "createRuntime": [{ "path": "/usr/local/bin/netloom", "args": ["netloom", "oci-hook"], "env": ["PATH=/usr/bin:/bin"] }],
    "poststop":      [{ "path": "/usr/local/bin/netloom", "args": ["netloom", "oci-hook"], "env": ["PATH=/usr/bin:/bin"] }]
  }
`,
}

/** How long a network may take to end in order, ms; then it is killed. */
const PATIENCE = 5_000
const INTERVAL = 10
const STANDARD_INPUT = 0
/** Of every line of ours: output.ts. */
const PREFIX = 'netloom: '

export async function main(args: readonly string[]): Promise<number> {
  const parsed = await parse(SYNTAX, args)
  if (parsed === null) return 0
  const state = readState(readFileSync(STANDARD_INPUT, 'utf8'))
  await (state.hasStopped ? end(state.network) : begin(state, args))
  return 0
}

async function begin({ pid, network, publish }: OciState, options: readonly string[]): Promise<void> {
  const namespace = identifyNamespace(`/proc/${pid}/ns/net`)
  if (namespace === '' && existsSync(`/proc/${pid}`))
    throw new NetloomError('ERR_TARGET', `PID ${pid} cannot be looked at before it executes the command`, 'run this as a poststart hook')
  if (namespace === identifyNamespace('/proc/self/ns/net'))
    throw new NetloomError('ERR_TARGET', 'the container has the network of the host', 'give it a namespace of the type "network"')
  const published = publish === '' ? [] : [`--publish=${publish}`]
  const args = ['attach', ...options, ...published, `--name=${network}`, '--', String(pid)]
  // Not in the bundle's folder, which may be removed while we run.
  const child = spawn(PROGRAM, args, { detached: true, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
  const said = text(child.stderr)
  if (await isReady(child)) {
    child.unref()
    return
  }
  throw new NetloomError('ERR_ATTACH', reason(await said))
}

/** Waits for the line on standard output, or for the end. */
async function isReady(child: ChildProcess): Promise<boolean> {
  const failed = once(child, 'close').then(() => false)
  return Promise.race([once(child.stdout!, 'data').then(() => true), failed])
}

/** Why it ended: the last line that is about it. */
function reason(said: string): string {
  const lines = said.split('\n').filter((line) => line.startsWith(PREFIX))
  return lines.at(-1)?.slice(PREFIX.length) ?? 'netloom attach has ended'
}

/** A network whose namespace is gone ends by itself, and may be doing so. */
async function end(name: string): Promise<void> {
  let told: NetworkProcess | null = null
  for (let left = PATIENCE; ; left -= INTERVAL) {
    const found = await processOf(name)
    if (found === 'gone') break
    if (told === null) found?.signal('SIGTERM')
    else found?.close()
    told ??= found
    if (left <= 0) {
      createLog('normal').warn(`the network ${name} did not end in ${PATIENCE} ms, and is killed`)
      told?.signal('SIGKILL')
      break
    }
    await setTimeout(INTERVAL)
  }
  told?.close()
}

/** The process of a network; null when it does not answer, as it may be about to end. */
async function processOf(name: string): Promise<NetworkProcess | 'gone' | null> {
  const client = await import('../app/control-client.js')
  try {
    return await client.processOf(name)
  } catch (error) {
    if (error instanceof NetloomError && error.code === 'ERR_NO_NETWORK') return 'gone'
    throw error
  }
}
