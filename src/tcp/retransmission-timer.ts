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
/** A window too small for a segment has been waited with for long enough; nothing is in flight. */
export const MODE_OVERRIDE = 3

/**
 * What the probe of a tail waits beyond two round trips, ms (RFC 8985, 7.2: WCDelAckT): a guest may hold back the acknowledgment of any tail, however
 * many segments it has, for one super-segment is one segment to it and a program that does not read opens no window. Linux holds it back for
 * 40 ms; a clock of 100 Hz makes up to 60 of them.
 */
export const DELAYED_ACK = 60
/** Once text was lost on the way, and a probe was never for nothing, the probe of more than one segment waits for the grain of clocks alone, ms. */
const GRAIN = 10
/** The most that it comes to wait, ms, for a guest whose D-SACKs have told that it holds back longer: what RFC 8985 has for everybody. */
export const DELAYED_ACK_MAX = 200

/** The longest that a scrap of a window is waited with, ms (RFC 9293, 3.8.6.2.1: 0.1 to 1 s). */
const OVERRIDE_MAX = 1000

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

/** Sets the timer, unless it is set, for what only a scrap of a window keeps from being sent. */
export function armOverride(tcp: Tcp, c: Connection): void {
  if (c.timerMode === MODE_OVERRIDE && tcp.hasTimer(c, TIMER_RETRANSMIT)) return
  c.timerMode = MODE_OVERRIDE
  tcp.setTimer(c, TIMER_RETRANSMIT, Math.min(rto.current(c), OVERRIDE_MAX))
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

const probeTimeout = (c: Connection): number =>
  (c.srtt >> 2) + (seq.diff(c.sndMax, c.sndUna) <= c.sndMss ? Math.max(c.tailWait, DELAYED_ACK) : c.tailWait)

/** Text was lost: a tail without an answer is likely to be, too. */
export function lossSeen(c: Connection): void {
  if (c.tailWait === DELAYED_ACK) c.tailWait = GRAIN
}

/** The loss was none. */
export function lossUndone(c: Connection): void {
  if (c.tailWait === GRAIN) c.tailWait = DELAYED_ACK
}

/** The probe of the tail was for nothing: both copies have arrived. The next one waits longer, from now on. */
export function probedInVain(c: Connection): void {
  c.tailWait = Math.min(2 * Math.max(c.tailWait, DELAYED_ACK), DELAYED_ACK_MAX)
}
