// The list of packages, and how a missing program is recognised in what a test is about to start.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../support/installation.js'
import { firstOf, packages } from '../../support/packages.js'

/** What else uses packages: the benchmarks, and .ci/fresh-machine. */
const OTHERS = ['bench', 'fresh-machine']

test('each package says for which tests it is, and there are such tests', () => {
  const names = readdirSync(join(CHECKOUT, 'test'), { recursive: true, encoding: 'utf8' })
  for (const { package: name, programs, tests } of packages) {
    assert.ok(programs.length > 0, name)
    for (const beginning of tests) assert.ok(OTHERS.includes(beginning) || names.some((path) => path.startsWith(beginning)), beginning)
  }
  const all = packages.flatMap((entry) => entry.programs)
  assert.equal(new Set(all).size, all.length, 'a program comes with one package')
})

for (const [command, found] of [
  [['dig', 'name'], 'dig'],
  [['nsenter', '--net=/x', '--', 'dig', 'name'], 'dig'],
  [['unshare', '--net', 'sh', '-ec', 'cat x\nexec dig name'], 'dig'],
  [['sh', '-c', 'if true; then dig x; fi'], 'dig'],
  [['sh', '-c', 'true | dig x'], 'dig'],
  [['sh', '-c', 'echo dig'], undefined],
  [['sh', '-c', 'digger; true'], undefined],
  [['python3', '-c', 'dig = 1'], undefined],
  [['node', '/x/main.cjs', 'dig'], undefined],
  [['node', '/x/main.cjs', 'run', '--', 'dig'], 'dig'],
] as const)
  test(`${JSON.stringify(command)}: ${found ?? 'nothing'}`, () => {
    assert.equal(firstOf(['dig'], command), found)
  })
