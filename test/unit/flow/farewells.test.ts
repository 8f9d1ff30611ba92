// Connections that are over while bytes are still on their way: who is reset when, and who ends in order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLIENT, CLIENT_ENDED, Farewells, GUEST_ENDED, LEFT, PARTNER, PIPE_READ, PIPE_WRITE, PIPED } from '../../../src/flow/farewells.js'
import { MOVE_EMPTY, MOVE_ENDED, MOVE_FROM_BROKEN, MOVE_FULL, type NativeContext } from '../../../src/host/native.js'

const PATIENCE = 10_000
const MOST = 256

class Kernel {
  readonly scratch = new ArrayBuffer(64)
  readonly done: string[] = []
  unsent = 0
  unread = 0
  /** Of the next moves: flags, bytes taken and given. */
  results: (readonly [number, number, number])[] = []
  readonly epollDelete = () => 0
  readonly tcpUnsent = () => this.unsent
  readonly tcpUnread = () => this.unread
  readonly tcpReset = (descriptor: number) => this.done.push(`reset ${descriptor}`)
  readonly tcpShutdown = (descriptor: number) => this.done.push(`end ${descriptor}`)
  readonly tcpDiscard = (descriptor: number) => this.done.push(`discard ${descriptor}`)
  readonly closeDescriptor = (descriptor: number) => this.done.push(`close ${descriptor}`)

  spliceMove(): number {
    const [flags, taken, given] = this.results.shift() ?? [MOVE_FULL, 0, 0]
    new Int32Array(this.scratch).set([taken, given])
    return flags
  }
}

function make(): { kernel: Kernel; farewells: Farewells } {
  const kernel = new Kernel()
  return { kernel, farewells: new Farewells(kernel as unknown as NativeContext, 4) }
}

/** A connection past the interface: client 1, server 2, pipe 3 and 4. */
function part({ farewells }: { farewells: Farewells }, piped: number, left: number, ended = 0): void {
  farewells.next[CLIENT] = 1
  farewells.next[PARTNER] = 2
  farewells.next[PIPE_READ] = 3
  farewells.next[PIPE_WRITE] = 4
  farewells.next[PIPED] = piped
  farewells.next[LEFT] = left
  farewells.next[GUEST_ENDED] = ended
  farewells.next[CLIENT_ENDED] = 0
  farewells.add(0)
}

test('with nothing under way it is over at once', () => {
  const { kernel, farewells } = make()
  farewells.addSocket(1, 0)
  assert.deepEqual([kernel.done, farewells.count, farewells.expire(5)], [['reset 1'], 0, -1])
})

test('a stream that is cut is reset when its bytes have arrived, and not before', () => {
  const { kernel, farewells } = make()
  kernel.unsent = 500
  farewells.addSocket(1, 0)
  assert.equal(farewells.expire(0), 100)
  for (let now = 100; now < 2 * PATIENCE; now += 1000) {
    // It is slow, but comes on.
    kernel.unsent--
    assert.equal(farewells.expire(now), 100)
  }
  assert.deepEqual(kernel.done, [])
  kernel.unsent = 0
  assert.equal(farewells.expire(2 * PATIENCE), -1)
  assert.deepEqual(kernel.done, ['reset 1'])
})

test('a client that stands still is given up after a while: it keeps what its kernel has', () => {
  const { kernel, farewells } = make()
  kernel.unsent = 500
  kernel.unread = 7
  farewells.addSocket(1, 0)
  farewells.expire(PATIENCE - 1)
  assert.deepEqual(kernel.done, [])
  farewells.expire(PATIENCE + 100)
  assert.deepEqual(kernel.done, ['end 1', 'discard 1', 'close 1'])
})

test('what is in the pipe and in the guest’s socket goes on to the client, then both are told', () => {
  const world = make()
  const { kernel, farewells } = world
  kernel.results = [[MOVE_FULL, 50, 30]]
  part(world, 100, 200)
  assert.deepEqual([kernel.done, farewells.count], [[], 1])
  kernel.results = [[MOVE_EMPTY, 150, 270]]
  farewells.expire(100)
  assert.deepEqual([kernel.done, farewells.count], [['reset 1', 'reset 2', 'close 3', 'close 4'], 0])
})

test('the guest’s own end, found behind its bytes, is an end and no reset; what was cut by a reset is one', () => {
  for (const [flag, expected] of [
    [MOVE_ENDED, ['end 1', 'close 1', 'reset 2', 'close 3', 'close 4']],
    [MOVE_FROM_BROKEN, ['reset 1', 'reset 2', 'close 3', 'close 4']],
  ] as const) {
    const world = make()
    world.kernel.results = [[flag, 10, 10]]
    part(world, 0, 200)
    assert.deepEqual(world.kernel.done, expected)
  }
})

test('bytes that have got no further than the pipe are lost with who is given up, and a reset says so', () => {
  const world = make()
  part(world, 100, 0, 1)
  world.farewells.close()
  assert.deepEqual(world.kernel.done, ['reset 1', 'reset 2', 'close 3', 'close 4'])
  assert.equal(world.farewells.count, 0)
})

test('so many may wait while the network goes on; when it ends, all', () => {
  const { kernel, farewells } = make()
  kernel.unsent = 1
  for (let i = 1; i <= MOST; i++) farewells.addSocket(i, i === 7 ? -1 : 0)
  assert.deepEqual([farewells.count, kernel.done], [MOST, []])
  farewells.addSocket(1000, 1)
  assert.deepEqual([farewells.count, kernel.done], [MOST, ['end 7', 'close 7']], 'the one that has waited longest makes room')
  farewells.isLast = true
  for (let i = 1; i <= 4; i++) farewells.addSocket(2000 + i, 0)
  assert.equal(farewells.count, MOST + 4)
  farewells.close()
  assert.equal(kernel.done.filter((what) => what.startsWith('close')).length, MOST + 5)
})
