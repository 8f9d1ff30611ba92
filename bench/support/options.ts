// The command line of the benchmarks: what may be asked for, its defaults and its limits.
import { parseArgs } from 'node:util'

export const USAGE = `usage: npm run bench -- [micro|stack|e2e|impaired] [options]
       npm run bench -- compare OLD.json NEW.json
       npm run bench -- page RESULTS.json [COSTS.json]

  micro | stack | e2e  one part only (default: all three; with --only, micro or e2e, whichever has it)
  impaired           netloom against Linux over a bad link
  compare            what has changed between two runs of e2e, with an interval
  page               put a run of e2e into bench/README.md and bench/charts, and one with --perf
  --only NAMES       workloads whose name is, or begins with, one of these (comma-separated); figures: all that
                     something is asked of; costs: what --perf is for
  --stacks NAMES     these stacks only: netloom, slirp4netns, pasta, rootlesskit, loopback, veth, node (default: all that are installed)
  --rounds N         rounds of each (workload, stack), interleaved (default 5)
  --seconds S        length of one measurement (default 5)
  --buffers MIB      raise tcp_rmem and tcp_wmem to this many MiB for the run (default: what the machine has)
  --profile          run netloom under Node's profiler, and print the ten functions that took longest
  --perf             record with perf(1), as root, and print the ten largest costs, the kernel's among them
  --smoke            micro and stack only: a short look whether all runs, allocates nothing, and is not off by a large factor
  --json FILE        also write every single measurement there
  --list             print the names of the e2e workloads and stop`

export const PARTS = ['micro', 'stack', 'e2e', 'impaired'] as const
export type Part = (typeof PARTS)[number]

export interface BenchOptions {
  /** Empty: not said. */
  readonly parts: readonly Part[]
  /** Empty: everything that is not left for asking. */
  readonly only: readonly string[]
  /** Empty: every stack that is installed. */
  readonly stacks: readonly string[]
  readonly rounds: number
  readonly seconds: number
  /** In MiB; 0 leaves the machine's. */
  readonly buffers: number
  readonly json: string | undefined
  readonly profile: boolean
  readonly perf: boolean
  readonly smoke: boolean
  readonly list: boolean
  readonly help: boolean
}

/** What the person who typed the command can put right; printed without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

function number(name: string, text: string | undefined, fallback: number, least: number, most: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!(value >= least && value <= most)) throw new UsageError(`--${name} takes a number from ${least} to ${most}, not '${text}'`)
  return value
}

function names(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        stacks: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        buffers: { type: 'string' },
        json: { type: 'string' },
        profile: { type: 'boolean' },
        perf: { type: 'boolean' },
        smoke: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args)
  const parts = positionals.map((name): Part => {
    const part = PARTS.find((known) => known === name)
    if (part === undefined) throw new UsageError(`there is no part '${name}': ${PARTS.join(', ')}`)
    return part
  })
  const rounds = number('rounds', values.rounds, 5, 1, 1000)
  if (!Number.isInteger(rounds)) throw new UsageError('--rounds takes a whole number')
  return {
    parts,
    only: names(values.only),
    stacks: names(values.stacks),
    rounds,
    seconds: number('seconds', values.seconds, 5, 0.5, 3600),
    buffers: number('buffers', values.buffers, 0, 1, 1024),
    json: values.json,
    profile: values.profile === true,
    perf: values.perf === true,
    smoke: values.smoke === true,
    list: values.list === true,
    help: values.help === true,
  }
}
