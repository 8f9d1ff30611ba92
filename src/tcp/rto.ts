// Retransmission timeout (RFC 6298). Scaled integers as V. Jacobson's: srtt in 1/8 ms, rttvar in 1/4 ms.
import type { Connection } from './connection.js'

/** Before the first sample (RFC 6298, 2.1). */
export const RTO_INITIAL = 1000
/**
 * Floor, ms. RFC 6298, 2.4 asks for a second, for the sake of queues in the network; a TAP has none, so the floor only has to
 * cover the guest's delayed acknowledgments (40 ms on Linux).
 */
export const RTO_MIN = 100
/** Ceiling, ms (RFC 6298, 2.5: at least 60 s). */
export const RTO_MAX = 60_000

/** Takes a round-trip sample of `rtt` ms (RFC 6298, 2.2 and 2.3). */
export function sample(c: Connection, rtt: number): void {
  const r = Math.max(rtt, 1)
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

/** The timeout in force: doubled for each retransmission so far (RFC 6298, 5.5). */
export function current(c: Connection): number {
  const shift = Math.min(c.backoff, 10)
  const rto = c.rto << shift
  return Math.min(rto, RTO_MAX)
}
