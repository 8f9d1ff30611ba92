// Sending text again: what the scoreboard says is lost (RFC 6675, 5), the first hole where there is no scoreboard (RFC 6582), and the
// probe of the tail (RFC 8985, 7). The bytes are read from the host's kernel a second time.
import { MAX_DATAGRAM } from '../packet/arena.js'
import * as ipv4 from '../wire/ipv4.js'
import { FIN, PSH } from '../wire/tcp.js'
import { finSent } from './close.js'
import { FIN_SENT, HOST_EOF, HOST_READABLE, IS_PROBING_TAIL, IS_RECOVERING, IS_TAIL_RESENT, IS_TIMED, NO_BIG_TCP } from './columns.js'
import type { Connection } from './connection.js'
import * as output from './output.js'
import * as recovery from './recovery.js'
import * as timer from './retransmission-timer.js'
import * as scoreboard from './scoreboard.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'
import * as urgent from './urgent.js'

/** One past the text in flight: our FIN is behind it. */
const textEnd = (c: Connection): number => (c.has(FIN_SENT) ? (c.sndMax - 1) | 0 : c.sndMax)

/** What is read from the host next is the text at SND.NXT. */
export function resume(tcp: Tcp, c: Connection): void {
  // A FIN in flight is no byte of the host's.
  const ahead = (c.sndNxt - c.sndUna) | 0
  tcp.relay.rewind(c, c.has(FIN_SENT) && c.sndNxt === c.sndMax ? Math.max(ahead - 1, 0) : ahead)
}

/** After a timeout everything is sent again, as the window allows, but what the guest has told to have arrived (RFC 6298, 5.4). */
export function goBack(tcp: Tcp, c: Connection): void {
  c.lower(IS_TIMED | HOST_EOF)
  c.raise(HOST_READABLE | NO_BIG_TCP)
  recovery.loseAll(tcp, c)
  resume(tcp, c)
  tcp.retransmissions++
}

/** Sends what is lost, lowest first, as far as the windows allow. False when the host's socket is broken. */
export function lost(tcp: Tcp, c: Connection): boolean {
  c.lower(IS_TIMED)
  c.raise(NO_BIG_TCP)
  for (let i = scoreboard.firstLost(c); i >= 0; i = scoreboard.firstLost(c)) {
    const from = scoreboard.resentTo(c, i)
    const hole = seq.diff(scoreboard.left(c, i), from)
    const inWindow = c.sndWnd - seq.diff(from, c.sndUna)
    const allowed = c.cwnd - scoreboard.pipe(c)
    const size = Math.min(c.sndMss, hole)
    if (allowed < size || inWindow <= 0) break
    const most = allowed < 2 * c.sndMss ? size : allowed - (allowed % c.sndMss)
    const sent = again(tcp, c, from, Math.min(hole, most, inWindow))
    if (sent < 0) return false
    scoreboard.resent(c, i, (from + sent) | 0, tcp.now)
    if (c.has(IS_RECOVERING)) c.prrOut += sent
  }
  resume(tcp, c)
  return true
}

/** Sends the first segment that is not acknowledged. False when the host's socket is broken. */
export function first(tcp: Tcp, c: Connection): boolean {
  c.lower(IS_TIMED)
  const most = Math.min(c.sndMss, c.sndWnd, seq.diff(c.sndMax, c.sndUna))
  // The timer sees to a closed window.
  if (most <= 0) return true
  const isWhole = again(tcp, c, c.sndUna, most) >= 0
  resume(tcp, c)
  return isWhole
}

/** Probes the tail: with a segment of new text if there is one, else with the last one again. False when the host's socket is broken. */
export function tail(tcp: Tcp, c: Connection): boolean {
  c.raise(IS_PROBING_TAIL)
  c.lower(IS_TAIL_RESENT)
  c.tailStamp = (tcp.now + c.tsOffset) | 0
  c.recoverFs = seq.diff(c.sndMax, c.sndUna)
  const isWhole = fresh(tcp, c) || last(tcp, c)
  c.tailEnd = c.sndMax
  timer.armTimeout(tcp, c)
  return isWhole
}

// The congestion window does not hold the probe back (RFC 8985, 7.3); the guest's does.
function fresh(tcp: Tcp, c: Connection): boolean {
  const header = output.prepare(tcp, c)
  const size = output.segmentSize(tcp, c)
  // No scrap of a window either (RFC 9293, 3.8.6.2.1).
  if (!c.has(HOST_READABLE) || c.sndWnd - seq.diff(c.sndNxt, c.sndUna) < size) return false
  const length = tcp.relay.receive(c, tcp.interface.begin() + header, urgent.cut(c, c.sndNxt, size, size))
  if (length <= 0) {
    tcp.interface.release()
    resume(tcp, c)
    return false
  }
  const isEnd = c.has(HOST_EOF)
  output.sendText(tcp, c, c.sndNxt, header, length, isEnd ? PSH | FIN : PSH)
  c.sndNxt = (c.sndNxt + length + (isEnd ? 1 : 0)) | 0
  c.sndMax = c.sndNxt
  if (isEnd) finSent(c)
  return true
}

function last(tcp: Tcp, c: Connection): boolean {
  c.lower(IS_TIMED)
  c.raise(IS_TAIL_RESENT)
  const from = urgent.behind(c, seq.max(c.sndUna, (textEnd(c) - c.sndMss) | 0), textEnd(c))
  const inWindow = c.sndWnd - seq.diff(from, c.sndUna)
  // A window that was taken back is the timeout's concern.
  if (inWindow <= 0) return true
  const isWhole = again(tcp, c, from, Math.min(seq.diff(c.sndMax, from), inWindow)) >= 0
  resume(tcp, c)
  return isWhole
}

/**
 * Sends up to `length` sequence numbers from `from` on again, and our FIN with them if it is one: how many, or -1 when the host's socket is
 * broken.
 */
function again(tcp: Tcp, c: Connection, from: number, length: number): number {
  tcp.retransmissions++
  const hasFin = c.has(FIN_SENT) && seq.diff((from + length) | 0, c.sndMax) === 0
  const text = hasFin ? length - 1 : length
  if (text <= 0) {
    output.sendControl(tcp, c, from, FIN)
    return 1
  }
  const header = output.prepare(tcp, c)
  const size = output.segmentSize(tcp, c)
  const most = tcp.interface.hasOffload ? MAX_DATAGRAM - ipv4.HEADER_LENGTH - header : size
  tcp.relay.rewind(c, seq.diff(from, c.sndUna))
  const got = tcp.relay.receive(c, tcp.interface.begin() + header, urgent.cut(c, from, Math.min(text, most), size))
  if (got <= 0) {
    tcp.interface.release()
    return -1
  }
  const isEnd = hasFin && got === text
  output.sendText(tcp, c, from, header, got, isEnd ? PSH | FIN : PSH)
  return isEnd ? got + 1 : got
}
