// The scoreboard (RFC 6675, 3): what of the text in flight the guest has told to have arrived (RFC 2018), and what is to be thought
// of the rest. Ranges in order and apart, in the row; each one has with it what is known of the hole in front of it.
//
//   sndUna            LEFT    RIGHT           LEFT    RIGHT        sndNxt
//     | hole of 0       |SACKed |  hole of 1    |SACKed |  in flight  |
//     |resent |         |       |
//            RXT
//
//   IS_LOST  the hole counts as lost: what is left of it behind RXT is to be sent again
//   TIME     ms, when the hole was seen first, or was sent again last
//
// A row has no record of each segment, so the times of RFC 8985 (RACK) are kept for each hole: enough to tell that a retransmission was
// lost as well, and to wait for segments that only have been overtaken. After a timeout (IS_LOSS) every hole is lost, and what is
// behind the last range too: sndNxt goes back to there.
import { MAX_SACKED, SACKED, SACKED_WORDS } from './columns.js'
import type { Connection } from './connection.js'
import * as seq from './seq.js'

const LEFT = 0
const RIGHT = 1
const RXT = 2
const IS_LOST = 3
const TIME = 4

const at = (c: Connection, i: number): number => c.ranges + SACKED + i * SACKED_WORDS

export const left = (c: Connection, i: number): number => c.rows[at(c, i) + LEFT]!
export const right = (c: Connection, i: number): number => c.rows[at(c, i) + RIGHT]!
export const isLost = (c: Connection, i: number): boolean => c.rows[at(c, i) + IS_LOST] !== 0
export const time = (c: Connection, i: number): number => c.rows[at(c, i) + TIME]!

/** Where the hole in front of a range begins; of the one behind the last range: what is in flight and not known. */
export const holeStart = (c: Connection, i: number): number => (i === 0 ? c.sndUna : right(c, i - 1))

/** The first byte of the hole that was not sent again. */
export const resentTo = (c: Connection, i: number): number => seq.max(c.rows[at(c, i) + RXT]!, holeStart(c, i))

/** Where the last range ends, sndUna when there is none. */
export const end = (c: Connection): number => holeStart(c, c.sackedCount)

/** Bytes in flight (RFC 6675, 4: pipe): sent, not SACKed, and not lost, or sent again. */
export function pipe(c: Connection): number {
  let bytes = seq.diff(c.sndNxt, c.sndUna)
  for (let i = 0; i < c.sackedCount; i++) {
    bytes -= seq.diff(right(c, i), left(c, i))
    if (isLost(c, i)) bytes -= seq.diff(left(c, i), resentTo(c, i))
  }
  return bytes
}

/** Bytes that have arrived. */
export function bytes(c: Connection): number {
  let sum = 0
  for (let i = 0; i < c.sackedCount; i++) sum += seq.diff(right(c, i), left(c, i))
  return sum
}

/** Forgets everything: the guest has taken back what it told (RFC 2018, 8), or the text is acknowledged. */
export function clear(c: Connection): void {
  c.sackedCount = 0
}

/** The hole has been sent again up to `to`. */
export function resent(c: Connection, i: number, to: number, now: number): void {
  c.rows[at(c, i) + RXT] = to
  c.rows[at(c, i) + TIME] = now
}

/** The hole is to be sent again, as a whole. */
export function lose(c: Connection, i: number, now: number): void {
  c.rows[at(c, i) + IS_LOST] = 1
  c.rows[at(c, i) + RXT] = holeStart(c, i)
  c.rows[at(c, i) + TIME] = now
}

/** None of the holes is lost after all. */
export function unlose(c: Connection): void {
  for (let i = 0; i < c.sackedCount; i++) c.rows[at(c, i) + IS_LOST] = 0
}

/** The first hole with something to be sent again, -1 for none. */
export function firstLost(c: Connection): number {
  for (let i = 0; i < c.sackedCount; i++) if (isLost(c, i) && seq.lt(resentTo(c, i), left(c, i))) return i
  return -1
}

