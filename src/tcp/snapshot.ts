// A connection as bytes, and back: what a successor process needs, besides the host's socket itself, to go on where this one was. Every
// byte that the guest believes delivered is in a kernel, and all else is in the row; so a row, its ranges, what its ring holds
// and its deadlines are all there is. (Where the kernel has no peek offsets, the relay has bytes of the host's besides: flow/send-ring.ts.)
//
//   int32   VERSION | digest | words of the row | ranges held | scoreboard | deadlines, each with 1 in front if it is set
//   bytes   what the receive ring holds, range by range
//
// The digest is of all behind it: what was cut short or torn on its way is refused as a whole, before anything is touched.
//
// Times are CLOCK_MONOTONIC's, which is the same for every process until the machine starts anew.
import { CREATED, HOST_ADDRESS, HOST_PORT, PACKETS_OUT, PROTOCOL } from '../net/flow-row.js'
import { slabSize } from '../packet/slab-pool.js'
import { NetloomError } from '../util/errors.js'
import { COLUMNS_END, HELD, HOST_READABLE, IS_DIRTY, SACKED, SACKED_WORDS, SLAB, SLAB_CLASS, WANTS_ROOM } from './columns.js'
import type { Connection } from './connection.js'
import * as retransmit from './retransmit.js'
import * as seq from './seq.js'
import { type Tcp, TIMERS_PER_ROW } from './stack.js'

const VERSION = 5
const WORD = 4
/** Words in front of the row's. */
const HEAD = 2

/** Words of a row that a snapshot has: shared columns and TCP's. */
const ROW = COLUMNS_END

/** The words of a snapshot, by column (net/flow-row.ts, tcp/columns.ts): addresses and ports are there to find the flow's row by. */
export const words = (snapshot: Uint8Array): Int32Array =>
  new Int32Array(snapshot.buffer.slice(snapshot.byteOffset + WORD * HEAD, snapshot.byteOffset + WORD * (HEAD + ROW)))

/** Everything about a connection. It goes on as before; one that is to be picked up elsewhere is then to be forgotten, not ended. */
export function snapshot(tcp: Tcp, c: Connection): Uint8Array {
  const numbers = HEAD + ROW + 2 * c.heldCount + SACKED_WORDS * c.sackedCount + 2 * TIMERS_PER_ROW
  const bytes = new Uint8Array(numbers * WORD + heldBytes(c))
  const out = new Int32Array(bytes.buffer, 0, numbers)
  out[0] = VERSION
  out.set(c.rows.subarray(c.base, c.base + ROW), HEAD)
  let at = HEAD + ROW
  out.set(c.rows.subarray(c.ranges + HELD, c.ranges + HELD + 2 * c.heldCount), at)
  at += 2 * c.heldCount
  out.set(c.rows.subarray(c.ranges + SACKED, c.ranges + SACKED + SACKED_WORDS * c.sackedCount), at)
  at += SACKED_WORDS * c.sackedCount
  for (let kind = 0; kind < TIMERS_PER_ROW; kind++) {
    out[at++] = tcp.hasTimer(c, kind) ? 1 : 0
    out[at++] = tcp.deadline(c, kind)
  }
  copyRing(tcp, c, bytes, numbers * WORD, true)
  out[1] = digest(bytes)
  return bytes
}

/**
 * Fills a fresh row of the same flow from a snapshot; its SOCKET is set, and the socket registered anew, so that every event comes again.
 * @throws NetloomError `ERR_SNAPSHOT` when it is none of ours, or there is no ring as large as the one it had.
 */
export function restore(tcp: Tcp, c: Connection, snapshot: Uint8Array, now: number): void {
  const bytes = snapshot.slice()
  const all = new Int32Array(bytes.buffer, 0, bytes.length >> 2)
  if (all.length < HEAD + ROW || all[0] !== VERSION || all[1] !== digest(bytes))
    throw new NetloomError('ERR_SNAPSHOT', 'this is no snapshot of a connection, or not all of one')
  const slabClass = all[HEAD + SLAB_CLASS]!
  const slab = all[HEAD + SLAB] === 0 ? 0 : tcp.slabs.acquire(slabClass)
  if (slab < 0) throw new NetloomError('ERR_SNAPSHOT', `there is no ring of ${slabSize(slabClass)} bytes left`)
  tcp.now = now
  c.rows.set(all.subarray(HEAD + HOST_ADDRESS, HEAD + HOST_PORT + 1), c.base + HOST_ADDRESS)
  c.rows.set(all.subarray(HEAD + CREATED, HEAD + PACKETS_OUT + 1), c.base + CREATED)
  c.rows.set(all.subarray(HEAD + PROTOCOL, HEAD + ROW), c.base + PROTOCOL)
  c.lower(IS_DIRTY | WANTS_ROOM)
  c.sendSlab = 0
  c.slab = slab
  let at = HEAD + ROW
  c.rows.set(all.subarray(at, at + 2 * c.heldCount), c.ranges + HELD)
  at += 2 * c.heldCount
  c.rows.set(all.subarray(at, at + SACKED_WORDS * c.sackedCount), c.ranges + SACKED)
  at += SACKED_WORDS * c.sackedCount
  for (let kind = 0; kind < TIMERS_PER_ROW; kind++, at += 2) {
    if (all[at] === 1) tcp.setTimer(c, kind, Math.max(0, seq.diff(all[at + 1]!, now)))
  }
  copyRing(tcp, c, bytes, at * WORD, false)
  if (c.slab === 0) return
  c.hostFree = 0
  c.raise(HOST_READABLE)
  // A SYN in flight is no byte of the host's.
  if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') tcp.relay.rewind(c, 0)
  else retransmit.resume(tcp, c)
  tcp.touch(c)
}

// FNV-1a (draft-eastlake-fnv), 32 bits: against accidents, not against whoever wrote it, who is trusted.
function digest(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = HEAD * WORD; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash | 0
}

function heldBytes(c: Connection): number {
  let sum = 0
  for (let i = 0; i < c.heldCount; i++) sum += seq.diff(c.rows[c.ranges + HELD + 2 * i + 1]!, c.rows[c.ranges + HELD + 2 * i]!)
  return sum
}

// What is held, between the ring and `bytes` from `at` on.
function copyRing(tcp: Tcp, c: Connection, bytes: Uint8Array, at: number, isOut: boolean): void {
  const arena = tcp.interface.arena.bytes
  const size = slabSize(c.slabClass)
  let to = at
  for (let i = 0; i < c.heldCount; i++) {
    let from = c.rows[c.ranges + HELD + 2 * i]!
    const end = c.rows[c.ranges + HELD + 2 * i + 1]!
    while (from !== end) {
      const offset = (from - c.irs) & (size - 1)
      const length = Math.min(seq.diff(end, from), size - offset)
      const inRing = arena.subarray(c.slab + offset, c.slab + offset + length)
      const outside = bytes.subarray(to, to + length)
      if (isOut) outside.set(inRing)
      else inRing.set(outside)
      from = (from + length) | 0
      to += length
    }
  }
}
