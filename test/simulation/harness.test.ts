// The simulation itself: it does the same each time, and a stack that breaks a promise does not get by. A test that finds nothing must be known
// to find something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../../src/tcp/connection.js'
import { Simulation } from '../support/simulation.js'
import { ROW } from '../support/simulation-host.js'
import { draw } from '../support/simulation-plan.js'
import { runTraced } from '../support/simulation-seeds.js'
import type { Side } from '../support/simulation-side.js'
import { Trace } from '../support/simulation-trace.js'

const SEEDS = 200

/** How many seeds fail with a message like this one when side A's stack has been tampered with. */
function failures(message: RegExp, tamper: (side: Side, c: Connection) => void): number {
  let found = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const simulation = new Simulation(draw(seed))
    tamper(simulation.a, simulation.a.tcp.connection(ROW))
    try {
      simulation.run()
    } catch (error) {
      if (message.test((error as Error).message)) found++
    }
  }
  return found
}

test('a seed is the same each time', () => {
  for (const seed of [3, 4, 5, 6]) {
    const [first, second] = [new Trace(1e6), new Trace(1e6)]
    assert.equal(runTraced(seed, first), runTraced(seed, second))
    assert.ok(first.lines.length > 3)
    assert.deepEqual(first.lines, second.lines)
  }
})

test('the trace changes nothing', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [plain, traced] = [new Simulation(draw(seed)), new Simulation(draw(seed), new Trace(100))]
    plain.run()
    traced.run()
    assert.equal(plain.t, traced.t)
    assert.equal(plain.b.watch.frames, traced.b.watch.frames)
  }
})

test('text from another place is found', () => {
  const found = failures(/that were not written|read on from/, (side) => {
    const { host } = side
    const rewind = host.rewind.bind(host)
    host.rewind = (c, offset) => rewind(c, Math.max(0, offset - 1))
  })
  assert.ok(found > SEEDS / 20, `${found} seeds`)
})

test('text beyond the window is found', () => {
  const found = failures(/in a window up to/, (side, c) => {
    side.onSent = () => {
      c.sndWnd += 1000
      c.maxWnd += 1000
    }
  })
  assert.ok(found > SEEDS / 10, `${found} seeds`)
})

test('an acknowledgment of what the host does not have is found', () => {
  const found = failures(/and the host's kernel has/, (side) => {
    const { host } = side
    const send = host.send.bind(host)
    host.send = (c, at, length) => (send(c, at, length) >= 0 ? length : -1)
  })
  assert.ok(found > SEEDS / 20, `${found} seeds`)
})

test('a host that is not told of the end is found', () => {
  const found = failures(/./, (side) => {
    side.host.finish = () => {}
  })
  assert.ok(found > SEEDS / 2, `${found} seeds`)
})

test('a reset that nobody asked for is found', () => {
  const found = failures(/given up after|a reset at the end/, (side) => {
    side.host.consume = (_c, length) => {
      side.host.acknowledged += length
      if (side.host.acknowledged > 2000) side.demux.hostBroken(ROW, side.now)
    }
  })
  assert.ok(found > SEEDS / 20, `${found} seeds`)
})

test('what is left behind is found', () => {
  const rings = failures(/a receive ring was left/, (side) => void side.slabs.acquire(0))
  assert.ok(rings > SEEDS / 2, `${rings} seeds`)
})
