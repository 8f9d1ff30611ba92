// Sending text and our FIN (RFC 9293, 3.8.4 and 3.8.6.2.1). The bytes are read from the host's socket straight into the
// transmit slot, behind the place of the headers; they stay in the host's kernel as well until the guest acknowledges
// them, so a retransmission (retransmit.ts) reads them again. What is lost goes first, then what is new.

import { MAX_DATAGRAM } from '../packet/arena.js'
import * as ipv4 from '../wire/ipv4.js'
import { FIN, PSH } from '../wire/tcp.js'
import { finSent } from './close.js'
import {
  ACK_DELAYED,
  FIN_SENT,
  HAS_SACK,
  HOST_EOF,
  HOST_READABLE,
  HOST_URGENT,
  IS_INTERACTIVE,
  IS_LOSS,
  IS_RECOVERING,
  IS_TIMED,
  NO_BIG_TCP,
} from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as output from './output.js'
import * as recovery from './recovery.js'
import * as timer from './retransmission-timer.js'
import * as retransmit from './retransmit.js'
import { END, type Tcp, TIMER_RETRANSMIT } from './stack.js'
import * as urgent from './urgent.js'

/** Text sent by one connection before the others get their turn, bytes. */
const TURN_BUDGET = 1 << 20
/** Text of the host within this time of the guest's is its answer, ms: acknowledgments then wait to ride on it. */
const ANSWER_WITHIN = 40

/** What became of `send` or `probe`. */
export const SENT = 0
/** The budget is used up: more can go at once. */
export const MORE = 1
/** The host's socket is broken. */
export const BROKEN = 2
/** There was nothing to send. */
export const NOTHING = 3

/** Sends what is lost, and then what the host has and the guest's window lets through. */
export function send(tcp: Tcp, c: Connection): number {
  if (recovery.hasLost(c) && !retransmit.lost(tcp, c)) return BROKEN
  const outcome = sendNew(tcp, c, false)
  if (outcome !== SENT) return outcome
  if (c.has(HOST_EOF)) sendFin(tcp, c)
  // RFC 6675, 4: with nothing new to send, what may be missing is sent again.
  if (c.has(IS_RECOVERING) && !c.has(HOST_READABLE) && recovery.presume(tcp, c) && !retransmit.lost(tcp, c)) return BROKEN
  return SENT
}

/** The window has stayed small for long enough: what fits it is sent, however little (RFC 9293, 3.8.6.2.1, the override timeout). */
export const sendScrap = (tcp: Tcp, c: Connection): number => sendNew(tcp, c, true)

/** `mayBeScrap`: less than a segment may leave although there is more. */
function sendNew(tcp: Tcp, c: Connection, mayBeScrap: boolean): number {
  let budget = TURN_BUDGET
  while (c.has(HOST_READABLE)) {
    if (budget <= 0) return MORE
    const header = output.prepare(tcp, c)
    const allowed = permitted(tcp, c, header)
    if (allowed === 0) break
    const wanted = c.has(HOST_URGENT) ? urgent.limit(tcp, c, allowed, output.segmentSize(tcp, c)) : allowed
    // A byte more than fits tells whether that is all there is (condition 2). What was sent before goes again as far as it fits.
    const asked = !mayBeScrap && c.sndUna === c.sndMax && wanted === allowed && isScrap(tcp, c, allowed) ? wanted + 1 : wanted
    const length = tcp.relay.receive(c, tcp.interface.begin() + header, asked)
    if (length <= 0) tcp.interface.release()
    else if (length > wanted || (c.has(HOST_URGENT) && urgent.hasCrossed(tcp, c))) {
      tcp.interface.release()
      retransmit.resume(tcp, c)
      if (length <= wanted) continue
      timer.armOverride(tcp, c)
      break
    }
    if (length < END) return BROKEN
    if (length <= 0) {
      c.lower(HOST_READABLE)
      if (length === END) c.raise(HOST_EOF)
      break
    }
    if (sendText(tcp, c, header, length, length < wanted)) budget -= length
  }
  return SENT
}

