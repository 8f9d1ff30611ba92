// The window we advertise (RFC 9293, 3.8.6). It is the lesser of what the receive ring can hold and what the host's
// socket will take, so nothing that was asked for is ever thrown away, and bytes are in the host's kernel almost as
// soon as they arrive. Its right edge never moves back (SHLD-14), and moves on in steps worth a segment (3.8.6.2.2).
import { slabSize } from '../packet/slab-pool.js'
import { type Connection, HOST_FULL, WANTS_ROOM } from './connection.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Shift of our window (RFC 7323, 2.3): 65,535 << 5 is 2 MiB, above the largest ring. */
export const WINDOW_SHIFT = 5
const UNIT = 1 << WINDOW_SHIFT

/** Moves the right edge as far as can be held. When the host's socket is full, asks to be told that it has drained. */
export function advance(tcp: Tcp, c: Connection): void {
  const ring = slabSize(c.slabClass)
  if (c.hostFree < ring) c.hostFree = c.has(HOST_FULL) ? 0 : tcp.relay.room(c)
  const free = c.hostFree
  const edge = (c.rcvNxt + Math.min(free, ring)) | 0
  const step = Math.min(c.sndMss, ring >> 1)
  if (seq.diff(edge, c.rcvEdge) >= step) c.rcvEdge = edge
  if (free === 0 && !c.has(WANTS_ROOM)) {
    c.raise(WANTS_ROOM)
    tcp.relay.wantRoom(c)
  }
}

/** SEG.WND for the header: rounded up, so that rounding never takes back what was offered; the ring is a multiple of the unit. */
export function field(c: Connection): number {
  const window = seq.diff(c.rcvEdge, c.rcvNxt)
  if (window <= 0) return 0
  const shift = c.rcvScale
  const units = shift === 0 ? window : (window + UNIT - 1) >> shift
  return Math.min(units, 0xffff)
}

/** Moves a connection that carries much to a larger ring, while nothing is held in the old one. */
export function grow(tcp: Tcp, c: Connection, received: number): void {
  const slabClass = c.slabClass
  if (slabClass >= tcp.largestSlab || c.heldCount > 0 || received < 2 * slabSize(slabClass)) return
  const at = tcp.slabs.acquire(slabClass + 1)
  if (at < 0) return
  tcp.slabs.release(slabClass, c.slab)
  c.slab = at
  c.slabClass = slabClass + 1
}
