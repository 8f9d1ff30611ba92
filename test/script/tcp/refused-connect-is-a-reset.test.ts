// RFC 9293, 3.10.7.1: a host that refuses is, for the guest, a port where nobody listens.
import assert from 'node:assert/strict'
import { begin, ours } from '../../support/script.js'
import { synHeld } from '../../support/script-states.js'

const WHY = 'no kernel connects for another host'

ours('a host that refuses is a reset for the guest, which acknowledges its SYN', WHY, () => {
  const t = synHeld().hostBreaks()
  t.expect({ flags: 'R.', seq: 0, ack: 1, window: 0 })
  assert.ok(t.isOver)
})

ours('it acknowledges the SYN that counts', WHY, () => {
  const t = begin({}).guest({ flags: 'S', seq: 0 }, { flags: 'S', seq: 9 }).hostBreaks()
  t.expect({ flags: 'R.', ack: 10 })
})

ours('it acknowledges what the SYN has brought, text and FIN (RFC 9293, 3.10.7.1: SEG.SEQ + SEG.LEN)', WHY, () => {
  const text = begin({}).guest({ flags: 'S', seq: 0, text: 'hello' }).hostBreaks()
  text.expect({ flags: 'R.', seq: 0, ack: 6 })
  const fin = begin({}).guest({ flags: 'SF', seq: 0, text: 'hello' }).hostBreaks()
  fin.expect({ flags: 'R.', seq: 0, ack: 7 })
  // A SYN that comes again without its text is the same one.
  const again = begin({}).guest({ flags: 'S', seq: 0, text: 'hello' }, { flags: 'S', seq: 0 }).hostBreaks()
  again.expect({ flags: 'R.', seq: 0, ack: 6 })
})
