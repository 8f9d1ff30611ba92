// What both kinds of open share: a row's send and receive sequence variables at their start (RFC 9293, 3.3.1), and what the other
// end's SYN says.
import { GUEST_ADDRESS, hashFlow, IS_IPV6 } from '../net/flow-row.js'
import { slabSize } from '../packet/slab-pool.js'
import * as options from '../wire/tcp-options.js'
import { CHALLENGE_INTERVAL } from './challenge.js'
import { FLAGS, HAS_SACK, HAS_TIMESTAMPS, IS_DIRTY } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as isn from './isn.js'
import * as output from './output.js'
import * as timer from './retransmission-timer.js'
import * as rto from './rto.js'
import type { Segment } from './segment.js'
import type { Tcp } from './stack.js'
import { WINDOW_SHIFT } from './window.js'

/** What a peer can receive that does not say, bytes (RFC 9293, 3.7.1: MUST-15): what every host takes, over IPv4 and over IPv6. */
const DEFAULT_MSS = 536
const DEFAULT_MSS6 = 1220
/** Least MSS that is believed; a smaller one only makes work (as in Linux, TCP_MIN_MSS plus options). */
const LEAST_MSS = 88
/** Bytes that timestamps take of every segment (RFC 6691). */
const TIMESTAMPS = options.TIMESTAMP_LENGTH
/** Tells the hash of a timestamp's offset from the one of an initial sequence number. */
const TIMESTAMP_DOMAIN = 0x5453

/** Clears what the row's last connection has left. */
export function clear(c: Connection): void {
  // The row may still be in the list of the batch, from the connection it held before.
  c.rows[c.base + FLAGS] = c.rows[c.base + FLAGS]! & IS_DIRTY
  c.slab = 0
  c.sendSlab = 0
  // Nothing is in flight that an ICMP error could be about.
  c.sndUna = c.sndNxt = c.sndMax = 0
  c.heldCount = 0
  c.sackedCount = 0
}

export const defaultMss = (c: Connection): number => (c.rows[c.base + IS_IPV6] === 1 ? DEFAULT_MSS6 : DEFAULT_MSS)

/** Takes what the SYN says. */
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
  const offered = Math.max(o[options.MSS]! === 0 ? defaultMss(c) : o[options.MSS]!, LEAST_MSS)
  c.sndMss = Math.min(offered, output.ourMss(tcp, c)) - (hasTimestamps ? TIMESTAMPS : 0)
  c.sndWnd = s.window
  c.maxWnd = s.window
}

/** The variables of a connection whose SYN, or SYN-ACK, leaves now. */
export function start(tcp: Tcp, c: Connection): void {
  c.slabClass = 0
  c.slab = tcp.slabs.acquire(0)
  c.hostFree = 0
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
  // RFC 7323, 5.4: no two connections tell the same clock, and none tells how long this machine has been up.
  c.tsOffset = hashFlow(tcp.key0, tcp.key1, TIMESTAMP_DOMAIN, c.rows, c.base + GUEST_ADDRESS, c.guestPort, true)
  c.srtt = 0
  c.rttvar = 0
  c.minRtt = 0
  c.rto = rto.RTO_INITIAL
  c.backoff = 0
  c.retried = 0
  c.dupAcks = 0
  c.reorderSteps = 0
  c.tailWait = timer.DELAYED_ACK
  c.rcvActive = tcp.now
  c.rcvTime = tcp.now
  c.lastSent = tcp.now
  c.flightSize = 0
  c.keepAlives = 0
  c.hostLooked = tcp.now
  c.dsackLeft = c.dsackRight = 0
  c.lastHeld = c.rcvNxt
  c.challenged = (tcp.now - CHALLENGE_INTERVAL) | 0
  congestion.start(c)
}
