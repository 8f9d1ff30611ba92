// Fifth: the ACK field (RFC 9293, 3.10.7.4), with the window update, what is known of losses (recovery.ts; RFC 6582 without SACK), and
// the state changes that the acknowledgment of our FIN brings.
import { BYTES_OUT, count } from '../net/flow-row.js'
import { SACK_COUNT } from '../wire/tcp-options.js'
import { challenge } from './challenge.js'
import { drop, enterFinWait2, enterTimeWait } from './close.js'
import { FIN_SENT, IS_LOSS, IS_RECOVERING, IS_TIMED, MAY_UNDO } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as recovery from './recovery.js'
import * as timer from './retransmission-timer.js'
import * as retransmit from './retransmit.js'
import * as rto from './rto.js'
import * as scoreboard from './scoreboard.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** The segment is to be processed further. */
export const GO_ON = 0
/** It is not acceptable, or the connection has ended with it. */
export const DROP = 1
/** The host's socket is broken. */
export const BROKEN = 2

/** Processes SEG.ACK in the synchronized states. */
export function acknowledge(tcp: Tcp, c: Connection, s: Segment): number {
  // RFC 5961, 5.2: neither of something not yet sent, nor of something very old.
  if (seq.gt(s.ack, c.sndMax) || seq.lt(s.ack, (c.sndUna - c.maxWnd) | 0)) {
    challenge(tcp, c)
    return DROP
  }
  const isNew = seq.gt(s.ack, c.sndUna)
  const outstanding = seq.diff(c.sndNxt, c.sndUna)
  const isDuplicate = !isNew && s.ack === c.sndUna && saysNothingElse(c, s)
  const sacked = c.sackedCount === 0 ? 0 : scoreboard.bytes(c)
  const before = c.sndUna
  if (isNew && advance(tcp, c, s) === DROP) return DROP
  if (seq.leq(c.sndUna, s.ack)) updateWindow(tcp, c, s, isNew)
  if (recovery.hasScoreboard(c)) {
    const isClear = s.options[SACK_COUNT] === 0 && sacked === 0 && !c.has(IS_RECOVERING | IS_LOSS)
    if (!isClear) selective(tcp, c, s, isNew, outstanding, seq.diff(c.sndUna, before) - sacked)
    else if (isNew) timer.arm(tcp, c)
  } else if (!cumulative(tcp, c, isNew, isDuplicate, seq.diff(c.sndUna, before))) return BROKEN
  if (recovery.tailAnswered(c, s, isNew)) {
    congestion.reduce(c, c.recoverFs, 0)
    c.lower(MAY_UNDO)
    c.cwnd = Math.min(c.cwnd, c.ssthresh)
  }
  return GO_ON
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
  const before = c.sndUna
  c.sndUna = s.ack
  c.retried = 0
  if (c.sackedCount > 0 && scoreboard.advance(c, before) && !c.has(IS_LOSS)) recovery.overtaken(c)
  // After a timeout sndNxt went back; an acknowledgment may overtake it.
  if (seq.lt(c.sndNxt, s.ack)) {
    c.sndNxt = s.ack
    retransmit.resume(tcp, c)
  }
  const isTimed = c.has(IS_TIMED) && seq.leq(c.rttSeq, s.ack)
  rto.measure(tcp, c, s, isTimed ? seq.diff(tcp.now, c.rttSent) : -1)
  if (isTimed) c.lower(IS_TIMED)
  if (recovery.isSpurious(c, s)) undo(tcp, c)
  if (!c.has(IS_RECOVERING)) congestion.acknowledged(c, text, c.flightSize, tcp.now)
  tcp.touch(c)
  return isFinAcked ? finAcknowledged(tcp, c) : GO_ON
}

// RFC 4015: what was taken for lost had only been slow. The window is as it was, and sending goes on where it had come to.
function undo(tcp: Tcp, c: Connection): void {
  congestion.undo(c)
  recovery.overtaken(c)
  scoreboard.unlose(c)
  c.sndNxt = c.sndMax
  retransmit.resume(tcp, c)
}

