import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { identifyNamespace, processOf } from '../../../src/host/network-namespace.js'

const folder = mkdtempSync(join(tmpdir(), 'netloom-unit-'))
after(() => rmSync(folder, { recursive: true }))
const own = `/proc/${process.pid}/ns/net`

test('one namespace has one identity, whatever leads to it', () => {
  const link = join(folder, 'link')
  symlinkSync(own, link)
  assert.notEqual(identifyNamespace(own), '')
  assert.equal(identifyNamespace('/proc/self/ns/net'), identifyNamespace(own))
  assert.equal(identifyNamespace(link), identifyNamespace(own))
  assert.notEqual(identifyNamespace('/proc/self/ns/mnt'), identifyNamespace(own))
})

test('what does not exist has none', () => {
  assert.equal(identifyNamespace(join(folder, 'nothing')), '')
  assert.equal(identifyNamespace('/proc/0/ns/net'), '')
})

test('a path into /proc is a process, directly and through links', () => {
  assert.equal(processOf(own), process.pid)
  assert.equal(processOf('/proc/self/ns/net'), process.pid)
  assert.equal(processOf(`/proc/${process.pid}/task/${process.pid}/ns/net`), process.pid)
  mkdirSync(join(folder, 'a'))
  symlinkSync(own, join(folder, 'a', 'far'))
  symlinkSync('a', join(folder, 'b'))
  symlinkSync('b/far', join(folder, 'near'))
  assert.equal(processOf(join(folder, 'near')), process.pid)
})

test('anything else is not', () => {
  writeFileSync(join(folder, 'file'), '')
  symlinkSync('loop', join(folder, 'loop'))
  for (const path of [join(folder, 'file'), join(folder, 'loop'), join(folder, 'nothing'), '/proc/self/ns/uts', '/nowhere/at/all'])
    assert.equal(processOf(path), 0, path)
})
