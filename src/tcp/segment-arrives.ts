// SEGMENT ARRIVES (RFC 9293, 3.10.7.4): one function for each numbered step, in its order. Each returns false when the segment
// is not to be processed further.
import { slabSize } from '../packet/slab-pool.js'
import { ACK, FIN, RST, SYN, URG } from '../wire/tcp.js'
import { acknowledge, BROKEN, DROP } from './acknowledge.js'
import { challenge } from './challenge.js'
import { drop, resetGuest, resetHost, stay } from './close.js'
import { ACK_NOW, HAS_FIN, HAS_TIMESTAMPS, IS_ACTIVE_OPEN } from './columns.js'
import type { Connection } from './connection.js'
import * as established from './established.js'
import * as farEnd from './far-end.js'
import * as isn from './isn.js'
import * as listen from './listen.js'
import { arrivesInSynSent, trimSyn } from './open.js'
import * as output from './output.js'
import * as receive from './receive.js'
import * as sack from './sack.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'
import * as urgent from './urgent.js'

/** RFC 7323, 5.5: a timestamp older than this no longer counts, ms (24 days). */
const TIMESTAMP_LIFETIME = 24 * 24 * 3600 * 1000

/** Processes the segment for a connection that exists. False when it has ended and the segment, a SYN, may open a new one. */
export function segmentArrives(tcp: Tcp, c: Connection, s: Segment): boolean {
  c.rcvTime = tcp.now
  if (c.state === 'LISTEN') {
    arrivesInListen(tcp, c, s)
    return true
  }
  if (c.state === 'SYN-SENT') {
    if (arrivesInSynSent(tcp, c, s)) processText(tcp, c, s)
    return true
  }
  if (c.state === 'TIME-WAIT' && reopens(c, s)) {
    isn.succeed(tcp, c, s.seq)
    drop(tcp, c)
    return false
  }
  if (!checkSequence(tcp, c, s)) return true
  if (!checkRst(tcp, c, s)) return true
  if (!checkSyn(tcp, c, s)) return true
  if (!checkAck(tcp, c, s)) return true
  processText(tcp, c, s)
  return true
}

// The host's connect is pending: the SYN is repeated, or the guest gives up.
function arrivesInListen(tcp: Tcp, c: Connection, s: Segment): void {
  if (s.has(RST)) {
    // RFC 9293, 3.10.7.2 has nothing to reset yet; here a host's connect is under way, which only the SYN's own number ends.
    if (seq.diff(s.seq, c.irs) >= 0 && seq.diff(s.seq, c.irs) <= 1) resetHost(tcp, c)
  } else if (s.has(ACK)) output.sendResetOf(tcp, c, s)
  else if (s.has(SYN) && s.seq !== c.irs) listen.hold(tcp, c, s)
}

// RFC 9293, 3.6.1 (MAY-2): a later SYN ends TIME-WAIT early. RFC 6191, 2: its timestamp says what is later, if both have one.
function reopens(c: Connection, s: Segment): boolean {
  if (!s.has(SYN) || s.has(ACK) || s.has(RST)) return false
  const isHigher = seq.gt(s.seq, c.rcvNxt)
  if (!c.has(HAS_TIMESTAMPS) || !s.hasTimestamp) return isHigher
  return seq.gt(s.timestamp, c.tsRecent) || (s.timestamp === c.tsRecent && isHigher)
}

/** First: the sequence number, and PAWS (RFC 7323, 5.3). What is not acceptable is answered with an ACK. */
function checkSequence(tcp: Tcp, c: Connection, s: Segment): boolean {
  // Simultaneous open: the SYN-ACK repeats the SYN that came before, and acknowledges ours (RFC 9293, 3.5, figure 7).
  if (c.state === 'SYN-RECEIVED' && c.has(IS_ACTIVE_OPEN) && s.has(SYN) && s.has(ACK) && s.seq === c.irs && s.ack === c.sndMax) trimSyn(s)
  if (c.has(HAS_TIMESTAMPS) && !s.has(RST)) {
    // RFC 7323, 3.2: once agreed on, every segment has one.
    if (!s.hasTimestamp) {
      // A SYN is challenged whatever it has (RFC 5961, 4.2): a guest that has forgotten the connection must hear of it.
      if (s.has(SYN)) unacceptable(tcp, c, s)
      return false
    }
    // Unsigned: after 25 days the difference of two int32 would be negative again.
    const isFresh = (tcp.now - c.tsRecentAge) >>> 0 < TIMESTAMP_LIFETIME
    if (isFresh && seq.lt(s.timestamp, c.tsRecent)) return unacceptable(tcp, c, s)
  }
  // The window is what the ring can hold, which is never less than what we advertised. As in Linux a segment may begin at its very
  // end: a guest that has filled the window still acknowledges from there; and one without text as far back as our last
  // acknowledgment, for it may have crossed the text that came since (tcp_sequence).
  const offset = seq.diff(s.seq, c.rcvNxt)
  const isOld = s.length === 0 ? seq.lt(s.seq, c.lastAckSent) : offset + s.length <= 0
  if (isProbedAck(c, s)) {
    if (!farEnd.isAsked(tcp, c)) challenge(tcp, c)
    return true
  }
  const isOutside = isOld || offset > slabSize(c.slabClass)
  if (s.has(RST)) return !isOutside
  // RFC 7323, 4.3. Text that arrives again counts as well, against 5.3, R2: its acknowledgment was lost, and echoing the stamp of the first
  // copy would tell the guest that its round trip has grown by its own timeout. It is from the last window; anything else is made up.
  const isRepeated = isOld && s.length > 0 && offset + s.length > -slabSize(c.slabClass)
  if (s.hasTimestamp && seq.leq(s.seq, c.lastAckSent) && seq.leq(c.tsRecent, s.timestamp) && (isRepeated || !isOutside)) {
    c.tsRecent = s.timestamp
    c.tsRecentAge = tcp.now
  }
  return isOutside ? unacceptable(tcp, c, s) : true
}

