// Random conversations against one connection, begun in each of the eleven states: what must hold does at every step
// (test/support/conversation-checks.ts), and however they went, two ends that mean well from then on bring the connection to its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STATES } from '../../src/tcp/state.js'
import { forEachSeed } from '../support/random.js'
import { RandomConversation } from '../support/tcp-conversation.js'

/** As many of each state. */
const RUNS = 60 * STATES.length
/** Steps in the state that a run is about; it is begun in again as often as it is left. */
const STEPS = [10, 30, 110]
/** Steps in other states, until it is begun in again. */
const ASTRAY = [0, 0, 2, 10]
/** No state may see less than half of what would be its share of all steps. */
const LEAST_SHARE = 0.5 / STATES.length

test('whatever the guest and the host do, in whatever order', (context) => {
  const steps = new Map(STATES.map((state) => [state, 0]))
  let runs = 0
  forEachSeed('tcp-conversation.test', RUNS, (random, seed) => {
    const start = STATES[seed % STATES.length]!
    const conversation = new RandomConversation(random)
    for (let left = random.pick(STEPS); left > 0; ) {
      conversation.begin(start)
      for (let astray = random.pick(ASTRAY); left > 0 && astray >= 0; conversation.step()) {
        const { state } = conversation
        if (state === start) left--
        else astray--
        steps.set(state, steps.get(state)! + 1)
      }
      if (random.chance(80)) conversation.finish()
      conversation.t.ends()
    }
    runs++
  })
  const total = [...steps.values()].reduce((sum, count) => sum + count)
  const shares = [...steps].map(([state, count]) => `${state} ${((100 * count) / total).toFixed(1)} %`).join(', ')
  context.diagnostic(`${total} steps: ${shares}`)
  if (runs < RUNS) return
  for (const [state, count] of steps) assert.ok(count >= LEAST_SHARE * total, `too few steps in ${state}: ${shares}`)
})
