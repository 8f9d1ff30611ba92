// Active opens (RFC 9293, 3.10.1): the host's end is there first, and we connect to the guest. Simultaneous opens (3.5, figure 7) end
// in one connection.

import { ACK, RST, SYN } from '../wire/tcp.js'
import * as begin from './begin.js'
import { resetHost } from './close.js'
import { ACK_NOW, HAS_SACK, HAS_TIMESTAMPS, IS_ACTIVE_OPEN } from './columns.js'
import type { Connection } from './connection.js'
import * as established from './established.js'
import * as output from './output.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'
import { WINDOW_SHIFT } from './window.js'

/** Sends the SYN of a fresh row. Nothing is read from the host's socket until the guest has answered. */
export function open(tcp: Tcp, c: Connection): void {
  begin.clear(c)
  c.iss = 0
  c.irs = 0
  c.rcvNxt = 0
  c.tsRecent = 0
  c.rcvScale = WINDOW_SHIFT
  c.sndMss = begin.defaultMss(c)
  c.sndWnd = c.maxWnd = 0
  c.sndScale = 0
  c.raise(IS_ACTIVE_OPEN | HAS_TIMESTAMPS | HAS_SACK)
  begin.start(tcp, c)
  c.state = 'SYN-SENT'
  output.sendSyn(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

/** SEGMENT ARRIVES in SYN-SENT (RFC 9293, 3.10.7.3). True when its text, if it has any, is to be processed. */
export function arrivesInSynSent(tcp: Tcp, c: Connection, s: Segment): boolean {
  // First: the ACK bit. What acknowledges something else is of another connection.
  const isAck = s.has(ACK)
  if (isAck && s.ack !== c.sndMax) {
    if (!s.has(RST)) output.sendResetOf(tcp, c, s)
    return false
  }
  // Second: the RST bit. Only one that acknowledges our SYN is the guest's (RFC 5961, 3.2).
  if (s.has(RST)) {
    if (isAck) resetHost(tcp, c)
    return false
  }
  // Fourth: the SYN bit.
  if (!s.has(SYN)) return false
  begin.readSyn(tcp, c, s)
  c.rcvEdge = (c.rcvNxt + seq.diff(c.rcvEdge, 0)) | 0
  c.lastAckSent = c.lastHeld = c.rcvNxt
  c.sndWl1 = s.seq
  c.sndWl2 = c.iss
  if (!isAck) {
    // Simultaneous open: both have sent a SYN.
    c.state = 'SYN-RECEIVED'
    output.sendSyn(tcp, c)
    return false
  }
  established.enter(tcp, c, s, s.window)
  c.raise(ACK_NOW)
  trimSyn(s)
  return true
}

/** What follows the SYN is text like any other. */
export function trimSyn(s: Segment): void {
  s.seq = (s.seq + 1) | 0
  s.flags &= ~SYN
  s.wasSyn = true
}
