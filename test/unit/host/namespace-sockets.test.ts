// Sockets of the guest's namespace that are kept ready: what is made, what is used again, and what is closed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NamespaceSockets } from '../../../src/host/namespace-sockets.js'
import type { NativeContext } from '../../../src/host/native.js'

const EISCONN = 106
const EAGAIN = 11
const EMFILE = 24
const SECOND = 1000

class Kernel {
  readonly scratch = new ArrayBuffer(256)
  readonly minted: number[] = []
  readonly closed: number[] = []
  next = 100
  /** How many can be had at a time; what recycling comes to. */
  most = 1000
  recycled = 0
  /** Where none can be had: why. */
  errno = EMFILE

  socketMint(_seed: number, _other: number, count: number): number {
    const made = Math.min(count, this.most)
    this.minted.push(made)
    const words = new Int32Array(this.scratch)
    for (let i = 0; i < made; i++) words[i] = this.next++
    return made === 0 ? -this.errno : made
  }

  socketRecycle(): number {
    return this.recycled
  }

  closeDescriptor(descriptor: number): number {
    this.closed.push(descriptor)
    return 0
  }
}

function make(): { kernel: Kernel; sockets: NamespaceSockets } {
  const kernel = new Kernel()
  return { kernel, sockets: new NamespaceSockets(kernel as unknown as NativeContext, { tcp: [3, 4], diag: [5] }) }
}

test('nothing is made before the first connection; then a stock, at the end of its turn', () => {
  const { kernel, sockets } = make()
  sockets.refill(0)
  assert.deepEqual(kernel.minted, [])
  assert.equal(sockets.take(0), 100)
  sockets.refill(0)
  sockets.refill(0)
  assert.deepEqual(kernel.minted, [1, 16])
})

test('one that comes back is the next one that is taken', () => {
  const { kernel, sockets } = make()
  const socket = sockets.take(0)
  sockets.refill(0)
  for (let i = 0; i < 100; i++) {
    sockets.give(socket)
    assert.equal(sockets.take(0), socket)
    sockets.refill(0)
  }
  assert.deepEqual([kernel.minted, kernel.closed], [[1, 16], []])
})

test('one that is still connected is closed, and so are those beyond 64', () => {
  const { kernel, sockets } = make()
  kernel.recycled = -EISCONN
  sockets.give(7)
  assert.deepEqual(kernel.closed, [7])
  kernel.recycled = 0
  for (let i = 0; i < 70; i++) sockets.give(1000 + i)
  assert.deepEqual(kernel.closed, [7, ...Array.from({ length: 6 }, (_, i) => 1064 + i)])
  sockets.close()
  assert.deepEqual(kernel.closed.slice(7, 10), [3, 4, 5])
  assert.equal(kernel.closed.length, 7 + 3 + 64)
})

test('where none can be made it is tried again after a second', () => {
  const { kernel, sockets } = make()
  kernel.most = 0
  assert.equal(sockets.take(0), -1)
  assert.equal(sockets.take(SECOND - 1), -1)
  assert.equal(kernel.minted.length, 1)
  kernel.most = 1000
  assert.equal(sockets.take(SECOND), 100)
})

test('one that is not there yet is asked for again soon, for a tenth of a second; and then after a second', () => {
  const { kernel, sockets } = make()
  kernel.most = 0
  kernel.errno = EAGAIN
  let tries = 0
  let now = 0
  for (let delay = sockets.delay(now); delay > 0; delay = sockets.delay(now)) {
    now += delay
    tries++
  }
  assert.ok(now >= 100 && now < 120 && tries <= 25)
  const before = kernel.minted.length
  assert.equal(sockets.take(now + 900), -1)
  assert.equal(kernel.minted.length, before)
  kernel.most = 1000
  assert.equal(sockets.delay(now + SECOND), 0)
  assert.equal(sockets.take(now + SECOND), 100)
  // Another failure is none that passes soon.
  kernel.most = 0
  kernel.errno = EMFILE
  assert.equal(sockets.delay(now + 2 * SECOND), 0)
})
