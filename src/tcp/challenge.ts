// Challenge acknowledgments (RFC 5961): what cannot be the guest's, or is out of any order, is answered with where we are, but not
// more often than makes sense, so that two ends that disagree do not talk for ever (section 7; tcp_invalid_ratelimit in Linux).
import { ACK_NOW } from './columns.js'
import type { Connection } from './connection.js'
import type { Tcp } from './stack.js'

/** Least time between two of them on one connection, ms; as in Linux. There is no common limit, which strangers could measure. */
export const CHALLENGE_INTERVAL = 500

/** Answers with an acknowledgment when the batch ends, unless one was sent just now. */
export function challenge(tcp: Tcp, c: Connection): void {
  // Unsigned: after 25 days the difference of two int32 would be negative.
  if ((tcp.now - c.challenged) >>> 0 < CHALLENGE_INTERVAL) return
  c.challenged = tcp.now
  c.raise(ACK_NOW)
  tcp.touch(c)
}
