// Loaded before a test file of the parts without a network: a test that has no limit of its own gets one, so that one that hangs fails under
// its name, and those after it run. Node 24 does that by `--test-timeout`; before, that option is for whole files.
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type { TestContext, TestOptions } from 'node:test'

/** What the longest may take, ms: simulations, on a machine that has other things to do. The variable is for a test of this. */
const LIMIT = Number(process.env['NETLOOM_TEST_LIMIT'] ?? 5 * 60_000)

type Body = (t: TestContext) => unknown
type Test = (...args: (string | TestOptions | Body)[]) => Promise<void>

const exports = createRequire(import.meta.url)('node:test') as Record<'test' | 'it', Test>
for (const name of ['test', 'it'] as const) {
  const original = exports[name]
  const limited: Test = (...args) => {
    const options = args.find((arg) => typeof arg === 'object')
    const others = args.filter((arg) => typeof arg === 'string')
    const body = args.filter((arg) => typeof arg === 'function')
    return original(...others, { timeout: LIMIT, ...options }, ...body)
  }
  exports[name] = Object.assign(limited, original)
}
syncBuiltinESMExports()
