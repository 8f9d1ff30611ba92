// `netloom publish add|rm|ls`: the published ports of a network that runs, over its control socket.
import { ask, chooseNetwork } from '../app/control-client.js'
import * as schema from '../app/control-schema.js'
import { checkDriver, type PublishOptions, parsePublish, parsePublished } from '../app/publish-spec.js'
import { type Flags, type OptionRow, parse, type Syntax } from './arguments.js'
import { print, usageError } from './output.js'
import { ruleText } from './rule-text.js'
import { formatTable } from './table.js'
import { formatBytes } from './units.js'

const NETWORK: OptionRow = { flags: '--network <NAME>', help: 'which network; it can be left out where only one runs' }
const JSON_OUTPUT: OptionRow = { flags: '--json', help: 'print JSON in place of text' }
const LIST = '/v1/publications'
/** Ids in one request: their path has to fit a request's head. */
const IDS_AT_A_TIME = 500

const ADD: Syntax = {
  name: 'publish add',
  description: 'Publish ports of a network that runs, all or none.',
  options: [NETWORK, { flags: '--driver <DRIVER>', help: 'tap, direct or auto, in place of the network’s' }, JSON_OUTPUT],
  operand: '<SPEC...>',
  operandHelp: '[HOSTADDR:]HOSTPORT[-END]:GUESTPORT[-END][/tcp|tcp4|tcp6], as with `run -p`',
  isCommand: false,
  more: '\nExample:\n  netloom publish add 127.0.0.1:8080:80 8000-8009:9000-9009\n',
}

const REMOVE: Syntax = {
  name: 'publish rm',
  description: 'Take published ports back.',
  options: [NETWORK, { flags: '--close', help: 'reset their connections, which else go on' }, JSON_OUTPUT],
  operand: '<ID|SPEC...>',
  operandHelp: 'the number that `ls` shows, or what was given to `add`',
  isCommand: false,
  more: '\nExamples:\n  netloom publish rm 3\n  netloom publish rm --close 127.0.0.1:8080:80\n',
}

const SHOW: Syntax = {
  name: 'publish ls',
  description: 'List published ports and what went through them.',
  options: [NETWORK, JSON_OUTPUT],
  operand: '',
  operandHelp: '',
  isCommand: false,
  more: '',
}

type PublicationDescription = schema.PublicationDescription

const HELP = `Usage: netloom publish add|rm|ls [OPTION...] [SPEC...]

The published ports of a network that runs.

  add SPEC...     publish ports, all or none
  rm ID|SPEC...   take them back
  ls              list them, and what went through them

  netloom publish add --help explains one
`

export async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args
  if (verb === 'add') return add(rest)
  if (verb === 'rm') return remove(rest)
  if (verb === 'ls') return list(rest)
  if (verb === '--help' || verb === '-h') {
    print(HELP)
    return 0
  }
  const what = verb === undefined ? 'it is not said what to do' : `'${verb}' is nothing that can be done with published ports`
  throw usageError(what, 'use `netloom publish add`, `rm` or `ls`')
}

const nameOf = (flags: Flags): Promise<string> => chooseNetwork(typeof flags['network'] === 'string' ? flags['network'] : undefined)

async function add(args: readonly string[]): Promise<number> {
  const parsed = await parse(ADD, args)
  if (parsed === null) return 0
  const { flags, operands } = parsed
  if (operands.length === 0) throw usageError('no port to publish is given', 'write one as in 127.0.0.1:8080:80')
  const driver = typeof flags['driver'] === 'string' ? { driver: checkDriver(flags['driver']) } : {}
  const ports = operands.flatMap((text) => parsePublish(text)).map((port) => ({ ...port, ...driver }))
  const answer = await ask(await nameOf(flags), schema.publications, 'POST', LIST, { ports })
  if (flags['json'] === true) printJson(answer)
  else for (const publication of answer.publications) print(`${publication.id}  ${ruleText(publication)}\n`)
  return 0
}

async function remove(args: readonly string[]): Promise<number> {
  const parsed = await parse(REMOVE, args)
  if (parsed === null) return 0
  const { flags, operands } = parsed
  if (operands.length === 0) throw usageError('no published port is given', 'give its number, which `netloom publish ls` shows')
  const name = await nameOf(flags)
  const ids = await idsOf(name, operands)
  const close = flags['close'] === true
  const gone: PublicationDescription[] = []
  for (let i = 0; i < ids.length; i += IDS_AT_A_TIME) {
    const some = ids.slice(i, i + IDS_AT_A_TIME).join(',')
    gone.push(...(await ask(name, schema.publications, 'DELETE', `${LIST}/${some}?close=${close}`)).publications)
  }
  if (flags['json'] === true) printJson({ publications: gone })
  return 0
}

/** The numbers that words stand for: numbers themselves, or what was published. */
async function idsOf(name: string, words: readonly string[]): Promise<number[]> {
  const isId = (word: string) => /^\d+$/.test(word)
  if (words.every(isId)) return words.map(Number)
  const { publications } = await ask(name, schema.publications, 'GET', LIST)
  return words.flatMap((word) => {
    if (isId(word)) return [Number(word)]
    const wanted = parsePublished(word)
    const found = publications.filter((publication) => wanted.some((one) => isSame(one, publication)))
    if (found.length === 0) throw usageError(`${word} is not published`, 'see `netloom publish ls`')
    return found.map(({ id }) => id)
  })
}

const isSame = (wanted: PublishOptions, publication: PublicationDescription): boolean =>
  (wanted.protocol ?? 'tcp') === publication.protocol &&
  (wanted.hostAddress === undefined || (publication.hostInterface === null && wanted.hostAddress === publication.hostAddress)) &&
  (wanted.hostInterface === undefined || wanted.hostInterface === publication.hostInterface) &&
  (wanted.hostPort === 0 || wanted.hostPort === publication.hostPort) &&
  wanted.guestPort === publication.guestPort

async function list(args: readonly string[]): Promise<number> {
  const parsed = await parse(SHOW, args)
  if (parsed === null) return 0
  const answer = await ask(await nameOf(parsed.flags), schema.publications, 'GET', LIST)
  if (parsed.flags['json'] === true) printJson(answer)
  else for (const line of formatPublications(answer.publications)) print(`${line}\n`)
  return 0
}

const printJson = (value: object): void => print(`${JSON.stringify(value, null, 2)}\n`)

const HEAD = ['id', 'conns', 'current', 'refused', 'pkts to', 'bytes to', 'pkts from', 'bytes from', 'driver', 'rule']

/** Publications as a table, one line each, with a head; `to` and `from` the sandbox. */
function formatPublications(publications: readonly PublicationDescription[]): string[] {
  const rows = publications.map((publication) => {
    const { connections, current, refused, packetsIn, packetsOut, bytesIn, bytesOut } = publication.counters
    const counts = [publication.id, connections, current, refused, packetsOut, formatBytes(bytesOut), packetsIn, formatBytes(bytesIn)]
    const rule = publication.isAutomatic ? `${ruleText(publication)} (by itself)` : ruleText(publication)
    return [...counts.map(String), publication.driver, rule]
  })
  return formatTable([HEAD, ...rows], (column) => column < HEAD.length - 2)
}
