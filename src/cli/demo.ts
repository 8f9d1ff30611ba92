// `netloom demo`: a tour that checks itself. A sandbox is started by way of the library, and a program in it uses the network as any
// program would; each step says what happened. No internet, no extra package, no privilege. Status 0 only if all of it worked.
//
//   this process: the stack      a child: servers on 127.0.0.1      the sandbox: demo/guest.ts, which is asked for one step at a time
import type { Network } from '../app/types.js'
import { parse, type Syntax } from './arguments.js'
import { GuestAgent, guestCommand, HostServer } from './demo/agent.js'
import { STEPS, type Tour } from './demo/steps.js'
import { createLog, print } from './output.js'
import { describeFeatures } from './report.js'
import { formatDuration } from './units.js'

const SYNTAX: Syntax = {
  name: 'demo',
  description: 'A tour of at most 10 s that checks itself: needs no internet, no privilege and no extra package.',
  options: [],
  operand: '',
  operandHelp: '',
  isCommand: false,
  more: '',
}

/** The whole tour may take this long (ms). */
const LIMIT = 10_000
const NAME_WIDTH = 12

const say = (mark: string, name: string, lines: readonly string[]): void => {
  const [first = '', ...rest] = lines
  print(`${mark} ${name.padEnd(NAME_WIDTH)}${first}\n${rest.map((line) => `${' '.repeat(NAME_WIDTH + 2)}${line}\n`).join('')}`)
}

/** Runs one step within the time that is left; true when it worked. */
async function attempt(name: string, deadline: number, run: () => Promise<readonly string[]>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`not finished within the tour's ${LIMIT / 1000} s`)
    timer = setTimeout(() => reject(error), Math.max(0, deadline - performance.now()))
  })
  try {
    say('✓', name, await Promise.race([run(), late]))
    return true
  } catch (error) {
    if (!(error instanceof Error)) throw error
    say('✗', name, [error.message])
    return false
  } finally {
    clearTimeout(timer)
  }
}

async function startSandbox(network: Network): Promise<GuestAgent> {
  const { stdin, stdout } = await network.run(guestCommand(), { stdio: ['pipe', 'pipe', 'inherit'] })
  if (stdin === null || stdout === null) throw new Error('the sandbox has no standard streams')
  return new GuestAgent(stdin, stdout)
}

async function tour(network: Network, server: HostServer, start: number): Promise<boolean> {
  const deadline = start + LIMIT
  let tour: Tour | null = null
  const isUp = await attempt('Network', deadline, async () => {
    const guest = await startSandbox(network)
    const took = formatDuration(performance.now() - start)
    tour = { network, guest, ports: await server.ports }
    const { guest: address, prefix, gateway, dns } = network.addresses
    return [
      `a sandbox has ${network.ifname} with ${address}/${prefix}, gateway ${gateway}, DNS ${dns}, after ${took}`,
      `from the kernel: ${describeFeatures(network)}`,
    ]
  })
  if (!isUp || tour === null) return false
  let worked = true
  for (const step of STEPS) worked = (await attempt(step.name, deadline, () => step.run(tour!))) && worked
  return worked
}

export async function main(args: readonly string[]): Promise<number> {
  if ((await parse(SYNTAX, args)) === null) return 0
  const start = performance.now()
  const { createNetwork } = await import('../app/network.js')
  const network = await createNetwork({ log: createLog('normal') })
  const server = new HostServer()
  try {
    const worked = await tour(network, server, start)
    const took = formatDuration(performance.now() - start)
    print(worked ? `All of it worked, in ${took}.\n` : `Not all of it worked.\n`)
    return worked ? 0 : 1
  } finally {
    await server.close()
    await network.close()
  }
}
