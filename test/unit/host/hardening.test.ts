// What a process that has hardened itself can still do about files, sockets and other processes: nothing, but for what a network needs. Tried in
// processes of their own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { landlockRules } from '../../../src/host/hardening.js'
import { PACKAGE_ROOT } from '../../../src/util/package-root.js'

interface Told {
  readonly told: Readonly<Record<string, string>>
  readonly notes: string
}

async function harden(...means: readonly ('sandbox' | 'seccomp')[]): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-hardening-'))
  const bus = createServer()
  try {
    await new Promise<void>((resolve) => bus.listen(join(folder, 'bus'), resolve))
    mkdirSync(join(folder, 'control'))
    for (const name of ['secret', 'control/name.sock']) writeFileSync(join(folder, name), '')
    const program = join(dirname(fileURLToPath(import.meta.url)), 'hardened.js')
    const args = [program, folder, join(folder, 'secret'), means.join()]
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    assert.deepEqual([status, signal], [0, null], stderr)
    return JSON.parse(stdout)
  } finally {
    bus.close()
    rmSync(folder, { recursive: true })
  }
}

test('no file can be opened, made or removed but those of the network, on any thread', async (t) => {
  const { told, notes } = await harden('sandbox', 'seccomp')
  if (/no Landlock/.test(notes)) return t.skip('this kernel has no Landlock')
  assert.deepEqual(told, {
    ...{
      read: 'EACCES',
      write: 'EACCES',
      'remove a file': 'EACCES',
      processes: 'EACCES',
      'read in the pool': 'EACCES',
      'read in a worker': 'EACCES',
    },
    ...{ 'signal to another process': 'EPERM', 'signal to itself': 'done', 'connect to a socket with a path': 'EAFNOSUPPORT' },
    ...{ 'resolv.conf': 'done', 'remove the socket': 'done', 'remove its folder': 'done', 'the package': 'done' },
  })
})

test('with the filter alone files are as they were, and threads can be made', async () => {
  const { told } = await harden('seccomp')
  assert.deepEqual([told['write'], told['read'], told['processes']], ['done', 'done', 'done'])
  assert.deepEqual([told['remove a file'], told['read in the pool'], told['read in a worker']], ['done', 'ENOENT', 'ENOENT'])
  assert.deepEqual([told['signal to another process'], told['connect to a socket with a path']], ['EPERM', 'EAFNOSUPPORT'])
})

test('without the filter no process outside can be sent a signal, where the kernel keeps them apart', async (t) => {
  const { told, notes } = await harden('sandbox')
  if (/no Landlock/.test(notes)) return t.skip('this kernel has no Landlock')
  // Linux 6.12.
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 12)) return t.skip('this kernel has no scopes')
  assert.deepEqual([told['signal to another process'], told['signal to itself']], ['EPERM', 'done'])
})

test('the rules name resolv.conf, the package and the control socket, and no folder of the user', () => {
  const rules = landlockRules('/run/user/1000/netloom/4.sock')
  for (const rule of ['read /etc', `read ${PACKAGE_ROOT}`, 'unlink /run/user/1000/netloom', 'rmdir /run/user/1000'])
    assert.ok(rules.includes(rule), rule)
  assert.ok(!rules.includes('read /run') && !rules.includes('read /'))
  assert.ok(!landlockRules(null).some((rule) => !rule.startsWith('read ')))
})
