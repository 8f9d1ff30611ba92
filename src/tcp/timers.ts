// Timers: retransmission (RFC 6298, 5), zero-window probes (RFC 9293, 3.8.6.1), delayed acknowledgments, TIME-WAIT.
import { drop, resetGuest } from './close.js'
import { ACK_DELAYED, ACK_NOW, IS_INTERACTIVE } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import { resendSynAck } from './listen.js'
import * as rto from './rto.js'
import * as send from './send.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'

/** Retransmissions of one byte before the guest is given up (RFC 9293, 3.8.3: R2 of at least 100 s). */
const RETRIES = 15

export function expire(tcp: Tcp, c: Connection, kind: number): void {
  if (kind === TIMER_RETRANSMIT) retransmit(tcp, c)
  else delayedAck(tcp, c)
}

function retransmit(tcp: Tcp, c: Connection): void {
  switch (c.state) {
    case 'TIME-WAIT':
      drop(tcp, c)
      return
    case 'SYN-RECEIVED':
      resendSynAck(tcp, c)
      return
    case 'CLOSED':
    case 'LISTEN':
    case 'SYN-SENT':
      return
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK':
      if (c.sndWnd === 0 && c.sndNxt === c.sndUna) probe(tcp, c)
      else if (c.sndUna !== c.sndMax) timedOut(tcp, c)
  }
}

// A closed window is probed for as long as it stays closed (MUST-36), less and less often; with nothing to send it matters to nobody.
function probe(tcp: Tcp, c: Connection): void {
  const outcome = send.probe(tcp, c)
  if (outcome === send.BROKEN) {
    resetGuest(tcp, c)
    return
  }
  if (outcome === send.NOTHING) {
    c.backoff = 0
    return
  }
  c.backoff++
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

function timedOut(tcp: Tcp, c: Connection): void {
  if (c.backoff >= RETRIES) {
    resetGuest(tcp, c)
    return
  }
  congestion.timedOut(c)
  c.backoff++
  send.goBack(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
  tcp.touch(c)
}

// No answer came to ride on: the next text is acknowledged at once.
function delayedAck(tcp: Tcp, c: Connection): void {
  c.lower(ACK_DELAYED | IS_INTERACTIVE)
  c.raise(ACK_NOW)
  tcp.touch(c)
}
