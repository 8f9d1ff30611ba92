// Loss detection and recovery by selective acknowledgments: what an acknowledgment's SACK blocks say (RFC 2018, 2883), which holes
// count as lost (RFC 6675, 4: IsLost; RFC 8985, 6.2 once segments were seen to overtake each other), and when a retransmission was
// lost as well. Without SACK the first hole is all that is known (RFC 6582).
import * as options from '../wire/tcp-options.js'
import { HAS_SACK, HAS_TIMESTAMPS, IS_LOSS, IS_PROBING_TAIL, IS_RECOVERING, IS_TAIL_RESENT, MAY_UNDO } from './columns.js'
import * as congestion from './congestion.js'
import type { Connection } from './connection.js'
import * as timer from './retransmission-timer.js'
import * as scoreboard from './scoreboard.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** RFC 8985, 6.2: most that a hole is waited for, as a multiple of a quarter of the least round trip. */
const MOST_REORDER_STEPS = 16

/** Bytes in flight. */
export const flight = (c: Connection): number => (c.sackedCount === 0 ? seq.diff(c.sndNxt, c.sndUna) : scoreboard.pipe(c))

/** What is lost, and was not sent again, is first in line. */
export const hasLost = (c: Connection): boolean => c.sackedCount > 0 && scoreboard.firstLost(c) >= 0

/**
 * Reads the SACK blocks: how many bytes of them are news. SND.UNA is what the segment says already. `c.sndNxt` may move on: the caller
 * sees to what is read from the host next.
 */
export function readBlocks(tcp: Tcp, c: Connection, s: Segment): number {
  const count = s.options[options.SACK_COUNT]!
  let news = 0
  for (let i = 0; i < count; i++) {
    const left = s.options[options.SACK_LEFT + 2 * i]!
    const right = s.options[options.SACK_LEFT + 2 * i + 1]!
    if (i === 0 && isDuplicateReport(c, s, left, right)) {
      arrivedTwice(c)
      continue
    }
    // What cannot be is not believed: RFC 2018, 3.
    if (seq.leq(right, left) || seq.leq(right, c.sndUna) || seq.gt(right, c.sndMax)) continue
    news += scoreboard.insert(c, seq.max(left, c.sndUna), right, tcp.now)
    if (scoreboard.isOvertaken && !c.has(IS_LOSS)) overtaken(c)
  }
  return news
}

/** RFC 2883, 4: the first block lies before the acknowledgment, or within the second block. */
export function isDuplicateReport(c: Connection, s: Segment, left: number, right: number): boolean {
  if (seq.leq(right, left)) return false
  if (seq.leq(right, s.ack)) return seq.gt(right, (c.sndUna - c.maxWnd) | 0)
  if (s.options[options.SACK_COUNT]! < 2) return false
  return seq.leq(s.options[options.SACK_LEFT + 2]!, left) && seq.leq(right, s.options[options.SACK_LEFT + 3]!)
}

// A retransmission was for nothing: holes are waited for longer from now on, and what the tail's probe met was no loss.
function arrivedTwice(c: Connection): void {
  if (c.has(IS_TAIL_RESENT)) timer.probedInVain(c)
  c.lower(IS_TAIL_RESENT)
  if (c.reorderSteps > 0 && c.reorderSteps < MOST_REORDER_STEPS) c.reorderSteps++
}

/** A segment arrived behind those sent after it: from now on a hole is no loss before some time has passed. */
export function overtaken(c: Connection): void {
  if (c.reorderSteps === 0) c.reorderSteps = 1
}

/** ms that a hole is waited for. */
function patience(c: Connection): number {
  const wait = (Math.max(c.reorderSteps, 1) * Math.max(c.minRtt, 1)) >> 2
  return Math.max(1, Math.min(wait, c.srtt >> 3))
}

/** ms until the next hole counts as lost, -1 for none; set by `detect`. */
export let untilLost = -1

