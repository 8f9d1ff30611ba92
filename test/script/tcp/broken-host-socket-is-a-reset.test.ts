// RFC 9293, 3.10.5 (ABORT): a host that resets is a reset for the guest, whoever notices it and when.
import assert from 'node:assert/strict'
import { ours, script } from '../../support/script.js'
import { established, SYNCHRONIZED, synReceived } from '../../support/script-states.js'

for (const { state, begin, guest, next } of SYNCHRONIZED.filter((start) => start.state !== 'TIME-WAIT')) {
  ours(`the host breaks, in ${state}`, 'a relay whose other end breaks, in states that a user has no more say in', () => {
    const t = begin().hostBreaks()
    t.expect({ flags: 'R.', seq: next, ack: guest, text: '' })
    assert.ok(t.isOver)
  })
}

script('the reset has the number that the guest expects, whatever is in flight', () => {
  const t = established().hostSends('hello')
  t.expect({ text: 'hello' })
  t.hostBreaks().expect({ flags: 'R.', seq: 6, ack: 1 })
  assert.ok(t.isOver)
})

ours('in SYN-RECEIVED', 'a socket of the kernel is accepted when the guest has answered', () => {
  const t = synReceived().hostBreaks()
  t.expect({ flags: 'R.', seq: 1, ack: 1 })
})

ours('noticed by giving it text', 'a relay whose other end breaks', () => {
  const t = established()
  t.ours.host.isBroken = true
  t.guest({ seq: 1, text: 'x' }).expect({ flags: 'R.' })
})

ours('noticed by reading from it', 'a relay whose other end breaks', () => {
  const t = established()
  t.ours.host.isBroken = true
  t.hostSends('').expect({ flags: 'R.' })
})

ours('noticed when it drains', 'a relay whose other end breaks', () => {
  const t = established()
  t.ours.host.capacity = 1
  t.guest({ seq: 1, text: 'xyz' }).expect({ ack: 2 })
  t.ours.host.isBroken = true
  t.ours.hostDrains(100).expect({ flags: 'R.' })
})
