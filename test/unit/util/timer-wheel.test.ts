import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_DELAY, TimerWheel } from '../../../src/util/timer-wheel.js'

/** Every power of 32 a level begins at, and 0 and 2^31, where int32 wraps. */
const STARTS = [0, 31, 1_000, -1, -40, 0x7fffffff, 0x7ffffff0, 0x3fffffff, -0x80000000, 0x55555555]

/** Short ones often, each magnitude up to half of MAX_DELAY sometimes, the past too. */
const delay = fc.oneof(
  fc.integer({ min: -50, max: 100 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 2_000_000 }),
  fc.integer({ min: 0, max: MAX_DELAY >> 1 }),
)

class Recorder {
  readonly fired: number[] = []
  expire(id: number): void {
    this.fired.push(id)
  }
  take(): number[] {
    return this.fired.splice(0)
  }
}

const IDS = 12

interface Step {
  kind: 'schedule' | 'cancel' | 'advance' | 'sleep'
  id: number
  delay: number
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step['kind']>('schedule', 'schedule', 'schedule', 'cancel', 'advance', 'sleep'),
    id: fc.nat({ max: IDS - 1 }),
    delay,
  }),
  { maxLength: 60 },
)

/** A map of deadlines, looked through from end to end. */
class NaiveTimers {
  readonly deadlines = new Map<number, number>()

  due(now: number): number[] {
    return [...this.deadlines].filter(([, deadline]) => ((deadline - now) | 0) <= 0).map(([id]) => id)
  }

  next(now: number): number {
    return Math.max(0, Math.min(...[...this.deadlines.values()].map((deadline) => (deadline - now) | 0)))
  }
}

test('agrees with a naive twin over random schedules, across the wrap of int32', () => {
  fc.assert(
    fc.property(fc.constantFrom(...STARTS), steps, (start, actions) => {
      const wheel = new TimerWheel(IDS, start)
      const naive = new NaiveTimers()
      const recorder = new Recorder()
      let now = start
      for (const { kind, id, delay } of actions) {
        if (kind === 'schedule') {
          wheel.schedule(id, (now + delay) | 0)
          naive.deadlines.set(id, (now + delay) | 0)
        } else if (kind === 'cancel') {
          wheel.cancel(id)
          naive.deadlines.delete(id)
        } else {
          const wait = wheel.next(now)
          if (kind === 'advance') now = (now + Math.abs(delay)) | 0
          else if (wait > 0) now = (now + wait) | 0
          const expected = naive.due(now)
          for (const due of expected) naive.deadlines.delete(due)
          wheel.advance(now, recorder)
          assert.deepEqual(recorder.take().toSorted(), expected.toSorted())
        }
        assert.equal(wheel.scheduled, naive.deadlines.size)
        for (let other = 0; other < IDS; other++) assert.equal(wheel.isScheduled(other), naive.deadlines.has(other))
        if (naive.deadlines.size === 0) assert.equal(wheel.next(now), -1)
        else assert.ok(wheel.next(now) <= naive.next(now) && wheel.next(now) >= 0)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('who sleeps as long as next says is never late, and wakes for nothing only a few times a timer', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...STARTS),
      fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 1, maxLength: 50 }),
      (start, delays) => {
        const wheel = new TimerWheel(delays.length, start)
        let now = start
        let wakes = 0
        delays.forEach((ms, id) => {
          wheel.schedule(id, (start + ms) | 0)
        })
        const handler = {
          expire(id: number): void {
            assert.equal(now, (start + delays[id]!) | 0)
          },
        }
        for (let wait = wheel.next(now); wait >= 0; wait = wheel.next(now)) {
          now = (now + wait) | 0
          wheel.advance(now, handler)
          wakes++
        }
        assert.ok(wakes <= 5 * delays.length, `${wakes} wakes for ${delays.length} timers`)
      },
    ),
  )
})

test('a timer alone is slept for in one go', () => {
  for (const ms of [1, 31, 32, 33, 1_000, 5_000, 120_000, 86_400_000]) {
    const wheel = new TimerWheel(4)
    wheel.schedule(2, ms)
    assert.equal(wheel.next(0), ms)
  }
})

test('expires at its deadline, not a millisecond before', () => {
  for (const start of STARTS) {
    for (const ms of [1, 31, 32, 33, 1_023, 1_024, 32_768, 1_048_576, 1 << 25, 1 << 30, MAX_DELAY]) {
      const wheel = new TimerWheel(1, start)
      const recorder = new Recorder()
      wheel.schedule(0, (start + ms) | 0)
      wheel.advance((start + ms - 1) | 0, recorder)
      assert.deepEqual(recorder.take(), [], `${start} + ${ms} - 1`)
      wheel.advance((start + ms) | 0, recorder)
      assert.deepEqual(recorder.take(), [0], `${start} + ${ms}`)
      assert.equal(wheel.scheduled, 0)
    }
  }
})

