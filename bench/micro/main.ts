// `npm run bench -- micro`: single functions. README.md says how it is measured.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '../support/machine.js'
import type { BenchOptions } from '../support/options.js'
import { allocating, complain, outOfRatio, type Ratio } from '../support/smoke.js'
import { cases as checksum } from './checksum.js'
import { cases as flowTable } from './flow-table.js'
import { cases as hash } from './hash.js'
import { cases as mappings } from './mappings.js'
import { formatTable, type MicroCase, type MicroResult, measure } from './measure.js'
import { cases as nat } from './nat.js'
import { cases as timerWheel } from './timer-wheel.js'
import { cases as wire } from './wire.js'

const all = [...wire, ...checksum, ...hash, ...flowTable, ...mappings, ...nat, ...timerWheel]

/** ms a case, when it is only to be seen that it works. */
const SMOKE_TIME = 30

/** What holds on any machine that is not broken: within this factor of each other, where they should be within a smaller one. */
const RATIOS: readonly Ratio[] = [
  { slow: 'flow table find among 100000', fast: 'flow table find among 1', most: 20 },
  { slow: 'flow table insert and remove among 100000', fast: 'flow table insert and remove among 1000', most: 10 },
  { slow: 'checksum.add, 65483 bytes', fast: 'checksum.add, 1500 bytes', most: 200 },
  { slow: 'validate and read 20 header fields of a TCP segment', fast: 'hash2', most: 20 },
  { slow: 'timer wheel: schedule and cancel', fast: 'hash2', most: 20 },
]

/** In the environment: the one case that this process is for. */
const CASE = 'NETLOOM_BENCH_CASE'

/** V8 compiles a function for what it has seen in its process: each case has one of its own. */
function apart({ name }: MicroCase): MicroResult {
  const done = spawnSync(process.execPath, [join(repository, 'dist/bench/main.js'), 'micro'], {
    env: { ...process.env, [CASE]: name },
    encoding: 'utf8',
  })
  if (done.status !== 0) throw new Error(`micro benchmark ${name}: ${done.error?.message ?? done.stderr}`)
  return JSON.parse(done.stdout) as MicroResult
}

/** The cases whose names contain every word of `--only`, as a table; with `smoke` it ends with 1 when something is off. */
export async function run({ only, smoke }: BenchOptions): Promise<number> {
  const own = all.find(({ name }) => name === process.env[CASE])
  if (own !== undefined) {
    console.log(JSON.stringify((await measure([own]))[0]))
    return 0
  }
  const chosen = all.filter(({ name }) => only.every((word) => name.includes(word)))
  if (chosen.length === 0) {
    console.error(`no micro benchmark has ${only.join(' and ')} in its name`)
    return 1
  }
  const results = smoke ? await measure(chosen, SMOKE_TIME) : chosen.map(apart)
  console.log(formatTable(results))
  if (!smoke) return 0
  // lru-cache is what the flow table is compared with.
  const ours = results.filter(({ name }) => !name.includes('lru-cache'))
  return complain([...allocating(ours), ...outOfRatio(new Map(results.map(({ name, ns }) => [name, ns])), RATIOS)])
}
