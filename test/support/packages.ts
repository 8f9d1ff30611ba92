// The programs of Debian packages that tests use (.config/packages.json), on a machine that may lack them: what is missing is installed
// where that may be done, and a test whose program is missing is skipped, with the package's name.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CHECKOUT } from './installation.js'

interface Entry {
  readonly package: string
  readonly programs: readonly string[]
  /** Which tests use it: the beginnings of their paths. */
  readonly tests: readonly string[]
}

/** .config/packages.mjs, which works before anything is compiled. */
interface Packages {
  readonly packages: readonly Entry[]
  isInstalled(program: string): boolean
  missingPackages(parts: readonly string[]): string[]
  install(names: readonly string[]): string[]
  advice(names: readonly string[]): string
}

export const { packages, isInstalled, missingPackages, install, advice }: Packages = await import(
  pathToFileURL(join(CHECKOUT, '.config/packages.mjs')).href
)

/** Thrown where a program of the list would be started and is not installed. */
export class MissingProgram extends Error {}

let known: ReadonlyMap<string, string> | undefined

/** The package of each program that is missing: looked for once, after what can be installed has been. */
function missingPrograms(): ReadonlyMap<string, string> {
  known ??= new Map(
    packages.flatMap((entry) => entry.programs.filter((name) => !isInstalled(name)).map((name) => [name, entry.package] as const)),
  )
  return known
}

const reason = (program: string): string => `needs ${program}, of the package ${missingPrograms().get(program)}`

/** Why a test that uses these programs is to be skipped: the `skip` of node:test. */
export function needs(...programs: readonly string[]): string | false {
  const name = programs.find((program) => missingPrograms().has(program))
  return name === undefined ? false : reason(name)
}

/** Whether a shell script starts the program: it stands where a command begins. */
function starts(script: string, program: string): boolean {
  return new RegExp(`(?:^|[\\n;&|(]|\\b(?:exec|do|then|until|while|if|else)\\s)\\s*${program}(?=\\s|$)`).test(script)
}

/** The first of these programs in a command line: a word of its own, or one that a shell starts. */
export function firstOf(programs: Iterable<string>, command: readonly string[]): string | undefined {
  const names = [...programs]
  for (const [i, word] of command.entries()) {
    const before = command[i - 1] ?? ''
    // `netloom ps` is one of ours.
    if (names.includes(word) && !/\.c?js$/.test(before)) return word
    if (!/^-e?c$/.test(before) || !/(?:^|\/)(?:ba)?sh$/.test(command[i - 2] ?? '')) continue
    const started = names.find((name) => starts(word, name))
    if (started !== undefined) return started
  }
  return undefined
}

/** Throws MissingProgram when a command line has a program of the list that is not installed. */
export function requirePrograms(command: readonly string[]): void {
  const missing = missingPrograms()
  const program = missing.size === 0 ? undefined : firstOf(missing.keys(), command)
  if (program !== undefined) throw new MissingProgram(reason(program))
}
