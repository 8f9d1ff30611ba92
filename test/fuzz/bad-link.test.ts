// Both directions over a bad link: a guest's TCP that shares nothing with ours, a host's socket that is full as often as not, and
// frames lost, doubled and overtaken in between. Every byte arrives once and in order, both ends see the other's FIN, within a
// bounded time, and nothing is left. Where the link is good nothing may be sent twice, and nobody may wait for a timer.
import { test } from 'node:test'
import { Conversation } from '../support/bad-link.js'
import { forEachSeed } from '../support/random.js'

const RUNS = 500
const FLOODS = 100

test('every byte once and in order, over any link', () => {
  forEachSeed('bad-link.test', RUNS, (random) => new Conversation(random).run())
})

test('and however many other flows are begun meanwhile', () => {
  forEachSeed('bad-link.test', FLOODS, (random) => new Conversation(random, true).run())
})
