// Receiving text and FIN (RFC 9293, 3.10.7.4, seventh and eighth). Text in order goes to the host's socket at once; only what
// the kernel takes moves rcvNxt, and so is acknowledged. The rest is held in the ring.

import { BYTES_IN, count } from '../net/flow-row.js'
import { slabSize } from '../packet/slab-pool.js'
import { enterCloseWait, enterTimeWait } from './close.js'
import { ACK_DELAYED, ACK_NOW, FIN_DELIVERED, FIN_SENT, HAS_FIN, HOST_FULL, IS_INTERACTIVE } from './columns.js'
import type { Connection } from './connection.js'
import * as farEnd from './far-end.js'
import * as held from './held.js'
import * as sack from './sack.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_DELAYED_ACK } from './stack.js'
import * as urgent from './urgent.js'
import * as window from './window.js'

/** How long an acknowledgment waits for text to ride on, ms. RFC 9293, 3.8.6.3 allows 500; a guest with Nagle's algorithm waits as long. */
export const DELAYED_ACK = 10

/** Seventh: the segment's text. False when the host's socket is broken: the connection is to be reset. */
export function receiveText(tcp: Tcp, c: Connection, s: Segment): boolean {
  const skip = seq.diff(c.rcvNxt, s.seq)
  const behind = Math.max(skip, 0)
  const from = (s.seq + behind) | 0
  const at = s.textAt + behind
  const room = slabSize(c.slabClass) - seq.diff(from, c.rcvNxt)
  // Nothing comes after the guest's FIN.
  const text = c.has(HAS_FIN) ? Math.min(s.textLength, seq.diff(c.rcvFin, s.seq)) : s.textLength
  const length = Math.min(text - behind, room)
  if (behind > 0) sack.arrivedTwice(c, s.seq, seq.min(c.rcvNxt, (s.seq + s.textLength) | 0))
  if (length <= 0) {
    if (s.textLength > 0) c.raise(ACK_NOW)
    return true
  }
  if (farEnd.isStalled(tcp, c)) return true
  c.rcvActive = tcp.now
  if (c.has(HOST_FULL) && seq.diff(from, c.rcvNxt) < held.contiguous(c)) return squeeze(tcp, c)
  if (from !== c.rcvNxt || c.has(HOST_FULL)) {
    // RFC 5681, 4.2: out of order is acknowledged at once. What is in order and only waits for the host's socket is not: a repeated
    // acknowledgment would look like a loss.
    if (seq.diff(from, c.rcvNxt) !== held.contiguous(c)) c.raise(ACK_NOW)
    c.lastHeld = from
    if (!held.has(c, from, (from + length) | 0)) held.hold(tcp, c, from, at, length)
    // A block in front of which nothing is missing would look like text taken back.
    else if (seq.diff(from, c.rcvNxt) >= held.contiguous(c)) sack.arrivedTwice(c, from, (from + length) | 0)
    return true
  }
  const taken = urgent.give(tcp, c, at, length)
  if (taken < 0) return false
  accept(tcp, c, taken)
  if (taken < length) {
    c.raise(HOST_FULL)
    held.trim(c)
    held.hold(tcp, c, c.rcvNxt, at + taken, length - taken)
  } else if (c.heldCount > 0) {
    // RFC 5681, 4.2: what fills a gap, or a part of it, is acknowledged at once.
    c.raise(ACK_NOW)
    return deliverHeld(tcp, c)
  }
  return true
}

// Text in order that the socket had no room for, again: the guest gives up in the end when it is never acknowledged, however long the
// host may have a reason not to read. So it gets into the kernel if there is a way.
function squeeze(tcp: Tcp, c: Connection): boolean {
  c.raise(ACK_NOW)
  tcp.relay.makeRoom(c, held.contiguous(c))
  return deliverHeld(tcp, c)
}

/** The host's kernel has `length` more bytes. */
function accept(tcp: Tcp, c: Connection, length: number): void {
  c.rcvNxt = (c.rcvNxt + length) | 0
  // The ring may have had room for more than was offered.
  if (seq.lt(c.rcvEdge, c.rcvNxt)) c.rcvEdge = c.rcvNxt
  c.rcvUnacked += length
  c.hostFree = c.hostFree > length ? c.hostFree - length : 0
  count(c.rows, c.base + BYTES_IN, length)
  window.grow(tcp, c, c.rows[c.base + BYTES_IN]!)
}

/** Gives the host what is held and in order now. False when its socket is broken. */
export function deliverHeld(tcp: Tcp, c: Connection): boolean {
  held.trim(c)
  for (let length = held.contiguous(c); length > 0; length = held.contiguous(c)) {
    const piece = Math.min(length, held.untilWrap(c))
    const taken = urgent.give(tcp, c, held.firstAt(c), piece)
    if (taken < 0) return false
    accept(tcp, c, taken)
    held.trim(c)
    c.raise(ACK_NOW)
    if (taken < piece) {
      c.raise(HOST_FULL)
      return true
    }
  }
  c.lower(HOST_FULL)
  return true
}

/** Eighth: the FIN bit. It counts when everything before it is in the host's kernel; one in the middle of the text never does. */
export function receiveFin(c: Connection, s: Segment): void {
  const fin = (s.seq + s.textLength) | 0
  c.raise(ACK_NOW)
  if (seq.lt(fin, held.end(c))) return
  c.raise(HAS_FIN)
  c.rcvFin = fin
}

/** Passes the guest's FIN on once its place has come. */
export function deliverFin(tcp: Tcp, c: Connection): void {
  if (!c.has(HAS_FIN) || c.has(FIN_DELIVERED) || c.rcvNxt !== c.rcvFin) return
  c.raise(FIN_DELIVERED | ACK_NOW)
  c.rcvNxt = (c.rcvNxt + 1) | 0
  if (seq.lt(c.rcvEdge, c.rcvNxt)) c.rcvEdge = c.rcvNxt
  tcp.relay.finish(c)
  switch (c.state) {
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
      enterCloseWait(tcp, c)
      return
    case 'FIN-WAIT-1':
      // Our FIN is not acknowledged yet: had it been, this were FIN-WAIT-2.
      c.state = 'CLOSING'
      return
    case 'FIN-WAIT-2':
      enterTimeWait(tcp, c)
      return
    case 'CLOSED':
    case 'LISTEN':
    case 'SYN-SENT':
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK':
    case 'TIME-WAIT':
  }
}

/** Decides when the text accepted so far is acknowledged (RFC 9293, 3.8.6.3): at once, or in the hope of an answer to ride on. */
export function scheduleAck(tcp: Tcp, c: Connection): void {
  if (c.rcvUnacked === 0 || c.has(ACK_NOW)) return
  // More than a segment is two of them (5681, 4.2: every second one), and the guest's probe of its tail counts on it.
  if (c.rcvUnacked > c.sndMss || !c.has(IS_INTERACTIVE) || c.has(FIN_SENT)) {
    c.raise(ACK_NOW)
    return
  }
  if (c.has(ACK_DELAYED)) return
  c.raise(ACK_DELAYED)
  tcp.setTimer(c, TIMER_DELAYED_ACK, DELAYED_ACK)
}
