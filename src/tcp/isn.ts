// Initial sequence numbers (RFC 6528): a clock of 4 us ticks plus a keyed hash of the connection, so that they grow for
// one connection and cannot be guessed for another. A connection that follows one in TIME-WAIT begins behind all that was sent then
// (RFC 9293, 3.6.1, MAY-2), for more may have been sent than the clock has ticks.

import { GUEST_ADDRESS, hashFlow, KIND_TCP, PORTS } from '../net/flow-row.js'
import type { Connection } from './connection.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Ticks of the ISN clock per millisecond (RFC 9293, 3.4.1). */
const TICKS_PER_MS = 250
/** Numbers between a connection and the one that follows it: an unscaled window, as in Linux. */
const GAP = 65_537

/** A SYN with this number opens the connection anew: what follows begins behind it. */
export function succeed(tcp: Tcp, c: Connection, irs: number): void {
  tcp.successorIrs = irs
  tcp.successorIss = (c.sndMax + GAP) | 1
}

/** A fresh row takes what `succeed` has left for its SYN: ISS is the least number that `choose` may choose, 0 for any. */
export function inherit(tcp: Tcp, c: Connection, irs: number): void {
  c.iss = tcp.successorIrs === irs ? tcp.successorIss : 0
  tcp.successorIss = 0
}

export function choose(tcp: Tcp, c: Connection): number {
  const iss =
    (Math.imul(tcp.now, TICKS_PER_MS) +
      hashFlow(tcp.key0, tcp.key1, KIND_TCP, c.rows, c.base + GUEST_ADDRESS, c.rows[c.base + PORTS]!, true)) |
    0
  return c.iss === 0 ? iss : seq.max(iss, c.iss)
}
