import { TimerWheel } from '../../src/util/timer-wheel.js'
import type { MicroCase } from './measure.js'

const TIMERS = 4_096

/** 4,096 timers up to 8 s ahead, as many flows have them. */
function filled(): TimerWheel {
  const wheel = new TimerWheel(TIMERS + 1)
  for (let id = 0; id < TIMERS; id++) wheel.schedule(id, 200 + ((id * 7919) & 8191))
  return wheel
}

const restarted = filled()
const moved = filled()
const asked = filled()

const running = filled()
let now = 0
const again = {
  expire(id: number): void {
    running.schedule(id, (now + 200 + ((id * 7919) & 8191)) | 0)
  },
}

export const cases: readonly MicroCase[] = [
  {
    name: 'timer wheel: restart a timer (moves later)',
    run(count) {
      for (let i = 0; i < count; i++) restarted.schedule(i & (TIMERS - 1), 10_000 + i)
      return restarted.scheduled
    },
  },
  {
    name: 'timer wheel: schedule and cancel',
    run(count) {
      for (let i = 0; i < count; i++) {
        moved.schedule(TIMERS, 1 + (i & 8191))
        moved.cancel(TIMERS)
      }
      return moved.scheduled
    },
  },
  {
    name: 'timer wheel: next',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum += asked.next(i & 127)
      return sum
    },
  },
  {
    name: 'timer wheel: advance 1 ms, 4,096 timers of 0.2 to 8.4 s that set themselves again',
    run(count) {
      for (let i = 0; i < count; i++) {
        now = (now + 1) | 0
        running.advance(now, again)
      }
      return running.scheduled
    },
  },
]
