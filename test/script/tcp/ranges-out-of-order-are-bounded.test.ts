// A guest cannot make us keep more than 16 ranges apart; what would open one more comes again (RFC 2018, 8: SACK is advice).
import assert from 'node:assert/strict'
import { MAX_HELD } from '../../../src/tcp/columns.js'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

ours('a range too many is dropped, one that joins others is not', 'how many ranges are kept is our choice', () => {
  const t = established()
  for (let i = 1; i <= MAX_HELD; i++) t.guest({ seq: 1 + 2 * i, text: 'x' }).ignore()
  const beyond = 3 + 2 * MAX_HELD
  t.guest({ seq: beyond, text: 'y' }).ignore()
  assert.equal(t.ours.connection.heldCount, MAX_HELD)
  t.guest({ seq: 4, text: 'z' }).ignore()
  assert.equal(t.ours.connection.heldCount, MAX_HELD - 1)
  t.guest({ seq: 1, text: 'ab' }).expect({ ack: 6 })
  t.guest({ seq: beyond, text: 'y' }).expect({ ack: 6 })
  let text = ''
  for (let seq = 6; seq < beyond; seq++) text += seq % 2 === 0 ? 'b' : 'x'
  t.guest({ seq: 6, text }).expect({ ack: beyond + 1, sack: [] })
  assert.equal(t.received, `abxzx${text}y`)
})
