// The long way to read arguments (see arguments.ts): help, and what is wrong as one line of ours.
import { Command, CommanderError, Option } from 'commander'
import type { Arguments, Flags, Syntax } from './arguments.js'
import { print, usageError } from './output.js'

function build(syntax: Syntax): Command {
  const command = new Command(`netloom ${syntax.name}`)
    .description(syntax.description)
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', syntax.more)
    .passThroughOptions(syntax.isCommand)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} })
  if (syntax.operand !== '') command.argument(syntax.operand, syntax.operandHelp)
  for (const { flags, help, conflicts, isList } of syntax.options) {
    const option = new Option(flags, help)
    // A flag by its own name, not the opposite of another.
    option.negate = false
    if (isList === true) option.argParser((value, before: string | undefined) => (before === undefined ? value : `${before},${value}`))
    command.addOption(conflicts === undefined ? option : option.conflicts(conflicts))
  }
  return command
}

/** The option that a name in camel case is of. */
const longOption = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/**
 * Reads a command's arguments; null when they asked for help, which has been printed.
 * @throws NetloomError `ERR_USAGE`, exit status 2.
 */
export function parseAll(syntax: Syntax, args: readonly string[]): Arguments | null {
  const command = build(syntax)
  try {
    // Commander would take the next word for the value of one that may have none.
    const bare = new Set(syntax.options.flatMap(({ flags }) => /^--[\w-]+(?= \[)/.exec(flags) ?? []))
    command.parse(
      args.map((arg) => (bare.has(arg) ? `${arg}=` : arg)),
      { from: 'user' },
    )
    const flags = Object.entries(command.opts<Flags>()).map(([name, value]) => [
      name,
      value === '' && bare.has(longOption(name)) ? true : value,
    ])
    const operands = command.args.map((arg) => (arg.endsWith('=') && bare.has(arg.slice(0, -1)) ? arg.slice(0, -1) : arg))
    return { flags: Object.fromEntries(flags) as Flags, operands }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return null
    const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
    const meant = rest.join(' ').replace(/^\(Did|\)$/g, (found) => (found === ')' ? '' : 'did'))
    const help = `see \`${command.name()} --help\``
    throw usageError(first.replace(/\.$/, '').replace('. ', ': '), meant === '' ? help : `${meant} Or ${help}`)
  }
}