/** The first hole that is not thought to be lost, -1 for none. */
export function firstKept(c: Connection): number {
  for (let i = 0; i < c.sackedCount; i++) if (!isLost(c, i) && seq.lt(holeStart(c, i), left(c, i))) return i
  return -1
}

/**
 * SND.UNA has moved on to `una`, from `before`. True when it filled a hole that never was sent again: the segment had been overtaken.
 * Called when sndUna is `una` already.
 */
export function advance(c: Connection, before: number): boolean {
  const una = c.sndUna
  const count = c.sackedCount
  const hasHole = seq.lt(before, left(c, 0)) && seq.leq(left(c, 0), una)
  const isLate = hasHole && seq.leq(c.rows[at(c, 0) + RXT]!, before)
  let gone = 0
  while (gone < count && seq.leq(right(c, gone), una)) gone++
  if (gone > 0) remove(c, 0, gone)
  if (c.sackedCount > 0 && seq.lt(left(c, 0), una)) c.rows[at(c, 0) + LEFT] = una
  return isLate
}

function remove(c: Connection, from: number, count: number): void {
  c.rows.copyWithin(at(c, from), at(c, from + count), at(c, c.sackedCount))
  c.sackedCount -= count
}

/** What `insert` found besides new bytes: a segment that was never sent again has been overtaken by others. */
export let isOvertaken = false

/** The guest has [from, to), which lies between sndUna and sndMax. How many bytes of it are news. */
export function insert(c: Connection, from: number, to: number, now: number): number {
  const count = c.sackedCount
  let first = 0
  while (first < count && seq.lt(right(c, first), from)) first++
  let next = first
  while (next < count && seq.leq(left(c, next), to)) next++
  isOvertaken = false
  return first === next ? insertApart(c, first, from, to, now) : join(c, first, next, from, to)
}

// Into the hole of range i, or behind them all.
function insertApart(c: Connection, i: number, from: number, to: number, now: number): number {
  const count = c.sackedCount
  if (count === MAX_SACKED) return 0
  const rows = c.rows
  const here = at(c, i)
  if (i === count) {
    // What lies behind sndNxt was lost when it went back.
    const isBack = seq.lt(c.sndNxt, from)
    rows[here + RXT] = isBack ? c.sndNxt : holeStart(c, i)
    rows[here + IS_LOST] = isBack ? 1 : 0
    rows[here + TIME] = now
  } else {
    isOvertaken = seq.leq(rows[here + RXT]!, from)
    rows.copyWithin(here + SACKED_WORDS, here, at(c, count))
    rows[here + RXT] = seq.min(rows[here + RXT]!, from)
  }
  rows[here + LEFT] = from
  rows[here + RIGHT] = to
  c.sackedCount = count + 1
  return seq.diff(to, from)
}

// Grows range `first` over those up to `next`, exclusive.
function join(c: Connection, first: number, next: number, from: number, to: number): number {
  const rows = c.rows
  const here = at(c, first)
  const newLeft = seq.min(from, left(c, first))
  const newRight = seq.max(to, right(c, next - 1))
  let news = seq.diff(newRight, newLeft)
  for (let i = first; i < next; i++) {
    news -= seq.diff(right(c, i), left(c, i))
    if (i > first && seq.leq(rows[at(c, i) + RXT]!, holeStart(c, i))) isOvertaken = true
  }
  if (seq.lt(newLeft, left(c, first)) && seq.leq(rows[here + RXT]!, newLeft)) isOvertaken = true
  if (next < c.sackedCount && seq.lt(right(c, next - 1), newRight) && seq.leq(rows[at(c, next) + RXT]!, right(c, next - 1)))
    isOvertaken = true
  rows[here + LEFT] = newLeft
  rows[here + RIGHT] = newRight
  rows[here + RXT] = seq.min(rows[here + RXT]!, newLeft)
  if (next - first > 1) remove(c, first + 1, next - first - 1)
  return news
}
