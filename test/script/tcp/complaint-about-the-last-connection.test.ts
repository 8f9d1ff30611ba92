// RFC 5927, 4.1: an ICMP error is believed only when it is about something in flight. Of a connection that has not sent anything yet there is
// nothing, whatever the one before it on the same row has left there.
import assert from 'node:assert/strict'
import * as icmp from '../../../src/wire/icmpv4.js'
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const ROW = 1

ours('an error about the connection before does not touch the one that is held', 'the row is used again', () => {
  const t = established().ours
  t.hostSends('hello').ignore()
  const sequence = t.connection.sndUna
  t.guest({ flags: 'R', seq: 1 }).guest({ flags: 'S', seq: 5000 })
  assert.equal(t.state, 'LISTEN')
  t.demux.unreachable(ROW, sequence, icmp.FRAGMENTATION_NEEDED, 1000, t.now)
  t.demux.settle(t.now)
  assert.equal(t.tcp.timers.scheduled, 0)
  assert.equal(t.tcp.retransmissions, 0)
})
