// Urgent data (RFC 9293, 3.8.5), both ways as Linux has it: one byte is urgent, the pointer names the place behind it, and a later mark takes the
// place of one that was not reached.
//
//   from the guest  RCV.UP is the byte; when its turn comes it goes to the host's socket by itself, marked (MSG_OOB)
//   to the guest    the host's kernel tells where the mark is in what it holds (`Relay.mark`): SND.UP. The segment with the byte ends with it, so that no
//                   super-segment has a pointer, which whoever cuts it would put into each piece
//
// What the byte is to a program (left out of the stream, or in it: SO_OOBINLINE) is for the kernels at both ends.
import * as wire from '../wire/tcp.js'
import { HAS_RCV_URGENT, HAS_SND_URGENT } from './columns.js'
import type { Connection } from './connection.js'
import type { Segment } from './segment.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Sixth: the URG bit. A pointer of 0 names the first byte, as on Linux. */
export function arrives(c: Connection, s: Segment): void {
  const up = (s.seq + Math.max(s.urgentPointer - 1, 0)) | 0
  if (seq.lt(up, c.rcvNxt) || (c.has(HAS_RCV_URGENT) && seq.leq(up, c.rcvUp))) return
  c.raise(HAS_RCV_URGENT)
  c.rcvUp = up
}

/** Gives the host's kernel `length` bytes in order (from RCV.NXT on), the urgent one among them marked: how many it took, or -errno. */
export function give(tcp: Tcp, c: Connection, at: number, length: number): number {
  if (!c.has(HAS_RCV_URGENT)) return tcp.relay.send(c, at, length)
  const before = seq.diff(c.rcvUp, c.rcvNxt)
  if (before < 0) c.lower(HAS_RCV_URGENT)
  if (before < 0 || before >= length) return tcp.relay.send(c, at, length)
  const taken = before === 0 ? 0 : tcp.relay.send(c, at, before)
  if (taken < before) return taken
  const marked = tcp.relay.sendUrgent(c, at + before)
  if (marked <= 0) return taken > 0 ? taken : marked
  c.lower(HAS_RCV_URGENT)
  const rest = length - before - 1
  // An error comes again with the next call.
  return rest === 0 ? length : before + 1 + Math.max(tcp.relay.send(c, at + before + 1, rest), 0)
}

/**
 * Finds out where the urgent byte is, before text is read from a host that has ever sent one: how much of `length` bytes from SND.NXT on may be read for
 * one segment, or super-segment of pieces of `size` bytes.
 */
export function limit(tcp: Tcp, c: Connection, length: number, size: number): number {
  const mark = tcp.relay.mark(c)
  if (mark >= 0) {
    c.raise(HAS_SND_URGENT)
    c.sndUp = (c.sndUna + mark) | 0
  }
  return cut(c, c.sndNxt, length, size)
}

/**
 * True when what was read from SND.NXT on begins with an urgent byte that has come since: the kernel stops in front of a mark, but does not tell where a
 * read begins with one.
 */
export function hasCrossed(tcp: Tcp, c: Connection): boolean {
  if (c.has(HAS_SND_URGENT) && c.sndUp === c.sndNxt) return false
  return seq.diff(c.sndNxt, c.sndUna) === tcp.relay.mark(c)
}

/** How much of `length` bytes from `from` on may be one segment, or super-segment, of pieces of `size` bytes. */
export function cut(c: Connection, from: number, length: number, size: number): number {
  if (!c.has(HAS_SND_URGENT)) return length
  if (seq.lt(c.sndUp, c.sndUna)) c.lower(HAS_SND_URGENT)
  const before = seq.diff(c.sndUp, from)
  if (before < 0 || before >= length) return length
  return before < size ? before + 1 : before
}

/** Where the last segment begins of the text from `from` to `to`, which fits one: behind the urgent byte, unless that is its end. */
export function behind(c: Connection, from: number, to: number): number {
  return c.has(HAS_SND_URGENT) && seq.leq(from, c.sndUp) && seq.lt((c.sndUp + 1) | 0, to) ? (c.sndUp + 1) | 0 : from
}

/** Marks the segment in the slot, which has `length` bytes from `from` on, if one of them is urgent. */
export function mark(tcp: Tcp, c: Connection, from: number, length: number): void {
  const before = seq.diff(c.sndUp, from)
  if (before >= 0 && before < length) wire.setUrgent(tcp.interface.view, tcp.interface.transportAt, before + 1)
}
