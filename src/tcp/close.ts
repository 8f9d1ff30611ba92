// The end of a connection (RFC 9293, 3.6 and 3.10.5): orderly through TIME-WAIT or LAST-ACK, or by a reset from either side.
import type { Connection } from './connection.js'
import * as output from './output.js'
import { type Tcp, TIMER_DELAYED_ACK, TIMER_RETRANSMIT } from './stack.js'

/**
 * Maximum segment lifetime, ms. RFC 9293, 3.4.2 takes 2 minutes for the Internet; a frame on a TAP lives microseconds, and a row
 * spent on waiting is one that a new connection cannot have.
 */
export const MSL = 500

/** Both ends are done: stay for 2 MSL to answer a repeated FIN. The host's socket is no longer needed. */
export function enterTimeWait(tcp: Tcp, c: Connection): void {
  c.state = 'TIME-WAIT'
  tcp.relay.close(c)
  tcp.setTimer(c, TIMER_RETRANSMIT, 2 * MSL)
}

/** The connection is over: its timers, ring and row are given back. */
export function drop(tcp: Tcp, c: Connection): void {
  tcp.cancelTimer(c, TIMER_RETRANSMIT)
  tcp.cancelTimer(c, TIMER_DELAYED_ACK)
  if (c.slab !== 0) {
    tcp.slabs.release(c.slabClass, c.slab)
    c.slab = 0
  }
  c.state = 'CLOSED'
  tcp.relay.release(c)
}

/** The host's end is broken or gone: the guest sees a reset. */
export function resetGuest(tcp: Tcp, c: Connection): void {
  if (c.state === 'LISTEN') output.sendRefusal(tcp, c)
  else if (c.state !== 'TIME-WAIT') output.sendReset(tcp, c)
  tcp.relay.abort(c)
  drop(tcp, c)
}

/** The guest has reset the connection: the host sees a reset. */
export function resetHost(tcp: Tcp, c: Connection): void {
  tcp.relay.abort(c)
  drop(tcp, c)
}
