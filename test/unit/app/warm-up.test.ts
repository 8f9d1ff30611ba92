/*
 * Warming up: what is practised comes to its end, and leaves nothing behind.
 */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { PRACTICE_BYTES } from '../../../src/app/practice.js'
import { WarmUp } from '../../../src/app/warm-up.js'
import { EPOLLIN } from '../../../src/host/event-loop.js'
import { createContext, type NativeContext } from '../../../src/host/native.js'

/** In front of what it may use: the arena of the network itself. */
const BEFORE = 65_536
const JUNK = 0xa5

const descriptors = (): number => readdirSync('/proc/self/fd').length

function makeContext(t: TestContext): NativeContext {
  const native = createContext(BEFORE + PRACTICE_BYTES)
  t.after(() => native.close())
  new Uint8Array(native.arena, 0, BEFORE).fill(JUNK)
  return native
}

/** Its arena is as it was, nobody's descriptors are left, and the event loop has heard of none. */
function assertUntouched(native: NativeContext, before: number): void {
  assert.equal(descriptors(), before)
  assert.ok(new Uint8Array(native.arena, 0, BEFORE).every((byte) => byte === JUNK))
  const whole = BEFORE + (-BEFORE & 4095)
  assert.ok(new Uint8Array(native.arena, whole, PRACTICE_BYTES & ~4095).every((byte) => byte === 0))
  assert.equal(native.epollWait(1, 0), 0)
}

test('comes to its end, and leaves nothing', async (t) => {
  const native = makeContext(t)
  const before = descriptors()
  const warmUp = new WarmUp(native, BEFORE)
  warmUp.start()
  assert.equal(await warmUp.ended, true)
  assertUntouched(native, before)
})

test('given up in the middle, it leaves nothing either', async (t) => {
  const native = makeContext(t)
  const before = descriptors()
  const warmUp = new WarmUp(native, BEFORE)
  warmUp.start()
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(descriptors() > before)
  warmUp.stop()
  assert.equal(await warmUp.ended, false)
  assertUntouched(native, before)
  warmUp.stop()
})

test('what else is ready has its turn in between', async (t) => {
  const native = makeContext(t)
  native.streamPair()
  const [ours, theirs] = new Int32Array(native.scratch) as unknown as [number, number]
  native.epollAdd(ours, 7, EPOLLIN)
  const warmUp = new WarmUp(native, BEFORE)
  warmUp.start()
  await new Promise((resolve) => setImmediate(resolve))
  native.tcpSend(theirs, 0, 1)
  assert.equal(native.epollWait(8, 0), 1)
  assert.equal(new Int32Array(native.scratch)[0], 7)
  assert.equal(await warmUp.ended, true)
  native.closeDescriptor(ours)
  native.closeDescriptor(theirs)
})

for (const call of ['framePair', 'streamPair'] as const) {
  test(`without descriptors (${call}) it is given up, and nobody hears of it`, async (t) => {
    const native = makeContext(t)
    const before = descriptors()
    const EMFILE = 24
    const warmUp = new WarmUp({ ...native, [call]: () => -EMFILE }, BEFORE)
    warmUp.start()
    assert.equal(await warmUp.ended, false)
    assertUntouched(native, before)
  })
}
