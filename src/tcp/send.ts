// Sending text and our FIN (RFC 9293, 3.8.4 and 3.8.6.2.1). The bytes are read from the host's socket straight into the
// transmit slot, behind the place of the headers; they stay in the host's kernel as well until the guest acknowledges
// them, so a retransmission reads them again.

import { TRANSPORT_AT } from '../net/interface.js'
import { MAX_DATAGRAM } from '../packet/arena.js'
import * as ipv4 from '../wire/ipv4.js'
import { FIN, PSH } from '../wire/tcp.js'
import { ACK_DELAYED, FIN_SENT, HOST_EOF, HOST_READABLE, IS_INTERACTIVE, IS_TIMED, NO_BIG_TCP } from './columns.js'
import type { Connection } from './connection.js'
import * as output from './output.js'
import * as rto from './rto.js'
import { END, type Tcp, TIMER_RETRANSMIT } from './stack.js'

/** Text sent by one connection before the others get their turn, bytes. */
const TURN_BUDGET = 1 << 20
/** Text of the host within this time of the guest's is its answer, ms: acknowledgments then wait to ride on it. */
const ANSWER_WITHIN = 40

/** What became of `send` or `probe`. */
export const SENT = 0
/** The budget is used up: more can go at once. */
export const MORE = 1
/** The host's socket is broken: -errno is in `failure`. */
export const BROKEN = 2
/** There was nothing to send. */
export const NOTHING = 3

/** The error of the last BROKEN. */
export let failure = 0

/** Sends what the host has and the guest's window lets through. */
export function send(tcp: Tcp, c: Connection): number {
  let budget = TURN_BUDGET
  const header = output.headerLength(c)
  const textAt = tcp.interface.slot + TRANSPORT_AT + header
  while (c.has(HOST_READABLE)) {
    if (budget <= 0) return MORE
    const wanted = permitted(tcp, c, header)
    if (wanted === 0) break
    const length = tcp.relay.receive(c, textAt, wanted)
    if (length < END) {
      failure = length
      return BROKEN
    }
    if (length <= 0) {
      c.lower(HOST_READABLE)
      if (length === END) c.raise(HOST_EOF)
      break
    }
    if (sendText(tcp, c, length, length < wanted)) budget -= length
  }
  if (c.has(HOST_EOF)) sendFin(tcp, c)
  return SENT
}

/** Bytes that may be sent now: the guest's window and ours, in whole segments where there is more than one (SWS avoidance, 3.8.6.2.1). */
function permitted(tcp: Tcp, c: Connection, header: number): number {
  const flight = (c.sndNxt - c.sndUna) | 0
  const wnd = Math.min(c.sndWnd, c.cwnd)
  const usable = wnd - flight
  const mss = c.sndMss
  if (usable <= 0) {
    if (c.sndWnd === 0 && flight === 0 && !tcp.hasTimer(c, TIMER_RETRANSMIT)) tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
    return 0
  }
  if (usable < mss && flight > 0 && usable < c.maxWnd >> 1) return 0
  if (!tcp.interface.hasOffload) return Math.min(usable, mss)
  const largest = c.has(NO_BIG_TCP) ? MAX_DATAGRAM : tcp.interface.largestDatagram
  const length = Math.min(usable, largest - ipv4.HEADER_LENGTH - header)
  return length > mss ? length - (length % mss) : length
}

/** False when a datagram of BIG TCP could not be sent: there are no more of them, and the bytes are to be read again. */
function sendText(tcp: Tcp, c: Connection, length: number, isLast: boolean): boolean {
  if (((tcp.now - c.rcvActive) | 0) < ANSWER_WITHIN && (c.has(ACK_DELAYED) || isLast)) c.raise(IS_INTERACTIVE)
  const from = c.sndNxt
  const to = (from + length) | 0
  if (!output.sendText(tcp, c, from, length, isLast ? PSH : 0) && length > MAX_DATAGRAM) {
    tcp.interface.refuseBig()
    tcp.relay.rewind(c, (c.sndNxt - c.sndUna) | 0)
    return false
  }
  if (!c.has(IS_TIMED) && ((to - c.sndMax) | 0) > 0) {
    c.rttSeq = to
    c.rttSent = tcp.now
    c.raise(IS_TIMED)
  }
  moved(tcp, c, to)
  return true
}

