// Timers: retransmission (RFC 6298, 5; RFC 8985, 7 and 8), zero-window probes (RFC 9293, 3.8.6.1), delayed acknowledgments, keep-alive
// (3.8.4), TIME-WAIT.
import { drop, idleLimit, resetGuest } from './close.js'
import { ACK_DELAYED, ACK_NOW, HOST_ASKED, IS_INTERACTIVE, IS_LOSS, IS_PROBING_TAIL, IS_RECOVERING } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as farEnd from './far-end.js'
import { resendSyn } from './listen.js'
import * as output from './output.js'
import * as recovery from './recovery.js'
import * as timer from './retransmission-timer.js'
import * as retransmit from './retransmit.js'
import * as send from './send.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_DELAYED_ACK, TIMER_KEEP_ALIVE, TIMER_RETRANSMIT } from './stack.js'

/** Retransmissions of one byte before the guest is given up (RFC 9293, 3.8.3: R2 of at least 100 s). */
const RETRIES = 15
/** Time between keep-alive probes without an answer, ms, and how many there are; as Linux has them. */
const KEEP_ALIVE_INTERVAL = 75_000
const KEEP_ALIVE_PROBES = 9

export function expire(tcp: Tcp, c: Connection, kind: number): void {
  switch (kind) {
    case TIMER_RETRANSMIT:
      retransmission(tcp, c)
      return
    case TIMER_DELAYED_ACK:
      delayedAck(tcp, c)
      return
    case TIMER_KEEP_ALIVE:
      keepAlive(tcp, c)
  }
}

function retransmission(tcp: Tcp, c: Connection): void {
  switch (c.state) {
    case 'TIME-WAIT':
      drop(tcp, c)
      return
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
      resendSyn(tcp, c)
      return
    case 'CLOSED':
    case 'LISTEN':
      return
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK':
      if (c.sndWnd === 0 && c.sndNxt === c.sndUna) probe(tcp, c)
      else if (c.sndUna !== c.sndMax) overdue(tcp, c)
      else if (c.timerMode === timer.MODE_OVERRIDE) overridden(tcp, c)
  }
}

// The window has not opened far enough for a segment (RFC 9293, 3.8.6.2.1).
function overridden(tcp: Tcp, c: Connection): void {
  if (send.sendScrap(tcp, c) === send.BROKEN) resetGuest(tcp, c)
  else tcp.touch(c)
}

// A closed window is probed for as long as it stays closed (MUST-36), less and less often; with nothing to send it matters to nobody.
function probe(tcp: Tcp, c: Connection): void {
  // As long as the guest answers at all (MUST-37): what is counted are probes without an answer.
  c.keepAlives = c.backoff > 0 && seq.lt(c.rcvTime, c.lastSent) ? c.keepAlives + 1 : 0
  const outcome = c.keepAlives > RETRIES ? send.BROKEN : send.probe(tcp, c)
  if (outcome === send.BROKEN) {
    resetGuest(tcp, c)
    return
  }
  if (outcome === send.NOTHING) {
    c.backoff = 0
    return
  }
  c.backoff++
  timer.armTimeout(tcp, c)
}

function overdue(tcp: Tcp, c: Connection): void {
  switch (c.timerMode) {
    case timer.MODE_TAIL:
      if (!retransmit.tail(tcp, c)) resetGuest(tcp, c)
      return
    case timer.MODE_REORDER:
      reordered(tcp, c)
      return
    default:
      timedOut(tcp, c)
  }
}

// The patience with a hole has ended (RFC 8985, 6.2, step 5).
function reordered(tcp: Tcp, c: Connection): void {
  const flight = seq.diff(c.sndNxt, c.sndUna)
  if (recovery.detect(tcp, c, false) && !c.has(IS_RECOVERING | IS_LOSS)) {
    congestion.enterRecovery(c, flight, (tcp.now + c.tsOffset) | 0)
    congestion.recovering(c, 0, recovery.flight(c))
  }
  if (recovery.untilLost >= 0) timer.armReorder(tcp, c, recovery.untilLost)
  else timer.armTimeout(tcp, c)
  tcp.touch(c)
}

function timedOut(tcp: Tcp, c: Connection): void {
  // Behind a closed window a timeout is a probe as well: as long as it is answered, it does not count (MUST-37).
  const isAnswered = c.sndWnd === 0 && seq.leq(c.lastSent, c.rcvTime)
  if (c.retried >= RETRIES && !isAnswered) {
    resetGuest(tcp, c)
    return
  }
  congestion.timedOut(c, seq.diff(c.sndNxt, c.sndUna), (tcp.now + c.tsOffset) | 0)
  c.lower(IS_PROBING_TAIL)
  c.dupAcks = 0
  c.backoff++
  if (!isAnswered) c.retried++
  retransmit.goBack(tcp, c)
  timer.armTimeout(tcp, c)
  tcp.touch(c)
}

// No answer came to ride on: the next text is acknowledged at once.
function delayedAck(tcp: Tcp, c: Connection): void {
  c.lower(ACK_DELAYED | IS_INTERACTIVE)
  c.raise(ACK_NOW)
  tcp.touch(c)
}

// RFC 9293, 3.8.4. What is in flight has a timer of its own that finds out whether the guest lives.
function keepAlive(tcp: Tcp, c: Connection): void {
  if (c.has(HOST_ASKED) && farEnd.look(tcp, c)) return
  const limit = idleLimit(tcp, c)
  const idle = (tcp.now - c.rcvTime) | 0
  // Something has come since the last probe.
  if (idle <= KEEP_ALIVE_INTERVAL) c.keepAlives = 0
  if (idle < limit || c.sndUna !== c.sndMax) {
    c.keepAlives = 0
    tcp.setTimer(c, TIMER_KEEP_ALIVE, c.sndUna !== c.sndMax ? limit : limit - idle)
    return
  }
  if (c.keepAlives >= KEEP_ALIVE_PROBES) {
    resetGuest(tcp, c)
    return
  }
  c.keepAlives++
  output.sendKeepAlive(tcp, c)
  tcp.setTimer(c, TIMER_KEEP_ALIVE, KEEP_ALIVE_INTERVAL)
}
