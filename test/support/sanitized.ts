// A build with sanitizers (native/flags.cjs): its addon wants AddressSanitizer's library in the process before anything else, and Node has none. So the
// tests start Node by a script that has it loaded, and a first module takes that out of the environment again: the commands that netloom starts are not ours.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Leaks: V8 is ended, not taken down. A report ends the process with a status that no program here has of its own. */
const OPTIONS = 'detect_leaks=0:handle_abort=0:exitcode=99'

function isSanitized(addon: string): boolean {
  return existsSync(addon) && readFileSync(addon).includes('__asan_init')
}

/** Of the compiler's. */
function runtimeLibrary(): string {
  const found = spawnSync(process.env['CC'] || 'cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  if (found.status !== 0) throw new Error(`the library of AddressSanitizer is not found: ${found.stderr || found.error?.message}`)
  return realpathSync(found.stdout.trim())
}

/** The program to start in place of `node` for the addon that was built: that itself, unless it was built with sanitizers. */
export function nodeFor(addon: string, node: string, scratch: string): string {
  if (!isSanitized(addon)) return node
  const first = join(scratch, 'sanitized.cjs')
  const script = join(scratch, 'sanitized-node')
  writeFileSync(first, 'delete process.env.LD_PRELOAD\ndelete process.env.ASAN_OPTIONS\n', { mode: 0o644 })
  const environment = `LD_PRELOAD='${runtimeLibrary()}' ASAN_OPTIONS='${OPTIONS}'`
  // A shell adds PWD.
  writeFileSync(script, `#!/bin/sh\nunset PWD\n${environment} exec '${node}' --require '${first}' "$@"\n`)
  chmodSync(script, 0o755)
  return script
}
