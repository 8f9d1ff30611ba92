// `netloom`: finds out which command is meant and loads only that one, since what is loaded before a sandbox starts is waited for.
import { packageVersion } from '../util/package-root.js'
import { suggest } from '../util/suggest.js'
import { HELP } from './help.js'
import { exit, fail, print, usageError } from './output.js'

/** A command: takes its arguments, returns the exit status. */
interface Command {
  main(args: readonly string[]): Promise<number>
}

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: () => import('./run.js'),
  attach: () => import('./attach.js'),
  publish: () => import('./publish.js'),
  'oci-hook': () => import('./oci-hook.js'),
  ps: () => import('./ps.js'),
  demo: () => import('./demo.js'),
  bench: () => import('./bench.js'),
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load !== undefined) return (await load()).main(rest)
  if (name === '--version' || name === '-V') {
    print(`${packageVersion()}\n`)
    return 0
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    print(HELP)
    return 0
  }
  if (name === undefined) throw usageError('no command is given', 'try `netloom run -- COMMAND`, or see `netloom --help`')
  const meant = suggest(name, Object.keys(COMMANDS))
  const kind = name.startsWith('-') ? 'option' : 'command'
  throw usageError(
    `'${name}' is no ${kind} of netloom`,
    meant === null ? 'see `netloom --help`' : `did you mean ${meant}? See \`netloom --help\``,
  )
}

// What is still open (a command's pipes, a server of the tour's) must not keep us. No await here: a CommonJS bundle has none at its top.
void main(process.argv.slice(2)).catch(fail).then(exit)
