// `netloom attach`: a network for a namespace that somebody else made. Ends, with status 0, on SIGINT, SIGTERM or SIGHUP and when
// nobody uses the namespace any more.
import type { AttachTarget } from '../app/types.js'
import { refuseDebugger } from '../host/debugger.js'
import { haveUsualEffect } from '../host/signals.js'
import { parse, type Syntax } from './arguments.js'
import { hardening, NETWORK_OPTIONS, networkOptions, publish } from './network-flags.js'
import { print, usageError } from './output.js'
import { reportNetwork, reportTraffic } from './report.js'
import { tierUpSooner } from './tier-up.js'

const SYNTAX: Syntax = {
  name: 'attach',
  description: 'Give a network to the namespace of process PID, or of the file PATH.',
  options: [
    ...NETWORK_OPTIONS,
    { flags: '--userns-path <PATH>', help: 'the user namespace that owns the network namespace PATH, where it cannot be told from that' },
  ],
  operand: '<PID|PATH>',
  operandHelp: 'a process in the network namespace, or the file of one',
  isCommand: false,
  more: `
Prints one line on standard output when the network is up:
  netloom: ready: tap0 10.0.2.100/24 in PID 1234

Examples:
  netloom attach 1234
  netloom attach --userns-path /proc/1234/ns/user /run/user/1000/netns/work
`,
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A number is a PID, anything else a path. */
export function parseTarget(text: string, userns: string | undefined): AttachTarget {
  if (/^-?\d+$/.test(text)) {
    if (userns !== undefined) throw usageError('--userns-path goes with the path of a network namespace, not with a PID', 'leave it out')
    return { pid: Number(text) }
  }
  if (text === '') throw usageError('the path of the network namespace is empty', 'give a PID or a path')
  return userns === undefined ? { netns: text } : { netns: text, userns }
}

export async function main(args: readonly string[]): Promise<number> {
  const parsed = await parse(SYNTAX, args)
  if (parsed === null) return 0
  const { flags, operands } = parsed
  const userns = flags['usernsPath']
  const target = parseTarget(operands[0] ?? '', typeof userns === 'string' ? userns : undefined)
  const options = networkOptions(flags)
  const where = 'pid' in target ? `PID ${target.pid}` : target.netns
  haveUsualEffect('SIGUSR1')
  const stopped = new Promise<null>((resolve) => {
    for (const signal of ENDING) process.once(signal, () => resolve(null))
  })

  const { createNetwork } = await import('../app/network.js')
  const network = await createNetwork(options)
  try {
    publish(network, flags, options.log)
    const attachment = await Promise.race([network.attach(target), stopped])
    if (attachment === null) return 0
    await network.harden(hardening(flags))
    refuseDebugger()
    tierUpSooner()
    const { ifname, addresses } = network
    if (flags['quiet'] !== true) print(`netloom: ready: ${ifname} ${addresses.guest}/${addresses.prefix} in ${where}\n`)
    reportNetwork(options.log, network, where)
    const reason = await Promise.race([attachment.ended, stopped])
    if (reason !== null) options.log.info(`${reason}: done`)
    reportTraffic(options.log, network)
    return 0
  } finally {
    await network.close()
  }
}
