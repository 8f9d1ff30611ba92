// RFC 9293, 3.10.7.4, eighth: a FIN counts when all text before it has come; here also when the host has taken it.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('for the text before it', () => {
  const t = established().guest({ seq: 4, flags: 'F.', text: 'def' })
  t.expect({ flags: '.', ack: 1 })
  assert.deepEqual([t.state, t.told], ['ESTABLISHED', 'nothing'])
  t.guest({ seq: 1, text: 'abc' }).expect({ flags: '.', ack: 8 })
  assert.deepEqual([t.state, t.received, t.told], ['CLOSE-WAIT', 'abcdef', 'end'])
})

script('by itself', () => {
  const t = established().guest({ seq: 4, flags: 'F.' })
  t.expect({ flags: '.', ack: 1 })
  t.guest({ seq: 1, text: 'abc' }).expect({ flags: '.', ack: 5 })
  assert.deepEqual([t.state, t.received], ['CLOSE-WAIT', 'abc'])
})

ours('for the host to take what comes before it', 'a relay whose other end is full', () => {
  const t = established()
  const { host } = t.ours
  host.capacity = 2
  t.guest({ seq: 1, flags: 'F.', text: 'abcd' }).expect({ ack: 3 })
  assert.deepEqual(host.events, ['want-room'])
  t.ours.hostDrains(100).expect({ ack: 6 })
  assert.deepEqual(host.events, ['want-room', 'finish'])
})
