// Half of the seeds; the other half is in even-seeds.test.ts, which runs beside this file. See test/support/simulation.ts for what a seed
// is put through and what must come of it.
import { test } from 'node:test'
import { checkHalf } from '../support/simulation-seeds.js'

test('every byte once and in order, both sides end, nothing is left: odd seeds', () => {
  checkHalf(1)
})
