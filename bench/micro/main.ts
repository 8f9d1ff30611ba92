/** `node dist/bench/micro/main.js [WORD...]`: the cases whose names contain every word, as a table. */

import { cases as checksum } from './checksum.js'
import { cases as flowTable } from './flow-table.js'
import { cases as hash } from './hash.js'
import { cases as mappings } from './mappings.js'
import { formatTable, measure } from './measure.js'
import { cases as timerWheel } from './timer-wheel.js'
import { cases as wire } from './wire.js'

const words = process.argv.slice(2)
const chosen = [...wire, ...checksum, ...hash, ...flowTable, ...mappings, ...timerWheel].filter(({ name }) =>
  words.every((word) => name.includes(word)),
)
if (chosen.length > 0) console.log(formatTable(await measure(chosen)))
else console.error(`no micro benchmark has ${words.join(' and ')} in its name`)
