// Congestion control towards the guest: CUBIC (RFC 9438), with proportional rate reduction while something is missing (RFC 6937).
//
// The link is a TAP: a frame is in the guest's stack when the write returns, so there is no queue to probe for, and the window starts at
// its ceiling: what the guest's own window lets through is sent. A loss says that the link is not what it seems (a bridge in the guest, an
// impaired device), and from then on the window behaves as on any network.
//
// Acknowledgments come in batches, and text is sent when a batch ends. While one is being read less and less is in flight, however well the
// window is used: FlightSize (RFC 5681) is what was in flight when the batch before had ended (FLIGHT_SIZE).
import { HAS_EPOCH, HAS_SACK, IS_LOSS, IS_RECOVERING, MAY_UNDO } from './columns.js'
import type { Connection } from './connection.js'
import * as timer from './retransmission-timer.js'
import * as seq from './seq.js'

/** Start and ceiling of the congestion window, bytes. */
export const CWND_MAX = 64 << 20
/** Duplicate acknowledgments, or ranges, that mean a loss (RFC 5681, 3.2; RFC 6675: DupThresh). */
export const DUP_ACK_THRESHOLD = 3
/** Segments that may be sent after a pause (RFC 6928). */
const RESTART_SEGMENTS = 10
/** RFC 9438, 4.6: what is left of the window after a loss. */
const BETA = 0.7
/** RFC 9438, 4.1.2: aggressiveness, segments / s^3. */
const C = 0.4
/** RFC 9438, 4.3: growth of the window that Reno would have, segments a round trip. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA)

export function start(c: Connection): void {
  c.cwnd = CWND_MAX
  c.ssthresh = CWND_MAX
  c.wMax = 0
}

/** True where the window limits at all: something was lost once. */
export const isLimiting = (c: Connection): boolean => c.cwnd < CWND_MAX

/**
 * `bytes` were acknowledged, and `flight` were in flight before the batch. They count as such, as in Linux and RFC 3465, without the limit
 * of a segment or two for each acknowledgment: one of a super-segment stands for many.
 */
export function acknowledged(c: Connection, bytes: number, flight: number, now: number): void {
  const cwnd = c.cwnd
  if (cwnd >= CWND_MAX) return
  // RFC 9438, 4.2 and 5.8: a window that is not used says nothing about the path, and its time does not count.
  if (flight < cwnd >> 1) {
    c.lower(HAS_EPOCH)
    return
  }
  if (cwnd < c.ssthresh) c.cwnd = Math.min(cwnd + bytes, c.ssthresh)
  else c.cwnd = Math.min(cubic(c, bytes, now), CWND_MAX)
}

// RFC 9438, 4.2 to 4.5: congestion avoidance.
function cubic(c: Connection, bytes: number, now: number): number {
  const cwnd = c.cwnd
  const mss = c.sndMss
  if (!c.has(HAS_EPOCH)) beginEpoch(c, now)
  const t = (seq.diff(now, c.epoch) - c.cubicK) / 1000
  c.wEst = c.wEst + Math.max(1, Math.trunc((alpha(c) * mss * bytes) / cwnd))
  if (window(c, t) < c.wEst) return Math.max(cwnd, c.wEst)
  const target = window(c, t + (c.srtt >> 3) / 1000)
  const bounded = Math.min(Math.max(target, cwnd), cwnd * 1.5)
  return cwnd + Math.max(1, Math.trunc(((bounded - cwnd) * bytes) / cwnd))
}

/** RFC 9438, figure 1: W_cubic, `t` seconds after the inflection. */
const window = (c: Connection, t: number): number => C * t * t * t * c.sndMss + c.wMax

const alpha = (c: Connection): number => (c.wEst < c.cwndPrior ? ALPHA : 1)

function beginEpoch(c: Connection, now: number): void {
  c.raise(HAS_EPOCH)
  c.epoch = now
  c.wEst = c.cwnd
  if (c.wMax < c.cwnd) c.wMax = c.cwnd
  c.cubicK = Math.trunc(1000 * Math.cbrt((c.wMax - c.cwnd) / c.sndMss / C))
}

