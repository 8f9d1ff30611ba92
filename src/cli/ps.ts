// `netloom ps`: the networks of this user that run.
import { ask, runningNetworks } from '../app/control-client.js'
import * as schema from '../app/control-schema.js'
import { parse, type Syntax } from './arguments.js'
import { print } from './output.js'
import { formatTable } from './table.js'

const SYNTAX: Syntax = {
  name: 'ps',
  description: 'List the networks of this user that run.',
  options: [{ flags: '--json', help: 'print JSON in place of text' }],
  operand: '',
  operandHelp: '',
  isCommand: false,
  more: '',
}

export async function main(args: readonly string[]): Promise<number> {
  const parsed = await parse(SYNTAX, args)
  if (parsed === null) return 0
  const names = await runningNetworks()
  const answers = await Promise.allSettled(names.map((name) => ask(name, schema.network, 'GET', '/v1/network')))
  // One that has ended since is none that runs.
  const networks = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (parsed.flags['json'] === true) {
    print(`${JSON.stringify({ networks }, null, 2)}\n`)
    return 0
  }
  const rows = networks.map(({ name, pid, addresses, ifname, counters }) => [
    ...[name, String(pid), `${addresses.guest}/${addresses.prefix}`, ifname, String(counters['flowsOpen'])],
  ])
  for (const line of formatTable([['name', 'pid', 'sandbox', 'interface', 'flows'], ...rows], (column) => column === 1 || column === 4))
    print(`${line}\n`)
  return 0
}
