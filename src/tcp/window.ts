// The window we advertise (RFC 9293, 3.8.6). It is the lesser of what the receive ring can hold and what the host's
// socket will take, so nothing that was asked for is ever thrown away, and bytes are in the host's kernel almost as
// soon as they arrive. Its right edge never moves back (SHLD-14), and moves on in steps worth a segment (3.8.6.2.2).
//
// While the socket takes anything at all, a whole segment is offered, and the ring holds what does not go: a guest with more to send
// waits for room for a segment, and the kernel tells nobody that a socket which was never full has become emptier. Once it is
// full it does tell; then the window opens again.
import { slabSize } from '../packet/slab-pool.js'
import { FIN_DELIVERED, HOST_FULL, WANTS_ROOM } from './columns.js'
import type { Connection } from './connection.js'
import * as seq from './seq.js'
import type { Tcp } from './stack.js'

/** Shift of our window (RFC 7323, 2.3): 65,535 << 5 is 2 MiB, above the largest ring. */
export const WINDOW_SHIFT = 5

/** Moves the right edge as far as can be held. When the host's socket is full, asks to be told that it has drained. */
export function advance(tcp: Tcp, c: Connection): void {
  // After its FIN the guest asks for nothing.
  if (c.has(FIN_DELIVERED)) return
  const ring = slabSize(c.slabClass)
  const step = Math.min(c.sndMss, ring >> 1)
  const open = seq.diff(c.rcvEdge, c.rcvNxt)
  // However much the socket takes, the edge would not move: the kernel need not be asked.
  if (open >= step && ring - open < step && !c.has(HOST_FULL)) return
  if (c.hostFree < ring) c.hostFree = c.has(HOST_FULL) ? 0 : tcp.relay.room(c)
  const free = c.hostFree
  if (free <= 0) {
    if (c.has(WANTS_ROOM)) return
    c.raise(WANTS_ROOM)
    tcp.relay.wantRoom(c)
    return
  }
  const edge = (c.rcvNxt + Math.max(Math.min(free, ring), step)) | 0
  const gain = seq.diff(edge, c.rcvEdge)
  if (gain >= step || (gain > 0 && open < step)) c.rcvEdge = edge
}

/**
 * SEG.WND for the header, which is a promise: it is rounded up, so that rounding never takes back what was offered, and the edge goes
 * with it. The ring is a multiple of the unit, so it holds that too.
 */
export function offer(c: Connection): number {
  const window = seq.diff(c.rcvEdge, c.rcvNxt)
  if (window <= 0) return 0
  const shift = c.rcvScale
  const units = (window + (1 << shift) - 1) >> shift
  if (units > 0xffff) return 0xffff
  c.rcvEdge = (c.rcvNxt + (units << shift)) | 0
  return units
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
