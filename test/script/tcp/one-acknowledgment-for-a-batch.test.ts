// RFC 9293, 3.8.6.3 (SHLD-19) asks for one at least for every second segment; what arrives at once is answered at once, with one for all.
import { ours } from '../../support/script.js'
import { established } from '../../support/script-states.js'

ours('three full segments in one batch', 'the kernel takes segments one by one', () => {
  const big = 'x'.repeat(1460)
  const t = established().guest({ seq: 1, text: big }, { seq: 1461, text: big }, { seq: 2921, text: big })
  t.expect({ flags: '.', ack: 4381 })
})
