// `netloom demo`, the tour that a newcomer starts with `npm start`: all of it works for an unprivileged user.
import assert from 'node:assert/strict'
import { e2e } from '../support/e2e.js'
import { netloom, userProgram } from '../support/sandbox.js'
import { guestProgram, NETLOOM } from '../support/world.js'

e2e('the demo works from start to end', async (scope) => {
  const demo = scope.use(netloom(['demo'], { input: '' }))
  const outcome = await demo.finished
  assert.equal(outcome.status, 0, demo.describe())
  assert.equal(outcome.stderr, '')
  // Each step says what happened: the page, the ping, the name, the two rates, the flow table.
  for (const said of [/HTTP|page|fetch/i, /ping/i, /host\.netloom\.internal|name/i, /Gbit\/s/, /10\.0\.2\.100/])
    assert.match(outcome.stdout, said)
})

e2e('the demo fails, and says so, where it cannot work', async (scope) => {
  const demo = scope.use(userProgram([...guestProgram('deny.py'), 'unshare', 'ENOSPC', ...NETLOOM, 'demo'], { input: '' }))
  const outcome = await demo.finished
  assert.equal(outcome.status, 1, demo.describe())
  assert.match(outcome.stdout + outcome.stderr, /user namespace/i)
})
