// How the native parts are compiled: with what makes a mistake in C harder to use, as far as the compiler knows it, and it is in what was built.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PACKAGE_ROOT } from '../../../src/util/package-root.js'

function flags(which: string, environment: NodeJS.ProcessEnv): string[] {
  const env = { ...process.env, NETLOOM_SANITIZE: '', ...environment }
  const { status, stdout } = spawnSync(process.execPath, [join(PACKAGE_ROOT, 'native/flags.cjs'), which], { encoding: 'utf8', env })
  assert.equal(status, 0)
  return stdout.split(' ').filter((flag) => flag !== '')
}

/** What is asked for with a compiler that accepts no command line that has one of these in it. */
function flagsWith(unknown: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-flags-'))
  try {
    const compiler = join(folder, 'cc')
    const patterns = unknown.map((option) => `*${option}*`).join('|')
    writeFileSync(compiler, `#!/bin/sh\ncase "$*" in ${patterns}) exit 1 ;; esac\ncat > /dev/null\n`)
    chmodSync(compiler, 0o755)
    return flags('compile', { CC: `${compiler} -m64` })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('options that the compiler does not know are left out, one by one', () => {
  assert.deepEqual(flagsWith(['SOURCE=3', 'branch-protection']), [
    ...['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'],
    ...['-fstack-clash-protection', '-fcf-protection=full'],
  ])
  assert.deepEqual(flagsWith(['-f', '-mbranch']), ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=3'])
  assert.deepEqual(flags('link', {}), [])
})

test('a build with sanitizers has those in their place, in compiling and linking', () => {
  const options = flags('compile', { NETLOOM_SANITIZE: 'address' })
  assert.ok(options.includes('-fsanitize=address,undefined') && options.includes('-fno-sanitize-recover=all'))
  assert.ok(!options.some((option) => option.startsWith('-D_FORTIFY_SOURCE')))
  assert.deepEqual(flags('link', { NETLOOM_SANITIZE: 'address' }), ['-fsanitize=address,undefined'])
})

test('what was built calls the checked functions of the C library, and checks its stack', (t) => {
  for (const name of ['netloom.node', 'netloom-launcher', 'netloom-slirp4netns']) {
    const built = readFileSync(join(PACKAGE_ROOT, 'native/build/Release', name))
    if (built.includes('__asan_init')) return t.skip('it was built with sanitizers')
    assert.ok(built.includes('__stack_chk_fail'), name)
    assert.match(built.toString('latin1'), /\0__(memcpy|memmove|recv|snprintf)_chk\0/, name)
  }
})
