// Passive opens (RFC 9293, 3.10.7.2). A guest's SYN is held in LISTEN until the host's connect has succeeded; only then does
// the SYN-ACK leave, so the guest never believes in a connection that does not exist.
import * as begin from './begin.js'
import { resetHost } from './close.js'
import type { Connection } from './connection.js'
import * as isn from './isn.js'
import * as output from './output.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'

/** SYNs, or SYN-ACKs, sent again before the guest is given up: after 183 s (RFC 9293, 3.8.3, MUST-23: R2 of at least 3 minutes). */
const SYN_RETRIES = 7

/** Fills a fresh row from the SYN that made it; it is acknowledged when `connected` is called. */
export function listen(tcp: Tcp, c: Connection, s: Segment): void {
  begin.clear(c)
  isn.inherit(tcp, c, s.seq)
  c.state = 'LISTEN'
  hold(tcp, c, s)
}

/** The SYN that is held is this one. A refusal acknowledges all of it, text and FIN (RFC 9293, 3.10.7.1): RCV_EDGE says how far, until it has a use. */
export function hold(tcp: Tcp, c: Connection, s: Segment): void {
  begin.readSyn(tcp, c, s)
  c.rcvEdge = (s.seq + s.length) | 0
}

/** The host has accepted: answer the SYN. */
export function connected(tcp: Tcp, c: Connection): void {
  begin.start(tcp, c)
  c.state = 'SYN-RECEIVED'
  output.sendSyn(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

/** The guest asks for the SYN-ACK again: that is no timeout, and the round trip is counted from the first one. */
export function repeatSyn(tcp: Tcp, c: Connection): void {
  const first = c.lastSent
  output.sendSyn(tcp, c)
  c.lastSent = first
}

/** Our SYN or SYN-ACK was not acknowledged in time. */
export function resendSyn(tcp: Tcp, c: Connection): void {
  c.backoff++
  if (c.backoff > SYN_RETRIES) {
    resetHost(tcp, c)
    return
  }
  output.sendSyn(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}
