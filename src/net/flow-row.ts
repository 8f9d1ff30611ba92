// One row of the table of flows: the columns that every transport shares. A row is 128 int32 words of the table's
// buffer; `base` is the index of its first word. TCP's own columns follow at PROTOCOL (see tcp/connection.ts).
//
//   0            40                                 128
//   | shared     | of the protocol                  |
//
// Behind all the rows each of them has RANGE_WORDS more, for lists of ranges that only a flow with something missing needs:
// most flows never touch that memory.
//
//   | row 0 | row 1 | ... | ranges of row 0 | ranges of row 1 | ... |
//
// Addresses are four words, IPv4 as IPv4-mapped (0, 0, 0xffff, a.b.c.d). "Guest" is the sandbox's end, "remote" the
// other end as the guest names it, "host" the address that the host's socket really talks to.

import { hash2, hash4, hash5, hash6 } from '../util/hash.js'
import * as checksum from '../wire/checksum.js'
import { MAPPED } from '../wire/numbers.js'

/** Words of a row. */
export const ROW_WORDS = 128
export const ROW_SHIFT = 7
/** Words of a row's ranges. */
export const RANGE_WORDS = 128

export const KIND = 0
export const GENERATION = 1
export const GUEST_ADDRESS = 2 // four words
export const REMOTE_ADDRESS = 6 // four words
export const PORTS = 10 // guest << 16 | remote
export const HASH = 11
export const HOST_ADDRESS = 12 // four words
export const HOST_PORT = 16
export const SOCKET = 17 // descriptor, -1 none
export const MAC_HIGH = 18
export const MAC_LOW = 19
export const CREATED = 20 // ms
export const ACTIVE = 21 // ms, last traffic
export const BYTES_IN = 22 // from the guest, low word then high word
export const BYTES_OUT = 24 // to the guest
export const PACKETS_IN = 26
export const PACKETS_OUT = 27
export const EXPIRY = 28 // ms of silence after which a UDP or ping flow ends
export const NEWER = 29 // neighbours in the row's list, see flow/flow-table.ts
export const OLDER = 30
export const ANSWERED = 31 // 1 once traffic has come back (RFC 4787: two-way)
export const LIST = 32 // the list it is in, 0 none
export const IS_POSTPONED = 33 // 1 while a datagram flow waits for its next turn
export const RULE = 36 // the port forward that it came by, 0 none, see flow/rule-counts.ts
export const IS_CLIENT = 37 // 1: of a client of a published port
export const HAS_SHARE = 38 // 1 while it counts among the flows of its client, see flow/client-shares.ts
export const IS_IPV6 = 34 // 1: the guest's and the remote address are
const PSEUDO_SUM = 35 // partial sum of both addresses and the protocol's number: with the length added, of the pseudo-header

/** First word that belongs to the protocol. */
export const PROTOCOL = 40

export const KIND_FREE = 0
export const KIND_TCP = 1
export const KIND_UDP = 2
export const KIND_PING = 3
/** TCP past the interface, see flow/direct-relay.ts. */
export const KIND_DIRECT = 4
/** UDP of a client of a published port, see flow/udp-clients.ts. */
export const KIND_UDP_FORWARD = 5

export const guestPort = (rows: Int32Array, base: number): number => (rows[base + PORTS] as number) >>> 16
export const remotePort = (rows: Int32Array, base: number): number => (rows[base + PORTS] as number) & 0xffff

/** Words of a table with rows 0 to `flows`. */
export const tableWords = (flows: number): number => (flows + 1) * (ROW_WORDS + RANGE_WORDS)

/** Index of the first word of a row's ranges, in a table with rows 0 to `flows`. */
export const rangesAt = (flows: number, row: number): number => (flows + 1) * ROW_WORDS + row * RANGE_WORDS

/**
 * Gives a fresh row the ends of its flow, the guest's and then the remote one from `at` of `words` on, four words each; `protocol`: number of
 * the transport. A datagram flow has no remote end.
 */
export function setEnds(rows: Int32Array, base: number, words: Int32Array, at: number, protocol: number, hasRemote: boolean): void {
  const isIpv6 = !isMapped(words, at)
  let sum = protocol
  for (let i = 0; i < 8; i++) {
    const word = i < 4 || hasRemote ? (words[at + i] as number) : i === 6 && !isIpv6 ? MAPPED : 0
    rows[base + GUEST_ADDRESS + i] = word
    if (isIpv6 || (i & 3) === 3) sum += (word >>> 16) + (word & 0xffff)
  }
  rows[base + IS_IPV6] = isIpv6 ? 1 : 0
  rows[base + PSEUDO_SUM] = checksum.fold(sum)
}

/** The partial sum of the pseudo-header in front of `length` bytes of a flow's transport. */
export const pseudoSum = (rows: Int32Array, base: number, length: number): number =>
  checksum.fold((rows[base + PSEUDO_SUM] as number) + length)

/** A keyed hash of a flow: of its ends, as in `setEnds`, its ports, and what else tells it from others (`kind`). */
export function hashFlow(
  key0: number,
  key1: number,
  kind: number,
  words: Int32Array,
  at: number,
  ports: number,
  hasRemote: boolean,
): number {
  const w = words
  if (isMapped(w, at)) return hash4(key0, key1, kind, w[at + 3] as number, hasRemote ? (w[at + 7] as number) : 0, ports)
  const guest = hash5(key0, key1, kind, w[at] as number, w[at + 1] as number, w[at + 2] as number, w[at + 3] as number)
  if (!hasRemote) return hash2(key0, key1, guest, ports)
  return hash6(key0, key1, guest, w[at + 4] as number, w[at + 5] as number, w[at + 6] as number, w[at + 7] as number, ports)
}

/** Adds to a 64-bit counter of two words. */
export function count(rows: Int32Array, at: number, amount: number): void {
  const low = ((rows[at] as number) + amount) | 0
  if (low >>> 0 < amount) rows[at + 1] = ((rows[at + 1] as number) + 1) | 0
  rows[at] = low
}

/** Whether the four words at `at` are an IPv4-mapped address (RFC 4291, 2.5.5.2). */
export const isMapped = (words: Int32Array, at: number): boolean =>
  ((words[at] as number) | (words[at + 1] as number) | ((words[at + 2] as number) ^ MAPPED)) === 0

/** Reads a 64-bit counter; exact up to 2^53. */
export const counter = (rows: Int32Array, at: number): number =>
  ((rows[at + 1] as number) >>> 0) * 0x1_0000_0000 + ((rows[at] as number) >>> 0)
