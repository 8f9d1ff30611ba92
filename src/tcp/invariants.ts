// What holds for a row between any two events, whatever the guest sends. A debug build (NETLOOM_DEBUG=1), the scripts, the fuzzer and the
// simulation ask after each segment; nobody asks on the packet path.
import { slabSize } from '../packet/slab-pool.js'
import {
  ACK_DELAYED,
  FIN_DELIVERED,
  FIN_SENT,
  HAS_FIN,
  HELD,
  HOST_EOF,
  HOST_FULL,
  IS_DIRTY,
  IS_LOSS,
  IS_RECOVERING,
  MAX_HELD,
  MAX_SACKED,
} from './columns.js'
import type { Connection } from './connection.js'
import * as scoreboard from './scoreboard.js'
import * as seq from './seq.js'
import { type Tcp, TIMER_DELAYED_ACK, TIMER_KEEP_ALIVE, TIMER_RETRANSMIT } from './stack.js'

/** What is wrong with a row, in words; null when nothing is. */
export function violation(tcp: Tcp, c: Connection): string | null {
  switch (c.state) {
    case 'CLOSED':
    case 'LISTEN':
      return c.slab === 0 ? null : `${c.state} with a ring`
    case 'TIME-WAIT':
      return c.slab === 0 && c.heldCount === 0 && tcp.hasTimer(c, TIMER_RETRANSMIT) ? null : 'TIME-WAIT with a ring, or without its timer'
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK': {
      const found = sending(c) ?? known(c) ?? receiving(c) ?? held(c) ?? ends(c) ?? timers(tcp, c)
      return found === null ? null : `${c.state}: ${found}`
    }
  }
}

/** Throws when something is wrong. */
export function verify(tcp: Tcp, c: Connection): void {
  const found = violation(tcp, c)
  if (found !== null) throw new Error(`row ${c.row}: ${found}`)
}

function sending(c: Connection): string | null {
  const [una, nxt, max] = [c.sndUna, c.sndNxt, c.sndMax]
  if (seq.gt(una, nxt) || seq.gt(nxt, max)) return `SND.UNA ${una}, SND.NXT ${nxt}, highest ${max}`
  if (c.sndMss <= 0 || c.cwnd < c.sndMss) return `cwnd ${c.cwnd}, MSS ${c.sndMss}`
  if (c.sndWnd < 0 || c.sndWnd > c.maxWnd) return `SND.WND ${c.sndWnd}, once ${c.maxWnd}`
  if (c.has(IS_RECOVERING) && c.has(IS_LOSS)) return 'two recoveries at once'
  if (c.has(IS_RECOVERING | IS_LOSS) && seq.lt(c.recover, una)) return 'recovery beyond its point'
  return null
}

function known(c: Connection): string | null {
  if (c.sackedCount < 0 || c.sackedCount > MAX_SACKED) return `${c.sackedCount} ranges in the scoreboard`
  for (let i = 0; i < c.sackedCount; i++) {
    const [start, left, right] = [scoreboard.holeStart(c, i), scoreboard.left(c, i), scoreboard.right(c, i)]
    // A guest that tells nonsense may leave no hole in front of the first range.
    const isApart = i === 0 ? seq.leq(start, left) : seq.lt(start, left)
    if (!isApart || !seq.lt(left, right) || seq.gt(right, c.sndMax)) return `range ${left} to ${right} behind ${start}`
    if (seq.gt(scoreboard.resentTo(c, i), left)) return `the hole before ${left} was sent again beyond its end`
  }
  if (seq.lt(c.sndNxt, scoreboard.end(c))) return 'SND.NXT before the end of the scoreboard'
  return scoreboard.pipe(c) < 0 ? `${scoreboard.pipe(c)} bytes in flight` : null
}

function receiving(c: Connection): string | null {
  if (c.slab === 0) return 'no ring'
  const window = seq.diff(c.rcvEdge, c.rcvNxt)
  return window < 0 || window > slabSize(c.slabClass) ? `a window of ${window}` : null
}

function held(c: Connection): string | null {
  if (c.heldCount < 0 || c.heldCount > MAX_HELD) return `${c.heldCount} ranges held`
  let end = c.rcvNxt
  for (let i = 0; i < c.heldCount; i++) {
    const left = c.rows[c.ranges + HELD + 2 * i]!
    const right = c.rows[c.ranges + HELD + 2 * i + 1]!
    const isFirst = i === 0 && left === c.rcvNxt
    if (isFirst && !c.has(HOST_FULL)) return 'in order, and nobody waits for the host'
    if (!(isFirst || seq.lt(end, left)) || !seq.lt(left, right)) return `held ${left} to ${right} behind ${end}`
    end = right
  }
  return seq.diff(end, c.rcvNxt) > slabSize(c.slabClass) ? 'more is held than the ring has room for' : null
}

function ends(c: Connection): string | null {
  if (c.has(FIN_DELIVERED) && !(c.has(HAS_FIN) && c.rcvNxt === ((c.rcvFin + 1) | 0))) return 'a FIN passed on out of its place'
  const hasEnded = c.state !== 'SYN-SENT' && c.state !== 'SYN-RECEIVED' && c.state !== 'ESTABLISHED' && c.state !== 'CLOSE-WAIT'
  if (c.has(FIN_SENT) !== hasEnded) return 'our FIN and the state disagree'
  const isHalf = c.state === 'CLOSE-WAIT' || c.state === 'CLOSING' || c.state === 'LAST-ACK'
  if (c.has(FIN_DELIVERED) !== isHalf) return "the guest's FIN and the state disagree"
  return c.has(HOST_EOF) && !c.has(FIN_SENT) && c.sndNxt === c.sndMax && c.sndUna === c.sndMax && c.state === 'ESTABLISHED' && c.sndWnd > 0
    ? 'a FIN that nobody sends'
    : null
}

function timers(tcp: Tcp, c: Connection): string | null {
  if (tcp.hasTimer(c, TIMER_DELAYED_ACK) !== c.has(ACK_DELAYED)) return 'the timer of the delayed acknowledgment'
  // At the end of the batch it is sent, or timed, again.
  if (c.sndUna !== c.sndMax && !c.has(IS_DIRTY) && !tcp.hasTimer(c, TIMER_RETRANSMIT)) return 'in flight without a timer'
  const isOpening = c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED'
  return isOpening || tcp.hasTimer(c, TIMER_KEEP_ALIVE) ? null : 'no keep-alive timer'
}
