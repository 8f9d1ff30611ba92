// What a host says first (a banner) may be there before the guest has answered our SYN-ACK.
import { ours, script } from '../../support/script.js'
import { synHeld, synReceived } from '../../support/script-states.js'

ours('text that came with the connect leaves as soon as the guest has answered', 'no kernel holds a SYN for another host', () => {
  const t = synHeld()
  t.ours.host.outgoing = 'banner'
  t.hostConnects().expect({ flags: 'S.' })
  t.guest({ seq: 1, ack: 1 }).expect({ seq: 1, text: 'banner' })
  t.guest({ seq: 1, ack: 7 })
})

ours('so does text, and the end, that comes before the answer', 'a socket of the kernel is accepted when the guest has answered', () => {
  const t = synReceived().hostSends('banner', true).silence()
  t.guest({ seq: 1, ack: 1 }).expect({ flags: 'FP.', seq: 1, text: 'banner' })
  t.guest({ seq: 1, ack: 8 })
})

script('text of the host leaves with the first turn after the handshake', () => {
  const t = synReceived().guest({ seq: 1, ack: 1 }).hostSends('banner')
  t.expect({ seq: 1, text: 'banner' })
  t.guest({ seq: 1, ack: 7 })
})
