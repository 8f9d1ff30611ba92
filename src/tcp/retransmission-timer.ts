// What the retransmission timer is set for (RFC 6298, 5; RFC 8985, 7.2 and 8): a timeout, the probe of the tail before it, or the end
// of the patience with a hole. It serves the persist timer and TIME-WAIT as well: never two of them at once.
import { HAS_SACK, IS_LOSS, IS_PROBING_TAIL, IS_RECOVERING } from './columns.js'
import type { Connection } from './connection.js'
import * as rto from './rto.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'

/** Timeout, persist timer or TIME-WAIT. */
export const MODE_TIMEOUT = 0
/** The tail is to be probed. */
export const MODE_TAIL = 1
/** A hole has been waited for long enough. */
export const MODE_REORDER = 2

/** A guest may hold back the acknowledgment of a single segment, ms (RFC 8985, 7.2: WCDelAckT; 40 on Linux). */
const DELAYED_ACK_MAX = 50
/** What a probe waits beyond two round trips, ms: the grain of clocks, and a guest that has to wait for a processor. */
const GRAIN = 10

/** Sets the timer for what is in flight now; nothing in flight, no timer. */
export function arm(tcp: Tcp, c: Connection): void {
  if (c.sndUna === c.sndMax) {
    if (c.state !== 'TIME-WAIT') tcp.cancelTimer(c, TIMER_RETRANSMIT)
    return
  }
  const timeout = rto.current(c)
  const isTail = mayProbe(c)
  c.timerMode = isTail ? MODE_TAIL : MODE_TIMEOUT
  tcp.setTimer(c, TIMER_RETRANSMIT, isTail ? Math.min(probeTimeout(c), timeout) : timeout)
}

/** Sets the timer for a hole that counts as lost in `wait` ms. */
export function armReorder(tcp: Tcp, c: Connection, wait: number): void {
  c.timerMode = MODE_REORDER
  tcp.setTimer(c, TIMER_RETRANSMIT, wait)
}

/** Sets the timer for a timeout, whatever else might be waited for. */
export function armTimeout(tcp: Tcp, c: Connection): void {
  c.timerMode = MODE_TIMEOUT
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

/** RFC 8985, 7.2: one probe for each tail, and only while nothing is known to be missing. */
const mayProbe = (c: Connection): boolean =>
  c.has(HAS_SACK) &&
  !c.has(IS_RECOVERING | IS_LOSS | IS_PROBING_TAIL) &&
  c.sackedCount === 0 &&
  c.retried === 0 &&
  c.srtt > 0 &&
  c.sndNxt === c.sndMax &&
  c.sndWnd > 0

const probeTimeout = (c: Connection): number => (c.srtt >> 2) + (seq.diff(c.sndMax, c.sndUna) <= c.sndMss ? DELAYED_ACK_MAX : GRAIN)