/**
 * A loss (RFC 9438, 4.6 and 4.7): `flight` bytes were sent and not acknowledged, by SACK or not (RFC 5681: FlightSize). What was before is
 * kept for when it was none (RFC 3522).
 */
export function reduce(c: Connection, flight: number, stamp: number): void {
  timer.lossSeen(c)
  c.priorCwnd = c.cwnd
  c.priorSsthresh = c.ssthresh
  c.undoStamp = stamp
  c.raise(MAY_UNDO)
  c.lower(HAS_EPOCH)
  // What limited transmit has sent does not count (RFC 5681, 3.2 step 2).
  const used = Math.min(c.cwnd, flight)
  c.cwndPrior = used
  c.wMax = used < c.wMax ? Math.trunc((used * (1 + BETA)) / 2) : used
  c.ssthresh = Math.max(Math.trunc(used * BETA), 2 * c.sndMss)
}

/** Loss recovery begins (RFC 6675, 5; RFC 6582, 3.2 step 2). */
export function enterRecovery(c: Connection, flight: number, stamp: number): void {
  reduce(c, flight, stamp)
  c.recover = c.sndMax
  c.raise(IS_RECOVERING)
  c.prrDelivered = 0
  c.prrOut = 0
  c.recoverFs = Math.max(flight, 1)
  // Without SACK each duplicate stands for a segment that has left the network.
  c.cwnd = c.has(HAS_SACK) ? c.ssthresh : c.ssthresh + DUP_ACK_THRESHOLD * c.sndMss
}

/** RFC 6937, 3: `delivered` bytes have arrived, `pipe` are in flight. At least one segment goes when recovery has just begun. */
export function recovering(c: Connection, delivered: number, pipe: number): void {
  c.prrDelivered += delivered
  let allowed = 0
  if (pipe > c.ssthresh) allowed = Math.ceil((c.prrDelivered * c.ssthresh) / c.recoverFs) - c.prrOut
  else allowed = Math.min(c.ssthresh - pipe, Math.max(c.prrDelivered - c.prrOut, delivered) + c.sndMss)
  if (c.prrOut === 0) allowed = Math.max(allowed, c.sndMss)
  c.cwnd = pipe + Math.max(allowed, 0)
}

/** RFC 6582, 3.2 step 5: `acked` bytes less are in flight, and a segment more may go. */
export function deflate(c: Connection, acked: number): void {
  c.cwnd = Math.max(c.cwnd - acked + Math.min(acked, c.sndMss), c.sndMss)
}

/** Everything that was in flight when it began has arrived. */
export function leaveRecovery(c: Connection): void {
  if (c.has(IS_RECOVERING)) c.cwnd = c.ssthresh
  c.lower(IS_RECOVERING | IS_LOSS)
}

/** RFC 5681, 3.1: the retransmission timer went off. */
export function timedOut(c: Connection, flight: number, stamp: number): void {
  if (c.retried === 0 && !c.has(IS_LOSS)) reduce(c, flight, stamp)
  c.cwnd = c.sndMss
  c.recover = c.sndMax
  c.lower(IS_RECOVERING | HAS_EPOCH)
  c.raise(IS_LOSS)
}

/** The last reduction was for nothing: the acknowledgment was of text sent before (RFC 4015). */
export function undo(c: Connection): void {
  timer.lossUndone(c)
  c.cwnd = Math.max(c.cwnd, c.priorCwnd)
  c.ssthresh = Math.max(c.ssthresh, c.priorSsthresh)
  c.lower(IS_RECOVERING | IS_LOSS | MAY_UNDO | HAS_EPOCH)
}

/** RFC 5681, 4.1: after a pause of a timeout or more the window is not trusted. */
export function restart(c: Connection, now: number): void {
  if (((now - c.lastSent) | 0) < c.rto) return
  c.cwnd = Math.min(c.cwnd, RESTART_SEGMENTS * c.sndMss)
  c.lower(HAS_EPOCH)
}
