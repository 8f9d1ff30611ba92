// A connection as bytes, and back: what a successor process needs, besides the host's socket itself, to go on where this one was. Every
// byte that the guest believes delivered is in a kernel, and all else is in the row; so a row, its ranges, what its ring holds
// and its deadlines are all there is. (Where the kernel has no peek offsets, the relay has bytes of the host's besides: flow/send-ring.ts.)
//
//   int32   VERSION | words of the row | ranges held | scoreboard | deadlines, each with 1 in front if it is set
//   bytes   what the receive ring holds, range by range
//
// Times are CLOCK_MONOTONIC's, which is the same for every process until the machine starts anew.
import { CREATED, HOST_ADDRESS, HOST_PORT, PACKETS_OUT, PROTOCOL } from '../net/flow-row.js'
import { slabSize } from '../packet/slab-pool.js'
import { NetloomError } from '../util/errors.js'
import { COLUMNS_END, HELD, HOST_READABLE, IS_DIRTY, SACKED, SACKED_WORDS, WANTS_ROOM } from './columns.js'
import type { Connection } from './connection.js'
import * as retransmit from './retransmit.js'
import * as seq from './seq.js'
import { type Tcp, TIMERS_PER_ROW } from './stack.js'

const VERSION = 1
const WORD = 4

/** Words of a row that a snapshot has: shared columns and TCP's. */
const ROW = COLUMNS_END

/** The words of a snapshot, by column (net/flow-row.ts, tcp/columns.ts): addresses and ports are there to find the flow's row by. */
export const words = (snapshot: Uint8Array): Int32Array =>
  new Int32Array(snapshot.buffer.slice(snapshot.byteOffset + WORD, snapshot.byteOffset + WORD * (1 + ROW)))

/** Everything about a connection. It goes on as before; one that is to be picked up elsewhere is then to be forgotten, not ended. */
export function snapshot(tcp: Tcp, c: Connection): Uint8Array {
  const numbers = 1 + ROW + 2 * c.heldCount + SACKED_WORDS * c.sackedCount + 2 * TIMERS_PER_ROW
  const bytes = new Uint8Array(numbers * WORD + heldBytes(c))
  const out = new Int32Array(bytes.buffer, 0, numbers)
  out[0] = VERSION
  out.set(c.rows.subarray(c.base, c.base + ROW), 1)
  let at = 1 + ROW
  out.set(c.rows.subarray(c.ranges + HELD, c.ranges + HELD + 2 * c.heldCount), at)
  at += 2 * c.heldCount
  out.set(c.rows.subarray(c.ranges + SACKED, c.ranges + SACKED + SACKED_WORDS * c.sackedCount), at)
  at += SACKED_WORDS * c.sackedCount
  for (let kind = 0; kind < TIMERS_PER_ROW; kind++) {
    out[at++] = tcp.hasTimer(c, kind) ? 1 : 0
    out[at++] = tcp.deadline(c, kind)
  }
  copyRing(tcp, c, bytes, numbers * WORD, true)
  return bytes
}

/**
 * Fills a fresh row of the same flow from a snapshot; its SOCKET is set, and the socket registered anew, so that every event comes again.
 * @throws NetloomError `ERR_SNAPSHOT` when it is none of ours, or there is no ring as large as the one it had.
 */
export function restore(tcp: Tcp, c: Connection, snapshot: Uint8Array, now: number): void {
  const bytes = snapshot.slice()
  const all = new Int32Array(bytes.buffer, 0, bytes.length >> 2)
  if (all.length < 1 + ROW || all[0] !== VERSION) throw new NetloomError('ERR_SNAPSHOT', 'this is no snapshot of a connection')
  tcp.now = now
  c.rows.set(all.subarray(1 + HOST_ADDRESS, 1 + HOST_PORT + 1), c.base + HOST_ADDRESS)
  c.rows.set(all.subarray(1 + CREATED, 1 + PACKETS_OUT + 1), c.base + CREATED)
  c.rows.set(all.subarray(1 + PROTOCOL, 1 + ROW), c.base + PROTOCOL)
  c.lower(IS_DIRTY | WANTS_ROOM)
  c.sendSlab = 0
  if (c.slab !== 0) c.slab = tcp.slabs.acquire(c.slabClass)
  if (c.slab < 0) throw new NetloomError('ERR_SNAPSHOT', `there is no ring of ${slabSize(c.slabClass)} bytes left`)
  let at = 1 + ROW
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