// By SACK blocks (RFC 6675, 5). `gone`: bytes acknowledged by now, less what the scoreboard had.
function selective(tcp: Tcp, c: Connection, s: Segment, isNew: boolean, outstanding: number, gone: number): void {
  recovery.readBlocks(tcp, c, s)
  if (seq.lt(c.sndNxt, scoreboard.end(c))) {
    c.sndNxt = scoreboard.end(c)
    retransmit.resume(tcp, c)
  }
  let delivered = gone + scoreboard.bytes(c)
  if (c.has(IS_RECOVERING | IS_LOSS) && seq.leq(c.recover, c.sndUna)) congestion.leaveRecovery(c)
  if (recovery.detect(tcp, c, delivered > 0) && !c.has(IS_RECOVERING | IS_LOSS)) {
    congestion.enterRecovery(c, c.flightSize, (tcp.now + c.tsOffset) | 0)
    // What the batch has acknowledged before was delivered as well, and nothing has been sent for it yet.
    delivered += Math.max(c.flightSize - outstanding, 0)
  }
  if (c.has(IS_RECOVERING)) congestion.recovering(c, delivered, recovery.flight(c))
  if (recovery.untilLost >= 0) timer.armReorder(tcp, c, recovery.untilLost)
  // With a hole the tail needs no probe.
  else if (isNew || c.timerMode !== timer.MODE_TIMEOUT) timer.arm(tcp, c)
  tcp.touch(c)
}

// By counting (RFC 6582, 3.2), from a guest that does not know SACK. False when the host's socket is broken.
function cumulative(tcp: Tcp, c: Connection, isNew: boolean, isDuplicate: boolean, acked: number): boolean {
  if (isNew) {
    c.dupAcks = 0
    timer.arm(tcp, c)
    // Left behind, recover would lie ahead of SND.UNA after 2 GiB without a loss, and forbid fast retransmit for as many more.
    const isOver = seq.leq(c.recover, c.sndUna)
    if (isOver && c.has(IS_RECOVERING | IS_LOSS)) congestion.leaveRecovery(c)
    if (isOver) c.recover = (c.sndUna - 1) | 0
    if (!c.has(IS_RECOVERING)) return true
    // Step 5: a partial acknowledgment shows the next hole.
    congestion.deflate(c, acked)
    return retransmit.first(tcp, c)
  }
  if (!isDuplicate) return true
  c.dupAcks++
  tcp.touch(c)
  if (c.has(IS_RECOVERING)) {
    c.cwnd = Math.min(c.cwnd + c.sndMss, congestion.CWND_MAX)
    return true
  }
  if (c.dupAcks !== congestion.DUP_ACK_THRESHOLD || !seq.lt(c.recover, c.sndUna)) return true
  congestion.enterRecovery(c, c.flightSize, (tcp.now + c.tsOffset) | 0)
  return retransmit.first(tcp, c)
}

function finAcknowledged(tcp: Tcp, c: Connection): number {
  switch (c.state) {
    case 'FIN-WAIT-1':
      enterFinWait2(tcp, c)
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
function saysNothingElse(c: Connection, s: Segment): boolean {
  return c.sndUna !== c.sndMax && s.length === 0 && s.window !== 0 && s.window << c.sndScale === c.sndWnd
}

// SND.WL1 and SND.WL2 keep old segments from updating the window. A new acknowledgment always does, as in Linux: a retransmission has
// an old sequence number and the window of today, and the old window counted from the new SND.UNA would reach too far.
function updateWindow(tcp: Tcp, c: Connection, s: Segment, isNew: boolean): void {
  if (!(isNew || seq.lt(c.sndWl1, s.seq) || (c.sndWl1 === s.seq && seq.leq(c.sndWl2, s.ack)))) return
  const window = s.window << c.sndScale
  c.sndWl1 = s.seq
  c.sndWl2 = s.ack
  if (window === c.sndWnd) return
  // A window that opens ends the probing (RFC 9293, 3.8.6.1). What is in flight all the same, a probe or what was sent before a timeout, keeps
  // a timer (RFC 6298, 5.1).
  if (c.sndWnd === 0) {
    c.backoff = 0
    if (c.sndNxt === c.sndUna) timer.arm(tcp, c)
  }
  c.sndWnd = window
  if (window > c.maxWnd) c.maxWnd = window
  tcp.touch(c)
}
