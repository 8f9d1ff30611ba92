// `npm run bench`: single functions (micro/), two stacks back to back (stack/) and whole programs (e2e/, impaired/). README.md has the method
// and the last tables.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from './compare.js'
import { stage } from './e2e/enclosure.js'
import { run } from './e2e/main.js'
import { page } from './e2e/page.js'
import { hasWorkloads } from './e2e/workloads.js'
import { run as runImpaired } from './impaired/main.js'
import { run as runStack } from './stack/main.js'
import { repository } from './support/machine.js'
import { type BenchOptions, PARTS, type Part, parseOptions, USAGE, UsageError } from './support/options.js'

/** A package comes without what measures these. */
async function micro(options: BenchOptions): Promise<number> {
  try {
    const { run: runMicro } = await import('./micro/main.js')
    return await runMicro(options)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError('micro benchmarks need tinybench, which a clone of the repository has')
  }
}

/** What is left of the repository in a package is enough for e2e. */
const isClone = (): boolean => existsSync(join(repository, 'tsconfig.json'))

function partsOf(options: BenchOptions): readonly Part[] {
  if (options.parts.length > 0) return options.parts
  if (options.list) return ['e2e']
  if (options.smoke) return ['micro', 'stack']
  if (options.only.length === 0) return isClone() ? ['micro', 'stack', 'e2e'] : ['e2e']
  return hasWorkloads(options.only) ? ['e2e'] : ['micro']
}

/** The command line without other parts. */
const alone = (part: Part, args: readonly string[]): string[] => args.filter((arg) => arg === part || !PARTS.some((other) => other === arg))

function runPart(part: Part, options: BenchOptions, args: readonly string[]): Promise<number> {
  switch (part) {
    case 'micro':
      return micro(options)
    case 'stack':
      return Promise.resolve(runStack(options))
    case 'e2e':
      return run(options, alone(part, args))
    case 'impaired':
      return runImpaired(options, alone(part, args))
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'compare') return compare(args.slice(1))
  if (args[0] === 'page') return page(args.slice(1))
  const options = parseOptions(args)
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  // Beyond the front there is one part: each has a room of its own.
  if (stage() !== 'front') return await (options.parts[0] === 'impaired' ? runImpaired(options, args) : run(options, args))
  let status = 0
  for (const part of partsOf(options)) status = Math.max(status, await runPart(part, options, args))
  return status
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`netloom bench: ${error.message}`)
  process.exitCode = 2
}
// What a measurement left open must not keep the program; a pipe that takes the tables slowly must get them whole.
process.stdout.write('', () => process.exit())
