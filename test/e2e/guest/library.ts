// A program that uses the library: `library.js WHAT`, prints one line of JSON at the end, and has to end by itself then.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { createNetwork, type Network, type Sandbox } from '../../../src/index.js'

/** Above how long setting up takes on a busy machine, and the steps in which it is tried (ms). */
const LONGEST = 60
/** An end that is waited for comes at once or not at all; this only turns a hang into a failure (ms). */
const LIMIT = 20_000

const options = { control: false, warmUp: false } as const

/** proc(5): the state and the parent of each process. */
function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return state !== 'Z' && Number(parent) === process.pid
      } catch {
        return false
      }
    })
    .map(Number)
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

/** What a command prints: when it begins to, and all of it. */
function outputOf({ stdout }: Sandbox): { begun: Promise<void>; all: Promise<string> } {
  let output = ''
  const begun = new Promise<void>((resolve) =>
    stdout!.on('data', (chunk: Buffer) => {
      output += chunk
      resolve()
    }),
  )
  return { begun, all: new Promise((resolve) => stdout!.on('end', () => resolve(output))) }
}

/** How what is pending ends when the network is closed after `delay` ms. */
async function closedAfter(delay: number, begin: (network: Network) => Promise<{ readonly exited?: Promise<unknown> }>, own: number) {
  const network = await createNetwork(options)
  const pending = begin(network).then(
    async ({ exited }) => {
      await exited
      return 'ran'
    },
    (error) => codeOf(error),
  )
  if (delay > 0) await setTimeout(delay)
  await network.close()
  const left = children().length - own
  const outcome = await Promise.race([pending, setTimeout(LIMIT, 'never', { ref: false })])
  return { outcome, left }
}

const PROGRAMS: Record<string, () => Promise<unknown>> = {
  async 'close-run'() {
    const seen: { outcome: string; left: number }[] = []
    for (let delay = 0; delay <= LONGEST; delay++)
      seen.push(await closedAfter(delay, (network) => network.run(['sleep', '300'], { stdio: 'ignore' }), 0))
    return seen
  },
  async 'close-attach'() {
    const target = spawn('unshare', ['--user', '--map-root-user', '--net', 'sh', '-c', 'echo ready; exec sleep 300'])
    await once(target.stdout, 'data')
    const seen: { outcome: string; left: number }[] = []
    for (let delay = 0; delay <= LONGEST; delay++) {
      const attach = async (network: Network) => {
        await network.attach({ pid: target.pid! })
        return {}
      }
      seen.push(await closedAfter(delay, attach, 1))
    }
    target.kill('SIGKILL')
    await once(target, 'exit')
    return seen
  },
  /** Children of the command hold its output open. */
  async everything() {
    const outputs: string[] = []
    for (const end of ['sandbox', 'network', 'kill'] as const) {
      const network = await createNetwork(options)
      const command = 'setsid sleep 300 & sleep 300 & echo ready; exec sleep 300'
      const sandbox = await network.run(['sh', '-c', command], { stdio: 'pipe' })
      const { begun, all } = outputOf(sandbox)
      await begun
      if (end === 'kill') sandbox.kill('SIGKILL')
      if (end === 'sandbox') await sandbox.close()
      if (end === 'network') await network.close()
      const { signal } = await sandbox.exited
      outputs.push(`${end}: ${signal}, ${(await all).trim()}, ${children().length} left, ${sandbox.kill()}`)
      await sandbox.close()
      await network.close()
    }
    return outputs
  },
  /** The command handles the signal; what it has started is not told. */
  async kill() {
    await using network = await createNetwork(options)
    const command = `sh -c 'trap "echo child" TERM; while :; do sleep 0.01; done' & trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.01; done`
    await using sandbox = await network.run(['sh', '-c', command], { stdio: 'pipe' })
    const { begun, all } = outputOf(sandbox)
    await begun
    const wasThere = sandbox.kill()
    const { code } = await sandbox.exited
    return [wasThere, code, await all, sandbox.kill()]
  },
  /** Who connects to a port before there is a sandbox. */
  async 'publish-first'() {
    const network = await createNetwork(options)
    const [one, two] = network.publish({ hostAddress: '127.0.0.1', guestPort: 80 }, { hostAddress: '::1', guestPort: 80 })
    const ends = [one!, two!].map(async ({ hostAddress, hostPort }) => {
      const client = connect(hostPort, hostAddress)
      const ended = new Promise<string>((resolve) => client.on('error', (error) => resolve(codeOf(error))).on('end', () => resolve('end')))
      return Promise.race([ended, setTimeout(LIMIT, 'never', { ref: false })])
    })
    const early = await Promise.all(ends)
    const client = connect(one!.hostPort, '127.0.0.1')
    const answer = text(client)
    await once(client, 'connect')
    const serve = 'import socket; s = socket.create_server(("", 80)); print("up", flush=True); s.accept()[0].sendall(b"served")'
    const sandbox = await network.run(['python3', '-c', serve], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(sandbox.stdout!, 'data')
    const late = connect(one!.hostPort, '127.0.0.1')
    const answers = await Promise.race([Promise.any([answer, text(late)]), setTimeout(LIMIT, 'never', { ref: false })])
    for (const socket of [client, late]) socket.destroy()
    await network.close()
    return { early, answers }
  },
  /** Nothing keeps the program that only publishes. */
  async 'publish-only'() {
    const network = await createNetwork(options)
    network.publish({ hostAddress: '127.0.0.1', guestPort: 80 })
    await network.close()
    await network.close()
    return {}
  },
}

console.log(JSON.stringify({ result: await PROGRAMS[process.argv[2]!]!() }))
