// RFC 5961, 7: challenge acknowledgments are limited, here for each connection, so that two ends that disagree do not talk for ever, and no
// stranger can measure a common limit. Text is always answered.
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

const WHY = 'how often is a choice'

for (const [what, segment] of [
  ['resets in the window', { seq: 50, flags: 'R' }],
  ['SYNs', { seq: 50, flags: 'S' }],
  ['acknowledgments of nothing sent', { seq: 1, ack: 500 }],
  ['acknowledgments with old numbers', { seq: -500, ack: 1 }],
] as const) {
  ours(`${what}: one answer in half a second`, WHY, () => {
    const t = established().guest(segment)
    t.expect({ flags: '.', seq: 1, ack: 1 })
    for (let i = 0; i < 10; i++) t.wait(45).guest(segment).silence()
    t.wait(50).guest(segment).expect({ flags: '.', seq: 1, ack: 1 })
  })
}

ours('text out of the window is answered each time', WHY, () => {
  const t = established().guest({ seq: 1, text: 'abc' })
  t.expect({ ack: 4 })
  for (let i = 0; i < 10; i++) t.guest({ seq: 1, text: 'abc' }).expect({ flags: '.', ack: 4 })
})
