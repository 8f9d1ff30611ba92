// Half of the seeds; the other half is in odd-seeds.test.ts, which runs beside this file.
import { test } from 'node:test'
import { checkHalf } from '../support/simulation-seeds.js'

test('every byte once and in order, both sides end, nothing is left: even seeds', () => {
  checkHalf(2)
})
