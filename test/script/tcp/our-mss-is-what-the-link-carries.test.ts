// RFC 9293, 3.7.1 (MUST-14, SHLD-5) and RFC 6691: our SYN-ACK tells the MTU less 40, whatever options there will be.
import { begin, script } from '../../support/script.js'

for (const mtu of [576, 1500, 9000, 65_520]) {
  script(`MTU ${mtu}`, () => {
    for (const timestamp of [undefined, [1, 0] as const]) {
      const t = begin({ mtu }).guest({ flags: 'S', seq: 0, ...(timestamp ? { timestamp } : {}) })
      t.hostConnects().expect({ flags: 'S.', mss: mtu - 40 })
    }
  })
}