/** Finds what is lost by now. True when there is something new. `hasDelivered`: the guest has just told of something new. */
export function detect(tcp: Tcp, c: Connection, hasDelivered: boolean): boolean {
  let above = 0
  let isNew = false
  // Sent two round trips after all else, the probe of the tail has arrived: everything before it would have.
  const isProbed = c.has(IS_PROBING_TAIL) && c.sackedCount > 0 && seq.leq(c.tailEnd, scoreboard.end(c))
  untilLost = -1
  for (let i = c.sackedCount - 1; i >= 0; i--) {
    above += seq.diff(scoreboard.right(c, i), scoreboard.left(c, i))
    if (seq.leq(scoreboard.left(c, i), scoreboard.holeStart(c, i))) continue
    const age = (tcp.now - scoreboard.time(c, i)) | 0
    if (scoreboard.isLost(c, i)) {
      if (hasDelivered && isLostAgain(c, i, age)) scoreboard.lose(c, i, tcp.now)
    } else if (isProbed || isLost(c, c.sackedCount - i, above, age)) {
      scoreboard.lose(c, i, tcp.now)
      isNew = true
    }
  }
  return isNew
}

// As long as nothing was overtaken: at once in recovery, or with enough behind it (RFC 6675, 4). Else, and with less behind it, by
// time (RFC 8985, 6.2, steps 4 and 5): the last segments before a pause have not three behind them.
function isLost(c: Connection, ranges: number, above: number, age: number): boolean {
  const isEnough = ranges >= congestion.DUP_ACK_THRESHOLD || above > (congestion.DUP_ACK_THRESHOLD - 1) * c.sndMss
  if (c.reorderSteps === 0 && (isEnough || c.has(IS_RECOVERING))) return true
  const wait = patience(c) - age
  if (wait <= 0) return true
  if (untilLost < 0 || wait < untilLost) untilLost = wait
  return false
}

// What has just arrived was sent about a round trip ago; if the hole was sent again before that, it was lost once more (RFC 8985, 6.2).
function isLostAgain(c: Connection, i: number, age: number): boolean {
  const isResent = seq.leq(scoreboard.left(c, i), scoreboard.resentTo(c, i))
  return isResent && age > (c.srtt >> 3) + c.rttvar + patience(c)
}

/** A hole with nothing else to send: it may as well be lost (RFC 6675, 4: NextSeg, rules 3 and 4). False when there is none. */
export function presume(tcp: Tcp, c: Connection): boolean {
  const i = c.reorderSteps === 0 ? scoreboard.firstKept(c) : -1
  if (i >= 0) scoreboard.lose(c, i, tcp.now)
  return i >= 0
}

/** RFC 6298, 5.4 and RFC 6675, 5.1: after a timeout everything the guest has not told of is lost. */
export function loseAll(tcp: Tcp, c: Connection): void {
  // The guest has taken back what it told, if what it told of comes next (RFC 2018, 8).
  if (c.sackedCount > 0 && scoreboard.left(c, 0) === c.sndUna) scoreboard.clear(c)
  for (let i = 0; i < c.sackedCount; i++) scoreboard.lose(c, i, tcp.now)
  c.sndNxt = scoreboard.end(c)
}

/** RFC 3522: the acknowledgment echoes something sent before the retransmission, so that was for nothing. */
export function isSpurious(c: Connection, s: Segment): boolean {
  if (!c.has(MAY_UNDO)) return false
  c.lower(MAY_UNDO)
  return c.has(HAS_TIMESTAMPS) && s.hasTimestamp && seq.lt(s.timestampEcho, c.undoStamp)
}

/**
 * The tail's probe may have been answered (RFC 8985, 7.4.2). True when it repaired a loss that nobody else has seen. Called when the blocks
 * are read: a D-SACK has said then that both copies arrived.
 */
export function tailAnswered(c: Connection, s: Segment, isNew: boolean): boolean {
  if (!c.has(IS_PROBING_TAIL) || seq.lt(s.ack, c.tailEnd)) return false
  const isOriginal = c.has(HAS_TIMESTAMPS) && s.hasTimestamp && seq.lt(s.timestampEcho, c.tailStamp)
  const isRepaired = c.has(IS_TAIL_RESENT) && seq.gt(s.ack, c.tailEnd) && !isOriginal
  const isRepeated = !isNew && s.length === 0 && s.options[options.SACK_COUNT] === 0
  // The acknowledgment of all there was may be the original's: nothing is known yet.
  if (c.has(IS_TAIL_RESENT) && s.ack === c.tailEnd && !isRepeated) return false
  c.lower(IS_PROBING_TAIL | IS_TAIL_RESENT)
  return isRepaired && !c.has(IS_RECOVERING | IS_LOSS)
}

/** Whether loss is found by the scoreboard, or by counting duplicates. */
export const hasScoreboard = (c: Connection): boolean => c.has(HAS_SACK)
