// Fifth: the ACK field (RFC 9293, 3.10.7.4), with the window update, duplicate acknowledgments (RFC 5681, 3.2) and fast
// recovery (RFC 6582), and the state changes that the acknowledgment of our FIN brings.
import { BYTES_OUT, count } from '../net/flow-row.js'
import { drop, enterTimeWait } from './close.js'
import { ACK_NOW, FIN_SENT, IS_RECOVERING, IS_TIMED } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import * as send from './send.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'

/** The segment is to be processed further. */
export const GO_ON = 0
/** It is not acceptable, or the connection has ended with it. */
export const DROP = 1
/** The host's socket is broken. */
export const BROKEN = 2
/** Something is missing on the guest's side: the first unacknowledged text is to be sent again. */
const REPAIR = 3

/** Processes SEG.ACK in the synchronized states. */
export function acknowledge(tcp: Tcp, c: Connection, s: Segment): number {
  if (seq.gt(s.ack, c.sndMax)) {
    // An acknowledgment of something not yet sent (RFC 9293: send an ACK, drop the segment).
    c.raise(ACK_NOW)
    tcp.touch(c)
    return DROP
  }
  const isNew = seq.gt(s.ack, c.sndUna)
  let verdict = GO_ON
  if (isNew) verdict = advance(tcp, c, s)
  else if (s.ack === c.sndUna && isDuplicate(c, s)) verdict = duplicate(tcp, c)
  if (verdict === DROP) return DROP
  if (seq.leq(c.sndUna, s.ack)) updateWindow(tcp, c, s, isNew)
  return verdict === REPAIR && !send.retransmitFirst(tcp, c) ? BROKEN : GO_ON
}

// SND.UNA < SEG.ACK =< SND.NXT
function advance(tcp: Tcp, c: Connection, s: Segment): number {
  const all = seq.diff(s.ack, c.sndUna)
  const isFinAcked = c.has(FIN_SENT) && s.ack === c.sndMax
  const text = isFinAcked ? all - 1 : all
  if (text > 0) {
    tcp.relay.consume(c, text)
    count(c.rows, c.base + BYTES_OUT, text)
  }
  c.sndUna = s.ack
  // After a timeout sndNxt went back; an acknowledgment may overtake it.
  if (seq.lt(c.sndNxt, s.ack)) {
    c.sndNxt = s.ack
    tcp.relay.rewind(c, 0)
  }
  if (c.has(IS_TIMED) && seq.leq(c.rttSeq, s.ack)) {
    c.lower(IS_TIMED)
    rto.sample(c, seq.diff(tcp.now, c.rttSent))
  }
  c.backoff = 0
  c.dupAcks = 0
  if (c.sndUna === c.sndMax) tcp.cancelTimer(c, TIMER_RETRANSMIT)
  else tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c)) // RFC 6298, 5.3
  // RFC 6582, 3.2 step 3: a partial acknowledgment shows the next hole.
  const isPartial = c.has(IS_RECOVERING) && seq.lt(s.ack, c.recover)
  if (!c.has(IS_RECOVERING)) congestion.acknowledged(c, text)
  else if (!isPartial) congestion.leaveRecovery(c)
  // Left behind, recover would lie ahead of SND.UNA after 2 GiB without a loss, and forbid fast retransmit for as many more.
  if (seq.lt(c.recover, s.ack)) c.recover = (s.ack - 1) | 0
  tcp.touch(c)
  if (isFinAcked) return finAcknowledged(tcp, c)
  return isPartial ? REPAIR : GO_ON
}

function finAcknowledged(tcp: Tcp, c: Connection): number {
  switch (c.state) {
    case 'FIN-WAIT-1':
      c.state = 'FIN-WAIT-2'
      return GO_ON
    case 'CLOSING':
      enterTimeWait(tcp, c)
      return GO_ON
    case 'LAST-ACK':
      drop(tcp, c)
      return DROP
    case 'CLOSED':
    case 'LISTEN':
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
    case 'TIME-WAIT':
      return GO_ON
  }
}

// RFC 5681, 2: unacknowledged text, no text, SYN or FIN, and the same window. What answers the probe of a closed window is none.
function isDuplicate(c: Connection, s: Segment): boolean {
  return c.sndUna !== c.sndMax && s.length === 0 && s.window !== 0 && s.window << c.sndScale === c.sndWnd
}

// RFC 6582, 3.2 step 2.
function duplicate(tcp: Tcp, c: Connection): number {
  c.dupAcks++
  if (c.has(IS_RECOVERING)) {
    c.cwnd = Math.min(c.cwnd + c.sndMss, congestion.CWND_MAX)
    tcp.touch(c)
  } else if (c.dupAcks === congestion.DUP_ACK_THRESHOLD && seq.lt(c.recover, c.sndUna)) {
    congestion.enterRecovery(c)
    return REPAIR
  }
  return GO_ON
}

// SND.WL1 and SND.WL2 keep old segments from updating the window. A new acknowledgment always does, as in Linux: a retransmission has
// an old sequence number and the window of today, and the old window counted from the new SND.UNA would reach too far.
function updateWindow(tcp: Tcp, c: Connection, s: Segment, isNew: boolean): void {
  if (!(isNew || seq.lt(c.sndWl1, s.seq) || (c.sndWl1 === s.seq && seq.leq(c.sndWl2, s.ack)))) return
  const window = s.window << c.sndScale
  c.sndWl1 = s.seq
  c.sndWl2 = s.ack
  if (window === c.sndWnd) return
  // A window that opens ends the probing (RFC 9293, 3.8.6.1).
  if (c.sndWnd === 0) {
    c.backoff = 0
    // In TIME-WAIT the timer is not a probe's.
    if (c.sndNxt === c.sndUna && c.state !== 'TIME-WAIT') tcp.cancelTimer(c, TIMER_RETRANSMIT)
  }
  c.sndWnd = window
  if (window > c.maxWnd) c.maxWnd = window
  tcp.touch(c)
}
