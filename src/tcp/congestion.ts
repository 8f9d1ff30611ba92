// Congestion control towards the guest (RFC 5681, 6582). The link is a TAP: a frame is in the guest's stack when the
// write returns, so there is no queue to probe for, and the window starts at its ceiling: what the guest's own window
// lets through is sent. A loss says that the link is not what it seems (a bridge in the guest, an impaired device), and
// from then on the window behaves as on any network.

import { IS_RECOVERING } from './columns.js'
import type { Connection } from './connection.js'

/** Start and ceiling of the congestion window, bytes. */
export const CWND_MAX = 64 << 20
/** Duplicate acknowledgments that mean a loss (RFC 5681, 3.2). */
export const DUP_ACK_THRESHOLD = 3

export function start(c: Connection): void {
  c.cwnd = CWND_MAX
  c.ssthresh = CWND_MAX
}

/**
 * RFC 5681, 3.1: `bytes` were acknowledged. They count as such, as in Linux and RFC 3465, without the limit of a segment or two for each
 * acknowledgment: one of a super-segment stands for many.
 */
export function acknowledged(c: Connection, bytes: number): void {
  const cwnd = c.cwnd
  if (cwnd >= CWND_MAX) return
  const growth = cwnd < c.ssthresh ? Math.min(bytes, c.ssthresh - cwnd) : Math.max(1, Math.trunc((c.sndMss * bytes) / cwnd))
  c.cwnd = Math.min(cwnd + growth, CWND_MAX)
}

/** RFC 5681, equation 4: half of what is in flight. */
function halve(c: Connection): void {
  const half = ((c.sndMax - c.sndUna) | 0) >> 1
  c.ssthresh = Math.max(half, 2 * c.sndMss)
}

/** RFC 6582, 3.2 step 2: three duplicates have arrived. */
export function enterRecovery(c: Connection): void {
  halve(c)
  c.recover = c.sndMax
  c.raise(IS_RECOVERING)
  c.cwnd = c.ssthresh + DUP_ACK_THRESHOLD * c.sndMss
}

/** RFC 6582, 3.2 step 3: the whole window has been acknowledged. */
export function leaveRecovery(c: Connection): void {
  c.lower(IS_RECOVERING)
  c.cwnd = c.ssthresh
}

/** RFC 5681, 3.1: the retransmission timer went off. */
export function timedOut(c: Connection): void {
  if (c.backoff === 0) halve(c)
  c.cwnd = c.sndMss
  c.recover = c.sndMax
  c.lower(IS_RECOVERING)
}
