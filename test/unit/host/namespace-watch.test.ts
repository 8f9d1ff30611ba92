// Who watches the namespace of somebody else's while there is no descriptor to look with: it asks again, and takes the namespace to live.
import assert from 'node:assert/strict'
import { mock, type TestContext, test } from 'node:test'
import type { EventLoop } from '../../../src/host/event-loop.js'
import { NamespaceWatch } from '../../../src/host/namespace-watch.js'
import type { NativeContext } from '../../../src/host/native.js'
import type { Warden } from '../../../src/host/warden.js'

const ESRCH = 3
const EMFILE = 24
const ENOSPC = 28
const SECOND = 1000

class Kernel {
  readonly closed: number[] = []
  /** What pidfd_open(2) and epoll_ctl(2) come to: in place of a descriptor, of 0. */
  pidfd = 0
  epoll = 0
  #next = 100
  readonly pidfdOpen = () => (this.pidfd < 0 ? this.pidfd : this.#next++)
  readonly epollAdd = () => this.epoll
  readonly epollDelete = () => 0
  readonly closeDescriptor = (descriptor: number) => this.closed.push(descriptor)
}

/** Has to answer what a test says, question by question. */
class PlayedWarden {
  isGone = false
  asked = 0
  answers: (number | Error)[] = []
  nextProcess = async (): Promise<number> => {
    this.asked++
    const answer = this.answers.shift() ?? new Error('no answer')
    if (answer instanceof Error) throw answer
    return answer
  }
}

function watch(t: TestContext, warden: PlayedWarden | null): { kernel: Kernel; watched: NamespaceWatch; reason: () => string | undefined } {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const kernel = new Kernel()
  const loop = { serve: () => {} } as unknown as EventLoop
  const target = { pid: process.pid }
  const watched = new NamespaceWatch(kernel as unknown as NativeContext, loop, target, warden as unknown as Warden | null)
  t.after(() => watched.close())
  let reason: string | undefined
  void watched.ended.then((given) => {
    reason = given
  })
  return { kernel, watched, reason: () => reason }
}

/** Lets promises settle. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a process that cannot be held for want of a descriptor is not one that has ended', async (t) => {
  const { kernel, watched, reason } = watch(t, null)
  kernel.pidfd = -EMFILE
  watched.ready(0, 1)
  await settled()
  assert.equal(reason(), undefined)
  // One there is, and one that epoll cannot watch: asked again as well.
  kernel.pidfd = 0
  kernel.epoll = -ENOSPC
  mock.timers.tick(SECOND)
  await settled()
  assert.equal(reason(), undefined)
  assert.deepEqual(kernel.closed, [100, 101])
  kernel.pidfd = -ESRCH
  mock.timers.tick(SECOND)
  await settled()
  assert.match(reason()!, /has no process left/)
})

test('a warden that cannot tell now is asked again, until it can', async (t) => {
  const warden = new PlayedWarden()
  warden.answers = [7, new Error('EMFILE'), new Error('EMFILE'), -1]
  const { watched, reason } = watch(t, warden)
  await settled()
  watched.ready(0, 1)
  await settled()
  for (const asked of [2, 3]) {
    assert.deepEqual([warden.asked, reason()], [asked, undefined])
    mock.timers.tick(SECOND)
    await settled()
  }
  assert.match(reason()!, /has no process left/)
})

test('a warden that is gone is not asked again', async (t) => {
  const warden = new PlayedWarden()
  const { reason } = watch(t, warden)
  warden.isGone = true
  await settled()
  mock.timers.tick(10 * SECOND)
  await settled()
  assert.deepEqual([warden.asked, reason()], [1, undefined])
})
