/*
 * The launcher's `attach`: into a namespace that is named by a process or a file, and not into what only looks like one.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { launch } from './launch.js'
import { makeBench } from './native-bench.js'

const RUN = { map: 'root' }

test('attach by pid and by path', async (t) => {
  const bench = makeBench(t)
  const target = launch(bench, 'run', RUN, ['sleep', '60'])
  const first = await target.go()
  const { pid } = target.child
  const addresses = () => readFileSync(`/proc/${pid}/net/fib_trie`, 'utf8')
  let network = 10
  for (const options of [
    { pid: `${pid}` },
    { netns: `/proc/${pid}/ns/net` },
    { netns: `/proc/${pid}/ns/net`, userns: `/proc/${pid}/ns/user` },
  ]) {
    network++
    const place = { ifname: `tap${network}`, address: `10.0.${network}.100`, gateway: `10.0.${network}.2` }
    const started = launch(bench, 'attach', { ...options, ...place })
    const { text, descriptor } = await started.message()
    assert.match(text, /^tap vnet=1/)
    assert.deepEqual(await started.ended(), { status: 0, output: '' })
    assert.ok(addresses().includes(place.address))
    bench.native.closeDescriptor(descriptor)
    assert.ok(!addresses().includes(place.address))
  }
  bench.native.closeDescriptor(first)
  target.child.kill('SIGKILL')
  await target.ended()
})

test('attach refuses what is not a namespace, not there, or our own', async (t) => {
  const bench = makeBench(t)
  const folder = mkdtempSync(join(tmpdir(), 'netloom-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [file, fifo] = [join(folder, 'file'), join(folder, 'fifo')]
  writeFileSync(file, '')
  spawnSync('mkfifo', [fifo])
  for (const [options, expected] of [
    [{ pid: '1073741823' }, 'error pid 3'],
    [{ pid: `${process.pid}` }, 'error netns-join 17'],
    [{ netns: '/proc/self/ns/net' }, 'error netns-join 17'],
    [{ netns: join(folder, 'nothing') }, 'error netns-open 2'],
    [{ netns: file }, 'error netns-open 22'],
    [{ netns: fifo }, 'error netns-open 22'],
    [{ netns: '/proc/self/ns/net', userns: file }, 'error userns-open 22'],
  ] as const) {
    const started = launch(bench, 'attach', options)
    assert.deepEqual(await started.message(), { text: expected, descriptor: -1 })
    assert.deepEqual(await started.ended(), { status: 1, output: '' })
  }
})
