// What a callback throws: it ends with the callback, is counted, and is told once a kind. In a process of its own, because it is the process's.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { guard } from '../../../src/util/guard.js'

const GUARD = JSON.stringify(new URL('../../../src/util/guard.js', import.meta.url).href)
const LOOP = JSON.stringify(new URL('../../../src/host/event-loop.js', import.meta.url).href)
const LOG = JSON.stringify(new URL('../../../src/util/log.js', import.meta.url).href)
const KERNEL = JSON.stringify(new URL('../../support/fake-kernel.js', import.meta.url).href)

/** Runs a program that has `guard` and `lines`, what it has told; what it prints, as JSON. */
function run(program: string): unknown {
  const head = `
    import { guard } from ${GUARD}
    import { Log } from ${LOG}
    const lines = []
    guard.tolerate(new Log('quiet', (line) => lines.push(line)))
  `
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', head + program], { encoding: 'utf8' }))
}

test('as long as nobody tolerates it, what was thrown goes on', () => {
  const error = new Error('nobody has foreseen this')
  assert.throws(
    guard.wrap('a test', () => {
      throw error
    }),
    error,
  )
  assert.equal(guard.count, 0)
})

test('what is tolerated is counted each time, and told once a kind, with its place', () => {
  const [count, lines] = run(`
    const fails = guard.wrap('a timer', (message) => { throw new TypeError(message) })
    for (let i = 0; i < 1000; i++) fails('this')
    fails('that')
    console.log(JSON.stringify([guard.count, lines]))
  `) as [number, string[]]
  assert.equal(count, 1001)
  assert.equal(lines.length, 2)
  assert.match(lines[0]!, /^netloom: a defect, please report it: a timer: TypeError: this at .*; the network goes on\n$/)
})

test('however many kinds a guest makes of it, 64 lines are all', () => {
  const [count, lines] = run(`
    for (let i = 0; i < 1000; i++) guard.wrap('a timer', () => { throw new Error('kind ' + i) })()
    console.log(JSON.stringify([guard.count, lines.length]))
  `) as [number, number]
  assert.deepEqual([count, lines], [1000, 64])
})

test('a handler that throws takes no event from the others, no timer, and no time from an idle process', () => {
  const outcome = run(`
    import { EventLoop, EPOLLIN, token } from ${LOOP}
    import { FakeKernel } from ${KERNEL}
    const kernel = new FakeKernel(64, 1000)
    const loop = new EventLoop(kernel.native)
    const seen = []
    loop.serve(3, { ready(index) { seen.push(index); if (index === 1) throw new Error('an event') } })
    let parts = 0
    let hasWork = true
    loop.start({
      begin() { throw new Error('begin') },
      resume() { throw new Error('resume') },
      settle() { throw new Error('settle') },
      expire() { parts++; throw new Error('expire') },
      get hasWork() { return hasWork },
    })
    const sockets = [0, 1, 2].map((index) => {
      const descriptor = kernel.udpOpen(4)
      kernel.epollAdd(descriptor, token(3, 0, index), EPOLLIN)
      return kernel.datagrams[index]
    })
    for (const socket of sockets) socket.delivers(new Uint8Array(1), 1, 1)
    const turns = parts
    kernel.run()
    console.log(JSON.stringify([seen, guard.count > 0, parts - turns, kernel.untilTimer]))
  `)
  // Work that is left waits: it has thrown, and may do so again.
  assert.deepEqual(outcome, [[0, 1, 2], true, 1, 10])
})
