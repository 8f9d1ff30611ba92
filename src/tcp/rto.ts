// Retransmission timeout (RFC 6298). Scaled integers as V. Jacobson's: srtt in 1/8 ms, rttvar in 1/4 ms.
import { HAS_TIMESTAMPS, IS_LOSS } from './columns.js'
import type { Connection } from './connection.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Before the first sample (RFC 6298, 2.1). */
export const RTO_INITIAL = 1000
/** Where a SYN was sent more than once, until there is a sample, ms (RFC 6298, 5.7). */
export const RTO_AFTER_SYN = 3000
/**
 * Floor, ms. RFC 6298, 2.4 asks for a second, for the sake of queues in the network; a TAP has none, so the floor only has to
 * cover the guest's delayed acknowledgments (40 ms on Linux).
 */
export const RTO_MIN = 100
/** Ceiling, ms (RFC 6298, 2.5: at least 60 s). */
export const RTO_MAX = 60_000
/** Round trips longer than this are not believed: an echo of something we never sent, ms. */
const RTT_MAX = 60_000

/** Takes a round-trip sample of `rtt` ms (RFC 6298, 2.2 and 2.3). */
export function sample(c: Connection, rtt: number): void {
  if (rtt < 0 || rtt > RTT_MAX) return
  const r = Math.max(rtt, 1)
  if (c.minRtt === 0 || r < c.minRtt) c.minRtt = r
  if (c.srtt === 0) {
    c.srtt = r << 3
    c.rttvar = r << 1
  } else {
    const error = r - (c.srtt >> 3)
    c.rttvar += (error < 0 ? -error : error) - (c.rttvar >> 2)
    c.srtt += error
  }
  const rto = (c.srtt >> 3) + Math.max(c.rttvar, 1)
  c.rto = rto < RTO_MIN ? RTO_MIN : Math.min(rto, RTO_MAX)
}

/** ms since we sent what the segment echoes (RFC 7323, 4.1: RTTM). */
export const echoed = (tcp: Tcp, c: Connection, s: Segment): number => (tcp.now + c.tsOffset - s.timestampEcho) | 0

/**
 * An acknowledgment of something new: a sample by its timestamp if it has one, else by the segment that is being timed, which was sent
 * once (RFC 6298, 3), and the end of the backing off. After a timeout the echo of a stamp from before it tells nothing: either the round
 * trip has grown, or the first acknowledgment was lost, and the timeout itself would be measured; the backing off stays (5.7 and Karn).
 */
export function measure(tcp: Tcp, c: Connection, s: Segment, timed: number): void {
  if (c.has(HAS_TIMESTAMPS) && s.hasTimestamp && s.timestampEcho !== 0) {
    if (c.backoff > 0 && c.has(IS_LOSS) && seq.lt(s.timestampEcho, c.undoStamp)) return
    sample(c, echoed(tcp, c, s))
  } else if (timed >= 0) sample(c, timed)
  else return
  c.backoff = 0
}

/** The timeout in force: doubled for each retransmission so far (RFC 6298, 5.5). */
export function current(c: Connection): number {
  const shift = Math.min(c.backoff, 10)
  const rto = c.rto << shift
  return Math.min(rto, RTO_MAX)
}