/** Sends our FIN once (again after a timeout): its state change (RFC 9293, 3.10.4 CLOSE) happens the first time. */
function sendFin(tcp: Tcp, c: Connection): void {
  if (c.has(FIN_SENT) && c.sndNxt === c.sndMax) return
  output.sendControl(tcp, c, c.sndNxt, FIN)
  moved(tcp, c, (c.sndNxt + 1) | 0)
  if (c.has(FIN_SENT)) return
  c.raise(FIN_SENT)
  if (c.state === 'ESTABLISHED') c.state = 'FIN-WAIT-1'
  else if (c.state === 'CLOSE-WAIT') c.state = 'LAST-ACK'
}

function moved(tcp: Tcp, c: Connection, to: number): void {
  c.sndNxt = to
  if (((to - c.sndMax) | 0) > 0) c.sndMax = to
  if (!tcp.hasTimer(c, TIMER_RETRANSMIT)) tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

/**
 * Reads the first unacknowledged bytes again and sends them (RFC 6582, 3.2), as far as the window lets through: the guest may have
 * taken back what it offered. False when the host's socket is broken.
 */
export function retransmitFirst(tcp: Tcp, c: Connection): boolean {
  const header = output.headerLength(c)
  const flight = (c.sndMax - c.sndUna) | 0
  const text = c.has(FIN_SENT) ? flight - 1 : flight
  c.lower(IS_TIMED)
  tcp.retransmissions++
  if (text <= 0) {
    if (flight > 0) output.sendControl(tcp, c, c.sndUna, FIN)
    return true
  }
  const most = Math.min(tcp.interface.hasOffload ? MAX_DATAGRAM - ipv4.HEADER_LENGTH - header : c.sndMss, c.sndWnd)
  // The timer sees to a closed window.
  if (most === 0) return true
  tcp.relay.rewind(c, 0)
  const length = tcp.relay.receive(c, tcp.interface.slot + TRANSPORT_AT + header, Math.min(text, most))
  // A FIN in flight is no byte of the host's.
  tcp.relay.rewind(c, Math.min((c.sndNxt - c.sndUna) | 0, text))
  if (length <= 0) {
    failure = length
    return length === 0
  }
  output.sendText(tcp, c, c.sndUna, length, PSH)
  return true
}

/** After a timeout everything is sent again from sndUna on, as the window allows (RFC 6298, 5.4; RFC 5681, 3.1). */
export function goBack(tcp: Tcp, c: Connection): void {
  c.lower(IS_TIMED | HOST_EOF)
  c.raise(HOST_READABLE | NO_BIG_TCP)
  c.sndNxt = c.sndUna
  tcp.relay.rewind(c, 0)
  tcp.retransmissions++
}

/** One byte beyond a closed window (RFC 9293, 3.8.6.1): its acknowledgment carries the window of today. */
export function probe(tcp: Tcp, c: Connection): number {
  const at = tcp.interface.slot + TRANSPORT_AT + output.headerLength(c)
  tcp.relay.rewind(c, 0)
  const length = tcp.relay.receive(c, at, 1)
  tcp.relay.rewind(c, 0)
  if (length === 1) {
    output.sendText(tcp, c, c.sndUna, 1, PSH)
    if (((c.sndUna + 1 - c.sndMax) | 0) > 0) c.sndMax = (c.sndUna + 1) | 0
    return SENT
  }
  c.lower(HOST_READABLE)
  if (length === 0) return NOTHING
  if (length < END) {
    failure = length
    return BROKEN
  }
  c.raise(HOST_EOF)
  sendFin(tcp, c)
  return SENT
}
