// V8 is asked for flags that it has alone: for others it prints an error.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { tierUpFlag } from '../../../src/cli/tier-up.js'

const TIER_UP = new URL('../../../src/cli/tier-up.js', import.meta.url).href

test('the flag is one of this V8, and nothing is printed', () => {
  const flag = tierUpFlag(process.versions.v8)
  const known = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8', maxBuffer: 16 << 20 }).stdout
  if (flag !== '') assert.match(known, new RegExp(`^ +${flag.split('=')[0]} `, 'm'))
  const program = `import { tierUpSooner } from ${JSON.stringify(TIER_UP)}; tierUpSooner()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.deepEqual([status, stdout, stderr], [0, '', ''])
})

test('a V8 that was never tried is asked for nothing', () => {
  assert.equal(tierUpFlag('99.1.2.3-node.4'), '')
  assert.notEqual(tierUpFlag('11.3.244.8-node.38'), '')
})
