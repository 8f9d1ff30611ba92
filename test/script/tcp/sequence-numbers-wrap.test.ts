// RFC 9293, 3.4: numbers are modulo 2^32; a connection may cross 2^31 and 2^32 anywhere.
import assert from 'node:assert/strict'
import { script } from '../../support/script.js'
import { closeWait, established, timeWait } from '../../support/script-states.js'

for (const [what, irs] of [
  ['2^32', -3],
  ['2^31', 0x7fffffff - 2],
] as const) {
  script(`text, in and out of order, across ${what}`, () => {
    const t = established({ irs }).guest({ seq: 4, text: 'def' })
    t.expect({ ack: 1, sack: [[4, 7]] })
    t.guest({ seq: 1, text: 'abc' }).expect({ ack: 7 })
    t.guest({ seq: 1, text: 'abcdefghi' }).expect({ ack: 10 })
    assert.equal(t.received, 'abcdefghi')
    t.guest({ seq: 10, flags: 'F.' }).expect({ ack: 11 })
    assert.equal(t.state, 'CLOSE-WAIT')
  })
}

for (const irs of [-1, -2, 0x7fffffff, 0x7ffffffe]) {
  script(`SYN and FIN just there: ${irs}`, () => {
    assert.equal(closeWait({ irs }).state, 'CLOSE-WAIT')
  })
}

script('the guest begins anew in TIME-WAIT, with a number beyond 2^32 or 2^31', () => {
  for (const irs of [-10, 0x7fffffff - 10]) {
    const t = timeWait({ irs }).guest({ seq: 100, flags: 'S' }).hostConnects()
    t.expect({ flags: 'S.', ack: 101 })
  }
})
