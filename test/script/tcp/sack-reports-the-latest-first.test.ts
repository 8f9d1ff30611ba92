// RFC 2018, 4: the first block is the one with the segment that triggered the acknowledgment; those reported before follow.
import { script } from '../../support/script.js'
import { established } from '../../support/script-states.js'

script('the latest first, whichever it is', () => {
  const t = established()
  t.guest({ seq: 11, text: 'k' }).expect({ ack: 1, sack: [[11, 12]] })
  const second = t.guest({ seq: 21, text: 'u' }).expect({ ack: 1 })
  const third = t.guest({ seq: 5, text: 'e' }).expect({ ack: 1 })
  for (const [s, first] of [
    [second, [21, 22]],
    [third, [5, 6]],
  ] as const) {
    if (s.sack[0]?.join() !== first.join()) throw new Error(`${JSON.stringify(s.sack)}, not ${first} first`)
  }
})

script('the block grows with what joins it', () => {
  const t = established()
  t.guest({ seq: 11, text: 'k' }).expect({ sack: [[11, 12]] })
  t.guest({ seq: 12, text: 'l' }).expect({ sack: [[11, 13]] })
  t.guest({ seq: 10, text: 'j' }).expect({ sack: [[10, 13]] })
})

script('an acknowledgment that moves on still tells of what is held behind it', () => {
  const t = established()
  t.guest({ seq: 11, text: 'k' }).expect({ sack: [[11, 12]] })
  t.guest({ seq: 1, text: 'abc' }).expect({ ack: 4, sack: [[11, 12]] })
})