// An acknowledgment from one byte back is a keep-alive probe, or comes from an end that has probed our closed window and does not know
// that the byte was taken: what it acknowledges and offers counts (RFC 9293, 3.10.7.4), or two such ends would never hear of each other.
function isProbedAck(c: Connection, s: Segment): boolean {
  return s.length === 0 && s.seq === ((c.rcvNxt - 1) | 0) && s.has(ACK) && !s.has(RST) && c.state !== 'SYN-RECEIVED'
}

function unacceptable(tcp: Tcp, c: Connection, s: Segment): boolean {
  // A repeated SYN lies before the window: the guest has not seen our SYN-ACK. It is no timeout: the timer goes on.
  if (c.state === 'SYN-RECEIVED' && s.has(SYN)) {
    listen.repeatSyn(tcp, c)
    return false
  }
  if (c.state === 'TIME-WAIT' && s.has(FIN)) stay(tcp, c)
  if (s.length === 0 || s.has(SYN)) {
    challenge(tcp, c)
    return false
  }
  // A keep-alive probe of an old kernel has a byte, no matter which (RFC 9293, 3.8.4, MAY-6).
  if (s.textLength === 1 && s.length === 1 && s.seq === ((c.rcvNxt - 1) | 0) && farEnd.isAsked(tcp, c)) return false
  // Text is always answered: the guest has not seen our acknowledgment.
  if (s.textLength > 0 && seq.lt(s.seq, c.rcvNxt)) sack.arrivedTwice(c, s.seq, seq.min(c.rcvNxt, (s.seq + s.textLength) | 0))
  c.raise(ACK_NOW)
  tcp.touch(c)
  return false
}

/** Second: RST. Only the exact next sequence number resets (RFC 5961, 3.2); anything else in the window is challenged. */
function checkRst(tcp: Tcp, c: Connection, s: Segment): boolean {
  if (!s.has(RST)) return true
  // RFC 1337, 3: a reset does not end TIME-WAIT early.
  if (c.state === 'TIME-WAIT') return false
  if (s.seq === c.rcvNxt) resetHost(tcp, c)
  else challenge(tcp, c)
  return false
}

/** Fourth: SYN. It is challenged, whatever its number (RFC 5961, 4.2); before the handshake has ended the SYN-ACK is the challenge. */
function checkSyn(tcp: Tcp, c: Connection, s: Segment): boolean {
  if (!s.has(SYN)) return true
  if (c.state === 'SYN-RECEIVED') {
    listen.repeatSyn(tcp, c)
    return false
  }
  challenge(tcp, c)
  return false
}

/** Fifth: ACK. */
function checkAck(tcp: Tcp, c: Connection, s: Segment): boolean {
  if (!s.has(ACK)) return false
  if (c.state === 'SYN-RECEIVED') {
    if (s.ack !== c.sndMax) {
      // It belongs to an earlier connection: that one is reset, this one stays.
      output.sendResetOf(tcp, c, s)
      return false
    }
    // RFC 7323, 2.2: the window of a SYN is never scaled.
    established.enter(tcp, c, s, s.wasSyn ? s.window : s.window << c.sndScale)
    return true
  }
  const verdict = acknowledge(tcp, c, s)
  if (verdict === BROKEN) resetGuest(tcp, c)
  return verdict !== BROKEN && verdict !== DROP
}

/** Sixth to eighth: URG, text and FIN. */
function processText(tcp: Tcp, c: Connection, s: Segment): void {
  switch (c.state) {
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
      if (s.has(URG)) urgent.arrives(c, s)
      if (s.textLength > 0) {
        if (!receive.receiveText(tcp, c, s)) {
          resetGuest(tcp, c)
          return
        }
        tcp.touch(c)
      }
      if (s.has(FIN)) {
        if (!c.has(HAS_FIN)) receive.receiveFin(c, s)
        tcp.touch(c)
      }
      receive.deliverFin(tcp, c)
      return
    case 'TIME-WAIT':
      // RFC 9293: the only thing that can arrive is the guest's FIN again.
      if (s.has(FIN)) unacceptable(tcp, c, s)
      return
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK':
      // After its FIN the guest has nothing to say; a repeated FIN is acknowledged.
      if (s.length > 0) {
        c.raise(ACK_NOW)
        tcp.touch(c)
      }
      return
    case 'CLOSED':
    case 'LISTEN':
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
  }
}
