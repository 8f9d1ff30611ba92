// The receive ring: bytes that have arrived and are not in the host's kernel yet, because something before them is missing
// or because the host's socket was full. Ranges [left, right) are in the row, in order and apart; the byte with
// sequence number n lies at (n - irs) mod size of the connection's slab.
//
//    rcvNxt                                  rcvNxt + size
//      |......[left0 right0)....[left1 right1)..|
import { slabSize } from '../packet/slab-pool.js'
import { HELD, MAX_HELD } from './columns.js'
import type { Connection } from './connection.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Copies text into the ring and notes its range. False, and nothing is kept, when it would be one range too many. */
export function hold(tcp: Tcp, c: Connection, from: number, at: number, length: number): boolean {
  if (!insert(c, from, (from + length) | 0)) return false
  const size = slabSize(c.slabClass)
  const offset = (from - c.irs) & (size - 1)
  const first = Math.min(length, size - offset)
  const bytes = tcp.interface.arena.bytes
  bytes.copyWithin(c.slab + offset, at, at + first)
  if (first < length) bytes.copyWithin(c.slab, at + first, at + length)
  return true
}

// Adds [left, right), joining what it touches.
function insert(c: Connection, left: number, right: number): boolean {
  const rows = c.rows
  const base = c.ranges + HELD
  const count = c.heldCount
  let first = 0
  while (first < count && seq.lt(rows[base + 2 * first + 1]!, left)) first++
  let next = first
  while (next < count && seq.leq(rows[base + 2 * next]!, right)) next++
  if (first === next && count === MAX_HELD) return false
  const joinedLeft = first < next && seq.lt(rows[base + 2 * first]!, left) ? rows[base + 2 * first]! : left
  const joinedRight = first < next ? seq.max(right, rows[base + 2 * next - 1]!) : right
  rows.copyWithin(base + 2 * (first + 1), base + 2 * next, base + 2 * count)
  rows[base + 2 * first] = joinedLeft
  rows[base + 2 * first + 1] = joinedRight
  c.heldCount = count + 1 - (next - first)
  return true
}

/** Forgets what lies before rcvNxt. */
export function trim(c: Connection): void {
  const rows = c.rows
  const base = c.ranges + HELD
  const nxt = c.rcvNxt
  let gone = 0
  while (gone < c.heldCount && seq.leq(rows[base + 2 * gone + 1]!, nxt)) gone++
  if (gone > 0) {
    rows.copyWithin(base, base + 2 * gone, base + 2 * c.heldCount)
    c.heldCount -= gone
  }
  if (c.heldCount > 0 && seq.lt(rows[base]!, nxt)) rows[base] = nxt
}

/** True when all of [left, right) is in the ring. */
export function has(c: Connection, left: number, right: number): boolean {
  const rows = c.rows
  const base = c.ranges + HELD
  for (let i = 0; i < c.heldCount; i++) {
    if (seq.leq(rows[base + 2 * i]!, left) && seq.leq(right, rows[base + 2 * i + 1]!)) return true
  }
  return false
}

/** Bytes held from rcvNxt on without a gap. */
export function contiguous(c: Connection): number {
  if (c.heldCount === 0 || c.rows[c.ranges + HELD] !== c.rcvNxt) return 0
  return seq.diff(c.rows[c.ranges + HELD + 1]!, c.rcvNxt)
}

/** One past the last byte that has arrived. */
export const end = (c: Connection): number =>
  c.heldCount === 0 ? c.rcvNxt : seq.max(c.rcvNxt, c.rows[c.ranges + HELD + 2 * c.heldCount - 1]!)

/** Arena offset of the byte at rcvNxt. */
export const firstAt = (c: Connection): number => c.slab + ((c.rcvNxt - c.irs) & (slabSize(c.slabClass) - 1))

/** Bytes from `firstAt` to the ring's end. */
export const untilWrap = (c: Connection): number => slabSize(c.slabClass) - ((c.rcvNxt - c.irs) & (slabSize(c.slabClass) - 1))
