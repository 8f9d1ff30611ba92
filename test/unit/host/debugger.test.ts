// Node's debugger, where it is too late for arguments: a program that was started by hand, what a program of ours starts, and the process of somebody else.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { PACKAGE_ROOT } from '../../../src/util/package-root.js'

const module = (name: string): string => JSON.stringify(new URL(`../../../src/${name}.js`, import.meta.url).href)

/** Runs a module in a Node of its own; what it prints, and how it ends. */
function inNode(args: readonly string[], source: string) {
  const command = [...args, '--input-type=module', '-e', source]
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: 60_000 })
  return { status, signal, stdout: stdout.trimEnd(), stderr }
}

for (const name of ['main', 'slirp4netns'])
  test(`${name}.cjs does not run with a debugger`, () => {
    const command = ['--inspect=127.0.0.1:0', join(PACKAGE_ROOT, 'dist', 'bin', `${name}.cjs`), '--version']
    const { signal, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    assert.deepEqual([signal, stdout], ['SIGKILL', ''])
    assert.match(stderr, /^netloom: Node's debugger is open at ws:\S+, where a sandbox could reach it: [^\n]+\n$/m)
  })

test('a program that we start has none, whatever NODE_OPTIONS says, and at SIGUSR1', () => {
  const program = `
    process.kill(process.pid, 'SIGUSR1')
    setTimeout(() => console.log(require('node:inspector').url(), process.env.NODE_OPTIONS), 200)`
  const outcome = inNode(
    [],
    `import { spawnNode } from ${module('host/debugger')}
     process.env.NODE_OPTIONS = '--inspect=127.0.0.1:0'
     spawnNode(['-e', ${JSON.stringify(program)}], 'inherit')`,
  )
  assert.deepEqual([outcome.status, outcome.stdout], [0, 'undefined undefined'], outcome.stderr)
})

const HARDEN = `
  import { Log } from ${module('util/log')}
  import { hardenProcess } from ${module('host/hardening')}
  const harden = () => hardenProcess({ sandbox: false, seccomp: true, isBestEffort: true }, null, new Log('quiet', () => {}))`

test('a process whose debugger is open is not hardened', () => {
  const outcome = inNode(['--inspect=127.0.0.1:0'], `${HARDEN}; try { harden() } catch (error) { console.log(error.code, error.message) }`)
  assert.match(outcome.stdout, /^ERR_HARDENING Node's debugger is open at ws:/, outcome.stderr)
})

test('a hardened process has lost it: SIGUSR1 has its usual effect, or that of the listener that was there', () => {
  const kill = "process.kill(process.pid, 'SIGUSR1'); setTimeout(() => {}, 60_000)"
  assert.equal(inNode([], `${HARDEN}; harden(); ${kill}`).signal, 'SIGUSR1')
  const listener = "process.on('SIGUSR1', () => { console.log('heard'); process.exit() })"
  assert.equal(inNode([], `${HARDEN}; ${listener}; harden(); ${kill}`).stdout, 'heard')
})
