// Whether the host's peer still lives, for a guest that asks. The guest talks to us, and we would answer for a peer that has vanished: neither a
// program's keep-alive (RFC 9293, 3.8.4) nor its user timeout (RFC 5482) would ever end anything. So its questions are passed on.
//
// - A keep-alive probe of the guest has the host's kernel ask the peer (`Relay.silence`), and sets the host's socket to the guest's rhythm. It is
//   answered once the peer has answered, and not before: a peer that is silent leaves it unanswered, and the guest's own kernel gives up as the
//   program has told it to. No event tells of an acknowledgment, so the socket is looked at a few times, less and less often.
// - Text is not acknowledged beyond what a host's socket has sent again and again in vain (`Relay.stalled`). It is dropped, as a network would
//   have lost it: the guest sends it again, and its user timeout counts.
//
// A peer is never ended here. Only the guest decides, on silence that it would have met without us.
import { ACK_NOW, HOST_ASKED } from './columns.js'
import type { Connection } from './connection.js'
import { type Tcp, TIMER_KEEP_ALIVE } from './stack.js'

/** A peer that was heard within this time is alive, ms: no program's keep-alive is quicker. */
const HEARD = 1000
/** First look for an answer, ms; each later one after twice as long. An answer takes a round trip. */
const FIRST_LOOK = 10
/** The last one, ms: the guest's next probe asks anew. */
const LAST_LOOK = 4000
/** Time between two looks at whether the host's socket sends in vain, ms, while the guest sends. */
const STALL_LOOK = 1000

/** A keep-alive probe of the guest. False when it may be answered at once; else it is once the host's peer has answered. */
export function isAsked(tcp: Tcp, c: Connection): boolean {
  if (tcp.relay.silence(c, true) < HEARD) return false
  c.hostAsked = tcp.now
  c.raise(HOST_ASKED)
  tcp.setTimer(c, TIMER_KEEP_ALIVE, FIRST_LOOK)
  return true
}

/** The timer has gone off while an answer is waited for. True when there is none yet, and another look is to follow. */
export function look(tcp: Tcp, c: Connection): boolean {
  const elapsed = (tcp.now - c.hostAsked) | 0
  // Half of what it was silent before: clocks have a grain.
  const hasAnswered = tcp.relay.silence(c, false) < elapsed + HEARD / 2
  if (!hasAnswered && elapsed < LAST_LOOK) {
    tcp.setTimer(c, TIMER_KEEP_ALIVE, Math.max(elapsed, FIRST_LOOK))
    return true
  }
  c.lower(HOST_ASKED)
  if (hasAnswered) {
    c.raise(ACK_NOW)
    tcp.touch(c)
  }
  return false
}

/** True when the host's socket sends in vain: it is not given more of the guest's text now. Asks the kernel once in a while. */
export function isStalled(tcp: Tcp, c: Connection): boolean {
  if (((tcp.now - c.hostLooked) | 0) < STALL_LOOK) return false
  // As long as it is so, each segment looks again: the guest sends less and less often.
  if (tcp.relay.stalled(c)) return true
  c.hostLooked = tcp.now
  return false
}
