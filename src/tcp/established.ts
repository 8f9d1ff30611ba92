// Entering ESTABLISHED (RFC 9293, 3.10.7.3 and 3.10.7.4, fifth): our SYN is acknowledged.
import { HAS_TIMESTAMPS } from './columns.js'
import type { Connection } from './connection.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import { type Tcp, TIMER_KEEP_ALIVE, TIMER_RETRANSMIT } from './stack.js'

/** `window`: SEG.WND, scaled as that of this segment is. */
export function enter(tcp: Tcp, c: Connection, s: Segment, window: number): void {
  c.state = 'ESTABLISHED'
  c.sndUna = s.ack
  c.sndWnd = window
  c.maxWnd = window
  c.sndWl1 = s.seq
  c.sndWl2 = s.ack
  // RFC 6298, 3 (Karn): which of several SYNs was acknowledged nobody knows, unless a timestamp tells.
  if (c.has(HAS_TIMESTAMPS) && s.hasTimestamp && s.timestampEcho !== 0) rto.sample(c, rto.echoed(tcp, c, s))
  else if (c.backoff === 0) rto.sample(c, (tcp.now - c.lastSent) | 0)
  else c.rto = rto.RTO_AFTER_SYN
  c.backoff = 0
  tcp.cancelTimer(c, TIMER_RETRANSMIT)
  tcp.setTimer(c, TIMER_KEEP_ALIVE, tcp.keepAliveIdle)
  tcp.relay.opened(c)
  tcp.touch(c)
}
