// Passive opens (RFC 9293, 3.10.7.2). A guest's SYN is held in LISTEN until the host's connect has succeeded; only then does
// the SYN-ACK leave, so the guest never believes in a connection that does not exist.
import { slabSize } from '../packet/slab-pool.js'
import * as options from '../wire/tcp-options.js'
import { resetHost } from './close.js'
import { FLAGS, HAS_SACK, HAS_TIMESTAMPS, HOST_READABLE, IS_DIRTY } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as isn from './isn.js'
import * as output from './output.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import { type Tcp, TIMER_RETRANSMIT } from './stack.js'
import { WINDOW_SHIFT } from './window.js'

/** What a peer can receive that does not say (RFC 9293, 3.7.1: MUST-15). */
const DEFAULT_MSS = 536
/** Least MSS that is believed; a smaller one only makes work (as in Linux, TCP_MIN_MSS plus options). */
const LEAST_MSS = 88
/** Bytes that timestamps take of every segment (RFC 6691). */
const TIMESTAMPS = options.TIMESTAMP_LENGTH
/** SYN-ACKs sent before the guest is given up. */
const SYN_ACK_RETRIES = 5

/** Fills a fresh row from the SYN that made it; it is acknowledged when `connected` is called. */
export function listen(tcp: Tcp, c: Connection, s: Segment): void {
  c.state = 'LISTEN'
  // The row may still be in the list of the batch, from the connection it held before.
  c.rows[c.base + FLAGS] = c.rows[c.base + FLAGS]! & IS_DIRTY
  readSyn(tcp, c, s)
}

/** Takes what the SYN says; again for one with another sequence number, from a guest that began anew. */
export function readSyn(tcp: Tcp, c: Connection, s: Segment): void {
  const o = s.options
  c.irs = s.seq
  c.rcvNxt = (s.seq + 1) | 0
  const hasTimestamps = o[options.HAS_TIMESTAMP] === 1
  c.lower(HAS_TIMESTAMPS | HAS_SACK)
  c.raise((hasTimestamps ? HAS_TIMESTAMPS : 0) | (o[options.SACK_PERMITTED] === 1 ? HAS_SACK : 0))
  c.tsRecent = hasTimestamps ? s.timestamp : 0
  c.tsRecentAge = tcp.now
  const scale = o[options.WINDOW_SCALE]!
  // RFC 7323, 2.2: both scale or none does.
  c.sndScale = scale < 0 ? 0 : Math.min(scale, options.MAX_WINDOW_SCALE)
  c.rcvScale = scale < 0 ? 0 : WINDOW_SHIFT
  const offered = Math.max(o[options.MSS]! === 0 ? DEFAULT_MSS : o[options.MSS]!, LEAST_MSS)
  const ours = output.ourMss(tcp)
  c.sndMss = Math.min(offered, ours) - (hasTimestamps ? TIMESTAMPS : 0)
  c.sndWnd = s.window
  c.maxWnd = s.window
}

/** The host has accepted: answer the SYN. */
export function connected(tcp: Tcp, c: Connection): void {
  c.slabClass = 0
  c.slab = tcp.slabs.acquire(0)
  c.hostFree = 0
  c.heldCount = 0
  c.iss = isn.choose(tcp, c)
  c.sndUna = c.iss
  c.sndNxt = (c.iss + 1) | 0
  c.sndMax = c.sndNxt
  c.recover = c.iss
  c.sndWl1 = c.irs
  c.sndWl2 = c.iss
  c.rcvEdge = (c.rcvNxt + slabSize(0)) | 0
  c.rcvUnacked = 0
  c.lastAckSent = c.rcvNxt
  c.srtt = 0
  c.rttvar = 0
  c.rto = rto.RTO_INITIAL
  c.backoff = 0
  c.dupAcks = 0
  c.rcvActive = tcp.now
  congestion.start(c)
  // What the host sent along with its SYN-ACK was in the event that told of the connect: no other one tells.
  c.raise(HOST_READABLE)
  c.state = 'SYN-RECEIVED'
  output.sendSynAck(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}

/** The SYN-ACK was not acknowledged in time. */
export function resendSynAck(tcp: Tcp, c: Connection): void {
  c.backoff++
  if (c.backoff > SYN_ACK_RETRIES) {
    resetHost(tcp, c)
    return
  }
  output.sendSynAck(tcp, c)
  tcp.setTimer(c, TIMER_RETRANSMIT, rto.current(c))
}
