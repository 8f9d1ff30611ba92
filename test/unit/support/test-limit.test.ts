// A test that hangs fails by its own name, and what comes after it runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const HANGING = `
import { describe, test } from 'node:test'
const turning = setInterval(() => {}, 1000)
test('hangs', () => new Promise(() => {}))
describe('suite', () => {
  test('hangs in a suite', { skip: false }, () => new Promise(() => {}))
  test('has a limit of its own', { timeout: 60_000 }, () => new Promise((resolve) => setTimeout(resolve, 1200)))
  test.skip('is skipped', () => {})
})
test('is the last one', () => clearInterval(turning))
`

test('a test that hangs fails by its name, and those after it run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-limit-'))
  try {
    const file = join(folder, 'hanging.test.mjs')
    writeFileSync(file, HANGING)
    const limit = new URL('../../support/test-limit.js', import.meta.url).href
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const { stdout } = spawnSync(process.execPath, ['--import', limit, '--test-reporter=tap', file], {
      encoding: 'utf8',
      env: { ...environment, NETLOOM_TEST_LIMIT: '500' },
      timeout: 60_000,
    })
    const lines = [...stdout.matchAll(/^ *((?:not )?ok) \d+ - (.*)$/gm)].map(([, result, name]) => `${result}: ${name}`)
    assert.deepEqual(lines, [
      'not ok: hangs',
      'not ok: hangs in a suite',
      'ok: has a limit of its own',
      'ok: is skipped # SKIP',
      'not ok: suite',
      'ok: is the last one',
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
