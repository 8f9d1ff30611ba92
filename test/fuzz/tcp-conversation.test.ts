// Random conversations against one connection: what must hold does at every step (test/support/tcp-conversation.ts), and however they
// went, two ends that mean well from then on bring the connection to its end.
import { test } from 'node:test'
import { forEachSeed } from '../support/random.js'
import { RandomConversation } from '../support/tcp-conversation.js'

const RUNS = 2000

test('whatever the guest and the host do, in whatever order', () => {
  forEachSeed('tcp-conversation.test', RUNS, (random) => {
    const conversation = new RandomConversation(random)
    for (let steps = random.between(5, 120); steps > 0; steps--) conversation.step()
    if (random.chance(80)) conversation.finish()
    conversation.t.ends()
  })
})
