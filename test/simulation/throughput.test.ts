// What a change to TCP does to its throughput over bad links is to be seen, and meant: the table in the repository is compared exactly.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TABLE_FILE, throughputTable } from '../support/simulation-throughput.js'

test('the throughput table is that of this code', () => {
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|'))
  const remedy = 'if this is meant: node dist/test/simulation/main.js table --write'
  assert.deepEqual(lines(throughputTable()), lines(readFileSync(TABLE_FILE, 'utf8')), remedy)
})