/** Bytes that may be sent now: the guest's window and ours, in whole segments where there is more than one (SWS avoidance, 3.8.6.2.1). */
function permitted(tcp: Tcp, c: Connection, header: number): number {
  const flight = (c.sndNxt - c.sndUna) | 0
  let usable = c.sndWnd - flight
  if (congestion.isLimiting(c)) usable = Math.min(usable, congested(tcp, c))
  const size = output.segmentSize(tcp, c)
  if (usable <= 0) {
    if (c.sndWnd === 0 && flight === 0 && !tcp.hasTimer(c, TIMER_RETRANSMIT)) timer.armTimeout(tcp, c)
    return 0
  }
  if (flight > 0 && isScrap(tcp, c, usable)) return 0
  if (!tcp.interface.hasOffload) return Math.min(usable, size)
  const ip = output.ipHeaderLength(c)
  // BIG TCP of IPv6 would take a hop-by-hop option.
  const isBig = !c.has(NO_BIG_TCP) && ip === ipv4.HEADER_LENGTH
  const largest = isBig ? tcp.interface.largestDatagram : MAX_DATAGRAM
  const length = Math.min(usable, largest - ip - header)
  return length > size ? length - (length % size) : length
}

// Neither a segment nor half of the largest window (conditions 1 and 3).
const isScrap = (tcp: Tcp, c: Connection, length: number): boolean => length < output.segmentSize(tcp, c) && length < c.maxWnd >> 1

// What the congestion window lets through.
function congested(tcp: Tcp, c: Connection): number {
  const inFlight = recovery.flight(c)
  if (inFlight === 0) congestion.restart(c, tcp.now)
  // RFC 3042: one new segment for each of the first two duplicates; with SACK the scoreboard has counted them.
  const isCounting = !c.has(HAS_SACK | IS_RECOVERING | IS_LOSS) && c.dupAcks < congestion.DUP_ACK_THRESHOLD
  return c.cwnd - inFlight + (isCounting ? c.dupAcks * c.sndMss : 0)
}

/**
 * Every frame is pushed: whether it is the last one is known only when it has left (MUST-61).
 *
 * False when a datagram of BIG TCP could not be sent: there are no more of them, and the bytes are to be read again.
 */
function sendText(tcp: Tcp, c: Connection, header: number, length: number, isLast: boolean): boolean {
  if (((tcp.now - c.rcvActive) | 0) < ANSWER_WITHIN && (c.has(ACK_DELAYED) || isLast)) c.raise(IS_INTERACTIVE)
  const from = c.sndNxt
  const to = (from + length) | 0
  const isEnd = c.has(HOST_EOF)
  if (!output.sendText(tcp, c, from, header, length, isEnd ? PSH | FIN : PSH) && length > MAX_DATAGRAM) {
    tcp.interface.refuseBig()
    retransmit.resume(tcp, c)
    c.lower(HOST_EOF)
    c.raise(HOST_READABLE)
    return false
  }
  if (!c.has(IS_TIMED) && ((to - c.sndMax) | 0) > 0) {
    c.rttSeq = to
    c.rttSent = tcp.now
    c.raise(IS_TIMED)
  }
  moved(tcp, c, isEnd ? (to + 1) | 0 : to)
  if (isEnd) finSent(c)
  return true
}

/** Sends our FIN once (again after a timeout), where no text has carried it. */
function sendFin(tcp: Tcp, c: Connection): void {
  if (c.has(FIN_SENT) && c.sndNxt === c.sndMax) return
  output.sendControl(tcp, c, c.sndNxt, FIN)
  moved(tcp, c, (c.sndNxt + 1) | 0)
  finSent(c)
}

function moved(tcp: Tcp, c: Connection, to: number): void {
  if (c.has(IS_RECOVERING)) c.prrOut += (to - c.sndNxt) | 0
  c.sndNxt = to
  if (((to - c.sndMax) | 0) > 0) c.sndMax = to
  // RFC 8985, 7.2: the tail has become another one.
  if (c.timerMode === timer.MODE_TAIL || c.timerMode === timer.MODE_OVERRIDE || !tcp.hasTimer(c, TIMER_RETRANSMIT)) timer.arm(tcp, c)
}

/** One byte beyond a closed window (RFC 9293, 3.8.6.1): its acknowledgment carries the window of today. */
export function probe(tcp: Tcp, c: Connection): number {
  const header = output.prepare(tcp, c)
  tcp.relay.rewind(c, 0)
  const length = tcp.relay.receive(c, tcp.interface.begin() + header, 1)
  tcp.relay.rewind(c, 0)
  if (length === 1) {
    output.sendText(tcp, c, c.sndUna, header, 1, PSH)
    if (((c.sndUna + 1 - c.sndMax) | 0) > 0) c.sndMax = (c.sndUna + 1) | 0
    return SENT
  }
  tcp.interface.release()
  c.lower(HOST_READABLE)
  if (length === 0) return NOTHING
  if (length < END) return BROKEN
  c.raise(HOST_EOF)
  sendFin(tcp, c)
  return SENT
}
