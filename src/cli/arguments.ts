// The arguments of a command. commander reads them, prints the help and tells what is wrong, but loading it takes longer than
// making a sandbox (13 ms of 50), so arguments that are plainly right are read here; at the first doubt commander has its say.

/** One option, as commander writes it: `-q, --quiet`, `--mtu <BYTES>`, or `--publish-auto [RANGE]`, whose value stands behind `=` or nowhere. */
export interface OptionRow {
  readonly flags: string
  readonly help: string
  /** May be given again: the values are joined by commas. */
  readonly isList?: boolean
  /** Long name of an option that it excludes. */
  readonly conflicts?: string
}

/** What a command takes. */
export interface Syntax {
  /** The word after `netloom`. */
  readonly name: string
  readonly description: string
  readonly options: readonly OptionRow[]
  /** As commander writes it: `<PID|PATH>`, `[COMMAND...]`; '' for none. */
  readonly operand: string
  readonly operandHelp: string
  /** The first word that is no option starts a command, which has options of its own. */
  readonly isCommand: boolean
  /** Printed below the help. */
  readonly more: string
}

/** Flags by their names in camel case: true, or the value. */
export type Flags = Readonly<Record<string, string | true>>

export interface Arguments {
  readonly flags: Flags
  readonly operands: readonly string[]
}

const FLAGS = /^(?:(-\w), )?--([\w-]+)( [<[])?/

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Reads arguments that are plainly right; null for any others. */
export function scan(syntax: Syntax, args: readonly string[]): Arguments | null {
  const known = new Map<
    string,
    { readonly row: OptionRow; readonly name: string; readonly takesValue: boolean; readonly mayHaveValue: boolean }
  >()
  for (const row of syntax.options) {
    const [, short, name = '', value] = FLAGS.exec(row.flags) ?? []
    const option = { row, name, takesValue: value === ' <', mayHaveValue: value !== undefined }
    known.set(`--${name}`, option)
    if (short !== undefined) known.set(short, option)
  }
  const flags: Record<string, string | true> = {}
  const operands: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') {
      operands.push(...args.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(...(syntax.isCommand ? args.slice(i) : [arg]))
      if (syntax.isCommand) break
      continue
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1
    const option = known.get(equals < 0 ? arg : arg.slice(0, equals))
    if (option === undefined || (equals >= 0 && !option.mayHaveValue)) return null
    const value = equals >= 0 ? arg.slice(equals + 1) : option.takesValue ? args[++i] : true
    if (value === undefined) return null
    const key = camelCase(option.name)
    const before = flags[key]
    flags[key] = option.row.isList === true && typeof before === 'string' ? `${before},${value}` : value
  }
  for (const { row, name } of known.values()) {
    if (row.conflicts !== undefined && flags[camelCase(name)] !== undefined && flags[row.conflicts] !== undefined) return null
  }
  return isRightNumber(syntax.operand, operands.length) ? { flags, operands } : null
}

function isRightNumber(operand: string, count: number): boolean {
  if (operand.includes('...')) return true
  return count === (operand === '' ? 0 : 1)
}

/**
 * Reads a command's arguments; null when they asked for help, which has been printed.
 * @throws NetloomError `ERR_USAGE`, exit status 2.
 */
export async function parse(syntax: Syntax, args: readonly string[]): Promise<Arguments | null> {
  const plain = scan(syntax, args)
  return plain ?? (await import('./commander.js')).parseAll(syntax, args)
}
