/*
 * The UDP header, RFC 768.
 *
 *     +---------------+---------------+
 *     |    srcPort    |    dstPort    |    0
 *     +---------------+---------------+
 *     |    length     |   checksum    |    4     length with the header; checksum 0 = none
 *     +---------------+---------------+
 *
 * `isValid` proves that `length(view, at)` bytes are there. The checksum covers a pseudo-header, so its functions take the
 * addresses, or the partial sum that checksum.ts makes of them.
 */

import * as checksumOf from './checksum.js'
import { PROTOCOL_UDP } from './numbers.js'

const SRC_PORT = 0
const DST_PORT = 2
const LENGTH = 4
const CHECKSUM = 6

/** Bytes. */
export const HEADER_LENGTH = 8
export const CHECKSUM_OFFSET = CHECKSUM

export function isValid(view: DataView, at: number, available: number): boolean {
  return available >= HEADER_LENGTH && length(view, at) >= HEADER_LENGTH && length(view, at) <= available
}

export function srcPort(view: DataView, at: number): number {
  return view.getUint16(at + SRC_PORT)
}

export function dstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT)
}

/** Bytes, header included. */
export function length(view: DataView, at: number): number {
  return view.getUint16(at + LENGTH)
}

export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM)
}

/** A header with checksum 0; `length` is that of header and data. */
export function write(view: DataView, at: number, srcPort: number, dstPort: number, length: number): void {
  view.setInt32(at + SRC_PORT, (srcPort << 16) | dstPort)
  view.setInt32(at + LENGTH, length << 16)
}

/** The full checksum over IPv4. */
export function setChecksum4(view: DataView, at: number, source: number, destination: number): void {
  setChecksum(view, at, checksumOf.pseudoHeader4(source, destination, PROTOCOL_UDP, length(view, at)))
}

/** The full checksum after a pseudo-header of any family. */
export function setChecksum(view: DataView, at: number, pseudoSum: number): void {
  view.setUint16(at + CHECKSUM, 0)
  const field = checksumOf.finish(checksumOf.add(view, at, length(view, at), pseudoSum))
  // RFC 768: a computed zero is sent as all ones.
  view.setUint16(at + CHECKSUM, field === 0 ? 0xffff : field)
}

/** For a frame that leaves with NEEDS_CSUM: the receiver sums the rest. */
export function setPartial(view: DataView, at: number, pseudoSum: number): void {
  view.setUint16(at + CHECKSUM, pseudoSum)
}

/** Over IPv4; none at all is right. */
export function checksumIsRight4(view: DataView, at: number, source: number, destination: number): boolean {
  if (checksum(view, at) === 0) return true
  return checksumIsRight(view, at, checksumOf.pseudoHeader4(source, destination, PROTOCOL_UDP, length(view, at)))
}

/** Of a datagram that has one. */
export function checksumIsRight(view: DataView, at: number, pseudoSum: number): boolean {
  return checksumOf.add(view, at, length(view, at), pseudoSum) === 0xffff
}

/** Both ports in one word: source << 16 | destination. */
export function ports(view: DataView, at: number): number {
  return view.getInt32(at + SRC_PORT)
}
