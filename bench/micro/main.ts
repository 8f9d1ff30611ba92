// `npm run bench -- micro`: single functions. README.md says how it is measured.

import type { BenchOptions } from '../support/options.js'
import { allocating, complain, outOfRatio, type Ratio } from '../support/smoke.js'
import { cases as checksum } from './checksum.js'
import { cases as flowTable } from './flow-table.js'
import { cases as hash } from './hash.js'
import { cases as mappings } from './mappings.js'
import { formatTable, measure } from './measure.js'
import { cases as timerWheel } from './timer-wheel.js'
import { cases as wire } from './wire.js'

const all = [...wire, ...checksum, ...hash, ...flowTable, ...mappings, ...timerWheel]

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

/** The cases whose names contain every word of `--only`, as a table; with `smoke` it ends with 1 when something is off. */
export async function run({ only, smoke }: BenchOptions): Promise<number> {
  const chosen = all.filter(({ name }) => only.every((word) => name.includes(word)))
  if (chosen.length === 0) {
    console.error(`no micro benchmark has ${only.join(' and ')} in its name`)
    return 1
  }
  const results = await measure(chosen, smoke ? SMOKE_TIME : undefined)
  console.log(formatTable(results))
  if (!smoke) return 0
  // lru-cache is what the flow table is compared with.
  const own = results.filter(({ name }) => !name.includes('lru-cache'))
  return complain([...allocating(own), ...outOfRatio(new Map(results.map(({ name, ns }) => [name, ns])), RATIOS)])
}
