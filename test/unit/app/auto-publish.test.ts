// What `publishAuto` does with a sandbox that listens on whatever it likes, as often as it likes.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { AutoPublish, TRIES_AT_ONCE, WARNINGS_AT_ONCE } from '../../../src/app/auto-publish.js'
import type { LoopbackHint } from '../../../src/app/loopback-hint.js'
import type { Publication, Publications } from '../../../src/app/publications.js'
import type { PublishOptions } from '../../../src/app/publish-spec.js'
import type { NativeContext } from '../../../src/host/native.js'
import { NetloomError } from '../../../src/util/errors.js'

const WORDS = 5
const MAPPED = 0xffff
const LOOK = 100

/** A sandbox that listens on 10.0.2.100 at `ports`, and a host that has the ports of `taken` in use. */
class Played {
  readonly scratch = new ArrayBuffer(16_384)
  readonly warnings: string[] = []
  readonly published = new Set<number>()
  tries = 0
  ports: number[] = []
  isTaken = false
  #now = 0

  readonly auto = new AutoPublish(
    this as unknown as NativeContext,
    this as unknown as Publications,
    { first: 1, last: 65_535 },
    { tell: () => {} } as unknown as LoopbackHint,
    { directLoopback: false, publishDriver: 'auto', log: { warn: (line: string) => this.warnings.push(line), verbose: () => {} } as never },
  )

  now = (): number => this.#now

  /** Of the next questions, -errno; 0: there is an answer. */
  failure = 0

  listenersOf = (): number => {
    if (this.failure < 0) return this.failure
    const words = new Int32Array(this.scratch)
    for (const [i, port] of this.ports.entries()) words.set([0, 0, MAPPED, 0x0a000264, port], i * WORDS)
    return this.ports.length
  }

  open = ([{ hostPort = 0 }]: [PublishOptions]): Publication[] => {
    this.tries++
    if (this.isTaken) throw new NetloomError('EADDRINUSE', 'the port is in use')
    this.published.add(hostPort)
    return [{ close: () => this.published.delete(hostPort) } as unknown as Publication]
  }

  wait(ms: number): void {
    for (let i = 0; i < ms; i += LOOK) {
      this.#now += LOOK
      mock.timers.tick(LOOK)
    }
  }
}

function played(): Played & Disposable {
  mock.timers.enable({ apis: ['setInterval'] })
  const world = new Played()
  return Object.assign(world, {
    [Symbol.dispose]: () => {
      world.auto.stop()
      mock.timers.reset()
    },
  })
}

const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i)

test('a sandbox that listens on very many ports has them one after the other', () => {
  using world = played()
  world.ports = from(1000, 600)
  world.auto.start(3)
  assert.equal(world.published.size, TRIES_AT_ONCE)
  world.wait(1000)
  assert.ok(world.published.size < 400, `${world.published.size} are published`)
  world.wait(9000)
  assert.equal(world.published.size, 600)
})

test('one that listens on others with each question is neither tried nor warned about without end', () => {
  using world = played()
  world.isTaken = true
  world.auto.start(3)
  for (let i = 0; i < 100; i++) {
    world.ports = from(i % 2 === 0 ? 1000 : 2000, 500)
    world.wait(LOOK)
  }
  assert.ok(world.tries < 1000, `${world.tries} tries`)
  assert.ok(world.warnings.length <= WARNINGS_AT_ONCE + 10, `${world.warnings.length} warnings`)
})

test('what cannot be told now is asked again, and what is published stays until then', () => {
  using world = played()
  world.ports = [80]
  world.auto.start(5)
  assert.deepEqual([...world.published], [80])
  // ENOBUFS, then EBUSY: a guest with very many sockets.
  for (const errno of [105, 16]) {
    world.failure = -errno
    world.wait(30_000)
    assert.deepEqual([...world.published], [80])
  }
  assert.equal(world.warnings.length, 2)
  world.failure = 0
  world.ports = [81]
  world.wait(LOOK)
  assert.deepEqual([...world.published], [81])
})
