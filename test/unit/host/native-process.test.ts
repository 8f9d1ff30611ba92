/*
 * The addon's calls between processes: messages with descriptors, shared memory, signals, pidfds, limits.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { EAGAIN, EMFILE, EMSGSIZE, EPOLLIN, makeBench } from './native-bench.js'

const SIGUSR2 = 12
/** si_code of kill(2), sigaction(2). */
const SI_USER = 0

test('messages keep their bounds and carry a descriptor', (t) => {
  const { native, words, put, text } = makeBench(t)
  native.socketPair()
  const [a, b] = [words[0]!, words[1]!]
  native.socketPair()
  const [c, d] = [words[0]!, words[1]!]
  assert.equal(native.receiveMessage(b, 0, 100), -EAGAIN)
  assert.equal(native.sendMessage(a, 0, put(0, 'one'), -1), 3)
  assert.equal(native.sendMessage(a, 0, put(0, 'two'), c), 3)
  assert.equal(native.receiveMessage(b, 64, 100), 3)
  assert.deepEqual([words[0], text(64, 3)], [-1, 'one'])
  assert.equal(native.receiveMessage(b, 64, 100), 3)
  const passed = words[0]!
  assert.ok(passed >= 0 && passed !== c)
  assert.equal(text(64, 3), 'two')
  native.sendMessage(d, 0, put(0, 'through'), -1)
  assert.equal(native.receiveMessage(passed, 64, 100), 7)
  native.sendMessage(a, 0, put(0, 'too long'), c)
  assert.equal(native.receiveMessage(b, 64, 3), -EMSGSIZE)
  assert.equal(words[0], -1, 'the descriptor is closed again')
  native.closeDescriptor(a)
  assert.equal(native.receiveMessage(b, 64, 3), 0)
  for (const descriptor of [b, c, d, passed]) assert.equal(native.closeDescriptor(descriptor), 0)
})

test('shared memory is the file that another process would map', (t) => {
  const { native, words } = makeBench(t)
  const bytes = new Uint8Array(native.sharedMemory(8192))
  const descriptor = words[0]!
  assert.match(readlinkSync(`/proc/self/fd/${descriptor}`), /netloom-flows/)
  bytes[8191] = 42
  const file = readFileSync(`/proc/self/fd/${descriptor}`)
  assert.deepEqual([file.length, file[0], file[8191]], [8192, 0, 42])
  native.closeDescriptor(descriptor)
  bytes[0] = 1 // Mapped all the same.
  assert.throws(() => native.sharedMemory(0), { code: 'EINVAL' })
})

test('a signal comes with its code and sender', async (t) => {
  const { native, words, ready } = makeBench(t)
  const caught = () => (BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]}`) >> BigInt(SIGUSR2 - 1)) & 1n
  const before = caught()
  const descriptor = native.signalStart(1 << SIGUSR2)
  assert.ok(descriptor >= 0)
  assert.equal(native.signalRead(descriptor), 0)
  const child = spawn('sh', ['-c', `kill -USR2 ${process.pid}`])
  await ready(descriptor, EPOLLIN)
  assert.equal(native.signalRead(descriptor), 1)
  assert.deepEqual(Array.from(words.subarray(0, 3)), [SIGUSR2, SI_USER, child.pid])
  assert.equal(native.signalRead(descriptor), 0)
  assert.equal(native.signalStop(), 0)
  assert.equal(native.signalStop(), 0)
  assert.equal(caught(), before, 'the disposition is what it was')
})

test('a pidfd is ready when the process has ended', async (t) => {
  const { native, ready } = makeBench(t)
  const child = spawn('sh', ['-c', 'read line'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const descriptor = native.pidfdOpen(child.pid!)
  assert.ok(descriptor >= 0)
  native.epollAdd(descriptor, 1, EPOLLIN)
  assert.equal(native.epollWait(1, 0), 0)
  native.epollDelete(descriptor)
  child.stdin.end()
  await ready(descriptor, EPOLLIN)
  native.closeDescriptor(descriptor)
  assert.ok(native.pidfdOpen(0x3fffffff) < 0)
})

test('the soft limit of descriptors becomes the hard one', (t) => {
  const { native } = makeBench(t)
  const limit = native.raiseFileLimit()
  const [, soft, hard] = /^Max open files\s+(\w+)\s+(\w+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!
  assert.equal(soft, hard)
  assert.equal(limit, hard === 'unlimited' ? 0x7fffffff : Math.min(Number(hard), 0x7fffffff))
})

test('what is open for others has its limit, in shares: pipes, what is published, the rest', (t) => {
  const { native, words } = makeBench(t)
  const opened: number[] = []
  const open = (descriptor: number): number => {
    if (descriptor >= 0) opened.push(descriptor)
    return descriptor < 0 ? descriptor : 0
  }
  t.after(() => {
    for (const descriptor of opened) native.closeDescriptor(descriptor)
  })
  const udp = (): number => open(native.udpOpen(4, 0))
  const listener = (): number => open(native.tcpListen(0, 0, 0xffff, 0x7f000001, 0, 1, 0))
  const pipe = (): number => {
    const status = native.pipeOpen(4096)
    if (status === 0) opened.push(words[0]!, words[1]!)
    return status
  }
  udp()
  // What is open already is below the limit by as much as makes a quarter of it.
  const next = opened[0]! + 1
  const limit = 4 * (next + 8)
  assert.equal(native.descriptorLimit(limit), 0)
  const fill = (make: () => number): number => {
    for (;;) {
      const status = make()
      if (status < 0) return status
    }
  }
  const highest = (): number => Math.max(...opened)
  assert.equal(fill(pipe), -EMFILE)
  assert.ok(highest() < limit / 2)
  assert.equal(native.descriptorRoom(), 0)
  assert.equal(fill(listener), -EMFILE)
  assert.ok(highest() >= limit / 2 && highest() < (limit / 4) * 3)
  assert.equal(native.descriptorRoom(), -EMFILE)
  assert.equal(fill(udp), -EMFILE)
  assert.equal(highest(), limit - 1)
  assert.equal(native.tcpConnect(0, 0, 0xffff, 0x7f000001, 9, 0), -EMFILE)
  assert.equal(native.streamPair(), -EMFILE)
  // This process itself is not limited, and nothing that was refused is open still.
  assert.equal(native.socketPair(), 0)
  assert.equal(Math.min(words[0]!, words[1]!), limit)
  opened.push(words[0]!, words[1]!)
  native.descriptorLimit(0)
  assert.equal(udp(), 0)
})
