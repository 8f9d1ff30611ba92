// The SACK blocks of a segment that leaves (RFC 2018, 4): text that arrived twice first (RFC 2883), then the range that the latest
// segment has changed, then those in front of it and behind, as many as there is room for.
//
// A range that begins at rcvNxt is not out of order: it only waits for the host's socket, and is told of by no block.
import * as options from '../wire/tcp-options.js'
import { HAS_SACK, HAS_TIMESTAMPS, HELD } from './columns.js'
import type { Connection } from './connection.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Blocks that fit beside timestamps (RFC 2018, 3). */
const MOST_BESIDE_TIMESTAMPS = 3

/** Chooses the blocks, for `write`, and returns their bytes: 0 for none. */
export function choose(tcp: Tcp, c: Connection): number {
  tcp.sackCount = 0
  if (!c.has(HAS_SACK) || (c.heldCount === 0 && c.dsackLeft === c.dsackRight)) return 0
  // Where segments are small, half of each is left to text.
  const room = ((c.sndMss >> 1) - 4) >> 3
  const most = Math.min(room, c.has(HAS_TIMESTAMPS) ? MOST_BESIDE_TIMESTAMPS : options.MAX_SACK_BLOCKS)
  if (most <= 0) return 0
  const lowest = c.heldCount > 0 && c.rows[c.ranges + HELD] === c.rcvNxt ? 1 : 0
  const latest = putTwice(tcp, c, lowest) ? rangeOf(c, c.dsackLeft) : rangeOf(c, c.lastHeld)
  for (let i = latest; i >= lowest && tcp.sackCount < most; i--) putHeld(tcp, c, i)
  for (let i = c.heldCount - 1; i > latest && i >= lowest && tcp.sackCount < most; i--) putHeld(tcp, c, i)
  return tcp.sackCount === 0 ? 0 : 4 + 8 * tcp.sackCount
}

// RFC 2883, 4: text from before the acknowledgment stands alone; text of a held range is followed by that range, and true says so.
function putTwice(tcp: Tcp, c: Connection, lowest: number): boolean {
  if (c.dsackLeft === c.dsackRight) return false
  if (seq.lt(c.dsackLeft, c.rcvNxt)) {
    put(tcp, c.dsackLeft, seq.min(c.dsackRight, c.rcvNxt))
    return false
  }
  const i = rangeOf(c, c.dsackLeft)
  if (i < lowest) return false
  put(tcp, c.dsackLeft, c.dsackRight)
  return true
}

/** Writes what was chosen. */
export function write(tcp: Tcp, at: number): void {
  if (tcp.sackCount > 0) options.writeSack(tcp.interface.view, at, tcp.sackBlocks, 0, tcp.sackCount)
}

/** [left, right) has arrived twice: the next segment tells. */
export function arrivedTwice(c: Connection, left: number, right: number): void {
  c.dsackLeft = left
  c.dsackRight = right
}

function put(tcp: Tcp, left: number, right: number): void {
  tcp.sackBlocks[2 * tcp.sackCount] = left
  tcp.sackBlocks[2 * tcp.sackCount + 1] = right
  tcp.sackCount++
}

const putHeld = (tcp: Tcp, c: Connection, i: number): void =>
  put(tcp, c.rows[c.ranges + HELD + 2 * i]!, c.rows[c.ranges + HELD + 2 * i + 1]!)

/** The range with a sequence number in it; the last one when there is none. */
function rangeOf(c: Connection, number: number): number {
  for (let i = 0; i < c.heldCount; i++) if (seq.lt(number, c.rows[c.ranges + HELD + 2 * i + 1]!)) return i
  return c.heldCount - 1
}