test('the earlier deadline comes first', () => {
  const wheel = new TimerWheel(100)
  const order: number[] = []
  const deadlines = Array.from({ length: 100 }, (_, id) => 1 + ((id * 7919) % 50_000))
  deadlines.forEach((deadline, id) => {
    wheel.schedule(id, deadline)
  })
  wheel.advance(100_000, { expire: (id) => order.push(deadlines[id]!) })
  assert.deepEqual(
    order,
    deadlines.toSorted((a, b) => a - b),
  )
})

test('moved later, then earlier than that, then later: only the last counts', () => {
  const wheel = new TimerWheel(1)
  const recorder = new Recorder()
  wheel.schedule(0, 100)
  wheel.schedule(0, 5_000)
  wheel.schedule(0, 300)
  wheel.schedule(0, 50)
  wheel.schedule(0, 200)
  wheel.advance(199, recorder)
  assert.deepEqual(recorder.take(), [])
  assert.equal(wheel.next(199), 1)
  wheel.advance(200, recorder)
  assert.deepEqual(recorder.take(), [0])
})

test('a deadline in the past is due at once', () => {
  const wheel = new TimerWheel(2, 1_000)
  const recorder = new Recorder()
  wheel.schedule(0, 10)
  wheel.schedule(1, 1_000)
  assert.equal(wheel.next(1_000), 0)
  wheel.advance(1_000, recorder)
  assert.deepEqual(recorder.take(), [0, 1])
  assert.equal(wheel.next(1_000), -1)
})

test('a handler that sets itself again to now does not keep advance from ending', () => {
  const wheel = new TimerWheel(1)
  let count = 0
  const handler = {
    expire(id: number): void {
      count++
      wheel.schedule(id, 10)
    },
  }
  wheel.schedule(0, 10)
  wheel.advance(10, handler)
  assert.equal(count, 1)
  assert.equal(wheel.next(10), 0)
  wheel.advance(10, handler)
  assert.equal(count, 2)
})

test('handlers schedule and cancel any timer: none fires that was cancelled or moved, none is lost', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...STARTS),
      steps,
      fc.array(fc.tuple(fc.nat({ max: IDS - 1 }), fc.boolean(), delay), { minLength: 1 }),
      (start, actions, plan) => {
        const wheel = new TimerWheel(IDS, start)
        const deadlines = new Map<number, number>()
        const touched = new Set<number>()
        let now = start
        let turn = 0
        const schedule = (id: number, deadline: number): void => {
          wheel.schedule(id, deadline)
          deadlines.set(id, deadline)
        }
        const handler = {
          expire(id: number): void {
            assert.ok(deadlines.has(id), 'fired, but not scheduled')
            assert.ok(((deadlines.get(id)! - now) | 0) <= 0, 'fired too early')
            assert.equal(wheel.isScheduled(id), false)
            deadlines.delete(id)
            const [other, cancel, ms] = plan[turn++ % plan.length]!
            touched.add(other)
            if (cancel) {
              wheel.cancel(other)
              deadlines.delete(other)
            } else {
              schedule(other, (now + ms) | 0)
            }
          },
        }
        for (const { kind, id, delay: ms } of actions) {
          if (kind === 'schedule') schedule(id, (now + ms) | 0)
          if (kind === 'advance') now = (now + Math.abs(ms)) | 0
          if (kind === 'sleep') now = (now + Math.max(0, wheel.next(now))) | 0
          touched.clear()
          wheel.advance(now, handler)
          for (const [left, deadline] of deadlines) {
            assert.equal(wheel.isScheduled(left), true)
            if (((deadline - now) | 0) <= 0) assert.ok(touched.has(left), 'overdue')
          }
          assert.equal(wheel.scheduled, deadlines.size)
        }
        for (const id of [...deadlines.keys()]) wheel.cancel(id)
        assert.equal(wheel.scheduled, 0)
        assert.equal(wheel.next(now), -1)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a handler that throws loses its own expiry only', () => {
  const wheel = new TimerWheel(3)
  for (let id = 0; id < 3; id++) wheel.schedule(id, 10 + id)
  const handler = {
    expire(id: number): void {
      if (id === 0) throw new Error('broken')
    },
  }
  assert.throws(() => wheel.advance(100, handler), /broken/)
  assert.equal(wheel.next(100), 0)
  const recorder = new Recorder()
  wheel.advance(100, recorder)
  assert.deepEqual(recorder.take(), [1, 2])
})

test('a clock that stands still or goes back does nothing but what is due', () => {
  const wheel = new TimerWheel(2, 1_000)
  const recorder = new Recorder()
  wheel.schedule(0, 1_100)
  wheel.advance(1_000, recorder)
  wheel.advance(900, recorder)
  assert.deepEqual(recorder.take(), [])
  wheel.advance(1_100, recorder)
  assert.deepEqual(recorder.take(), [0])
})

test('idle for longer than int32 can tell, then used again', () => {
  const wheel = new TimerWheel(1, 0)
  const recorder = new Recorder()
  const later = -0x70000000
  wheel.advance(later, recorder)
  wheel.schedule(0, later + 50)
  assert.equal(wheel.next(later), 50)
  wheel.advance(later + 49, recorder)
  assert.deepEqual(recorder.take(), [])
  wheel.advance(later + 50, recorder)
  assert.deepEqual(recorder.take(), [0])
})
