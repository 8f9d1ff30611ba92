// Turns of the event loop, over a kernel that only does what the test says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventLoop, type TurnHandler } from '../../../src/host/event-loop.js'
import { FakeKernel } from '../../support/fake-kernel.js'

/** Takes part in turns, and has so much to do that it takes several. */
class Work implements TurnHandler {
  turns = 0
  /** Turns that are needed yet. */
  left = 0
  /** The next expiry makes as much work. */
  onExpiry = 0
  /** ms until the next deadline. */
  next = -1

  begin(): void {
    this.turns++
  }
  resume(): void {
    if (this.left > 0) this.left--
  }
  settle(): void {}
  expire(): number {
    this.left += this.onExpiry
    this.onExpiry = 0
    return this.next
  }
  get hasWork(): boolean {
    return this.left > 0
  }
}

function started(work = new Work()): { kernel: FakeKernel; loop: EventLoop; work: Work } {
  const kernel = new FakeKernel(64, 1000)
  const loop = new EventLoop(kernel.native)
  loop.start(work)
  return { kernel, loop, work }
}

test('without work or deadline nothing is armed, and nothing turns', () => {
  const { kernel, work } = started()
  assert.equal(kernel.untilTimer, -1)
  kernel.run()
  assert.equal(work.turns, 1)
})

test('work that a turn outside of any event leaves goes on without one', () => {
  const { kernel, loop, work } = started()
  work.left = 30
  loop.schedule()
  assert.equal(kernel.untilTimer, 0)
  kernel.run()
  assert.equal(work.left, 0)
  assert.equal(kernel.untilTimer, -1)
})

test('work that the expiry of a timer begins goes on without an event', () => {
  const { kernel, loop, work } = started()
  work.next = 50
  loop.schedule()
  assert.equal(kernel.untilTimer, 50)
  work.next = -1
  work.onExpiry = 3
  kernel.time += 50
  kernel.run()
  assert.equal(work.left, 0)
  assert.equal(kernel.untilTimer, -1)
})

test('an event whose turn leaves nothing is one turn', () => {
  const { kernel, loop, work } = started()
  work.next = 10
  loop.schedule()
  work.next = -1
  const before = work.turns
  kernel.time += 10
  kernel.run()
  assert.equal(work.turns, before + 1)
})

test('a loop that was stopped within a turn arms nothing', () => {
  const { kernel, loop, work } = started()
  work.next = 5
  loop.schedule()
  work.expire = () => {
    loop.stop()
    return 1
  }
  work.left = 9
  kernel.time += 5
  kernel.run()
  assert.equal(kernel.untilTimer, -1)
})
