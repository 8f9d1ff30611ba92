// The end of a connection (RFC 9293, 3.6 and 3.10.5): orderly through TIME-WAIT or LAST-ACK, or by a reset from either side.
import { FIN_SENT } from './columns.js'
import type { Connection } from './connection.js'
import * as output from './output.js'
import { MODE_TIMEOUT } from './retransmission-timer.js'
import { type Tcp, TIMER_DELAYED_ACK, TIMER_KEEP_ALIVE, TIMER_RETRANSMIT } from './stack.js'

/**
 * Maximum segment lifetime, ms. RFC 9293, 3.4.2 takes 2 minutes for the Internet; half a minute is what Linux takes. A row in TIME-WAIT has
 * no socket and no memory of its own, and goes first when the table is full.
 */
export const MSL = 30_000
/**
 * Silence after which a guest is asked whether it is still there once one direction has ended, ms; as long as Linux' tcp_fin_timeout. In FIN-WAIT-2 it
 * may have vanished. In CLOSE-WAIT the host's peer may have: a guest that has only ended its own direction answers, one that has closed, and whose kernel
 * has forgotten the connection since (after as long), resets it.
 */
const HALF_CLOSED_IDLE = 60_000

/** Our FIN has left: the state changes the first time (RFC 9293, 3.10.4 CLOSE). */
export function finSent(c: Connection): void {
  if (c.has(FIN_SENT)) return
  c.raise(FIN_SENT)
  if (c.state === 'ESTABLISHED') c.state = 'FIN-WAIT-1'
  else if (c.state === 'CLOSE-WAIT') c.state = 'LAST-ACK'
}

/** Our FIN is acknowledged; the guest may go on for hours, but only as long as it lives. */
export function enterFinWait2(tcp: Tcp, c: Connection): void {
  c.state = 'FIN-WAIT-2'
  tcp.setTimer(c, TIMER_KEEP_ALIVE, idleLimit(tcp, c))
}

/** The guest's FIN has been passed on; the host may go on for hours, but only as long as the guest takes what it sends. */
export function enterCloseWait(tcp: Tcp, c: Connection): void {
  c.state = 'CLOSE-WAIT'
  tcp.setTimer(c, TIMER_KEEP_ALIVE, idleLimit(tcp, c))
}

/** ms of silence before the guest is asked. */
export const idleLimit = (tcp: Tcp, c: Connection): number =>
  c.state === 'FIN-WAIT-2' || c.state === 'CLOSE-WAIT' ? Math.min(HALF_CLOSED_IDLE, tcp.keepAliveIdle) : tcp.keepAliveIdle

/** Both ends are done: stay for 2 MSL to answer a repeated FIN. The host's socket and the ring are no longer needed. */
export function enterTimeWait(tcp: Tcp, c: Connection): void {
  c.state = 'TIME-WAIT'
  c.timerMode = MODE_TIMEOUT
  tcp.relay.close(c)
  giveBack(tcp, c)
  tcp.cancelTimer(c, TIMER_KEEP_ALIVE)
  tcp.setTimer(c, TIMER_RETRANSMIT, 2 * MSL)
}

/** Another 2 MSL: the guest has sent its FIN again (RFC 9293, 3.10.7.4, eighth). */
export function stay(tcp: Tcp, c: Connection): void {
  tcp.setTimer(c, TIMER_RETRANSMIT, 2 * MSL)
}

function giveBack(tcp: Tcp, c: Connection): void {
  c.heldCount = 0
  if (c.slab === 0) return
  tcp.slabs.release(c.slabClass, c.slab)
  c.slab = 0
}

/** The connection is over: its timers, ring and row are given back. */
export function drop(tcp: Tcp, c: Connection): void {
  tcp.cancelTimer(c, TIMER_RETRANSMIT)
  tcp.cancelTimer(c, TIMER_DELAYED_ACK)
  tcp.cancelTimer(c, TIMER_KEEP_ALIVE)
  giveBack(tcp, c)
  c.state = 'CLOSED'
  tcp.relay.release(c)
}

/** The host's end is broken or gone: the guest sees a reset. */
export function resetGuest(tcp: Tcp, c: Connection): void {
  if (c.state === 'LISTEN') output.sendRefusal(tcp, c)
  // In SYN-SENT there is nothing to reset yet: what the guest answers finds no connection.
  else if (c.state !== 'TIME-WAIT' && c.state !== 'SYN-SENT') output.sendReset(tcp, c)
  tcp.relay.abort(c)
  drop(tcp, c)
}

/** The guest has reset the connection: the host sees a reset. */
export function resetHost(tcp: Tcp, c: Connection): void {
  tcp.relay.abort(c)
  drop(tcp, c)
}
