/*
 * The Internet checksum (RFC 1071), its pseudo-headers (RFC 9293, 3.1; RFC 8200, 8.1).
 *
 * A partial sum is 16 bits, one's complement, in network order. Partial sums chain: the result of one piece is the `sum` given
 * to the next, as long as every piece but the last has an even length. `finish` makes of it what stands in a header. Over data that
 * includes a right checksum the sum is 0xffff.
 *
 * The sum does not depend on byte order (RFC 1071, 2 B), so the bytes are read as little-endian words, which needs no swap per
 * word, and the 16-bit result is swapped once. Of each word w two sums are kept:
 *
 *     total = sum of w, modulo 2^32          high = sum of (w >>> 16)
 *     low   = sum of (w & 0xffff) = total - (high << 16), modulo 2^32
 *
 * which saves the masking of every word. Both stay exact for 2^17 bytes, twice what an IP packet can hold. Every index ends in
 * `| 0`, or V8 adds a check for overflow to each.
 */

/** Adds `length` bytes from `at` to a partial sum. */
export function add(view: DataView, at: number, length: number, sum: number): number {
  let total = 0
  let high = 0
  let i = at | 0
  const end = (i + length) | 0
  for (const last = (end - 32) | 0; i <= last; i = (i + 32) | 0) {
    const a = view.getInt32(i, true)
    const b = view.getInt32((i + 4) | 0, true)
    const c = view.getInt32((i + 8) | 0, true)
    const d = view.getInt32((i + 12) | 0, true)
    const e = view.getInt32((i + 16) | 0, true)
    const f = view.getInt32((i + 20) | 0, true)
    const g = view.getInt32((i + 24) | 0, true)
    const h = view.getInt32((i + 28) | 0, true)
    total = (total + a + b + c + d + e + f + g + h) | 0
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) + (e >>> 16) + (f >>> 16) + (g >>> 16) + (h >>> 16)) | 0
  }
  for (const last = (end - 4) | 0; i <= last; i = (i + 4) | 0) {
    const a = view.getInt32(i, true)
    total = (total + a) | 0
    high = (high + (a >>> 16)) | 0
  }
  const low = (total - (high << 16)) | 0
  let rest = (low & 0xffff) + (low >>> 16) + (high & 0xffff) + (high >>> 16)
  if ((end - i) & 2) {
    rest += view.getUint16(i, true)
    i = (i + 2) | 0
  }
  // RFC 1071, 4.1: an odd last byte counts as the first of a pair with zero.
  if ((end - i) & 1) rest += view.getUint8(i)
  const folded = fold(rest)
  return fold((((folded & 0xff) << 8) | (folded >>> 8)) + sum)
}

/** A sum of less than 2^32 - 2^16 down to 16 bits, with the carries added back. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/** The partial sum of an IPv4 pseudo-header; `length` is that of the transport header and its data. */
export function pseudoHeader4(source: number, destination: number, protocol: number, length: number): number {
  return fold((source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length)
}

/** The partial sum of the pseudo-header of the IPv6 header at `at`; `protocol` is that of the transport. */
export function pseudoHeader6(view: DataView, at: number, protocol: number, length: number): number {
  return add(view, at + 8, 32, fold(protocol + length))
}

/** The partial sum of an IPv6 pseudo-header, of two addresses of four words each. */
export function pseudoHeader6Of(
  source0: number,
  source1: number,
  source2: number,
  source3: number,
  destination0: number,
  destination1: number,
  destination2: number,
  destination3: number,
  protocol: number,
  length: number,
): number {
  return fold(
    halves(source0) +
      halves(source1) +
      halves(source2) +
      halves(source3) +
      halves(destination0) +
      halves(destination1) +
      halves(destination2) +
      halves(destination3) +
      protocol +
      length,
  )
}

/** The partial sum of a pseudo-header of either version, of source and destination, four words each (IPv4 in the last word of each). */
export function pseudoHeaderOf(words: Int32Array, isIpv6: boolean, protocol: number, length: number): number {
  const w = words
  if (!isIpv6) return pseudoHeader4(w[3]!, w[7]!, protocol, length)
  return pseudoHeader6Of(w[0]!, w[1]!, w[2]!, w[3]!, w[4]!, w[5]!, w[6]!, w[7]!, protocol, length)
}

function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff)
}

/**
 * Completes a checksum that was left open: the 16 bits at `field` hold a partial sum (of a pseudo-header), and all from `start` to `end` is added to
 * them. A sum of 0 becomes 0xffff: in UDP zero means that there is none (RFC 768), in TCP both are right.
 */
export function complete(view: DataView, start: number, field: number, end: number): void {
  const sum = finish(add(view, start, end - start, 0))
  view.setUint16(field, sum === 0 ? 0xffff : sum)
}

/** The header field of a complete sum. */
export function finish(sum: number): number {
  return ~sum & 0xffff
}
