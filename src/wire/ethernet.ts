/*
 * Ethernet II frames, IEEE 802.3, 3.1.1 with the Type interpretation; no frame check sequence (the TAP has none).
 *
 *      0               2               4               6               8              10              12              14
 *     +---------------+-------------------------------+---------------+-------------------------------+---------------+
 *     |    dstHigh    |            dstLow             |    srcHigh    |            srcLow             |   etherType   |
 *     +---------------+-------------------------------+---------------+-------------------------------+---------------+
 *
 * A MAC address is handled as its upper 16 and lower 32 bits.
 */

const DST = 0
const SRC = 6
const TYPE = 12

/** In the upper half of a MAC address. */
const GROUP_BIT = 0x0100

/** Bytes. */
export const HEADER_LENGTH = 14

export function isValid(_view: DataView, _at: number, available: number): boolean {
  return available >= HEADER_LENGTH
}

export function dstHigh(view: DataView, at: number): number {
  return view.getUint16(at + DST)
}

export function dstLow(view: DataView, at: number): number {
  return view.getInt32(at + DST + 2)
}

export function srcHigh(view: DataView, at: number): number {
  return view.getUint16(at + SRC)
}

export function srcLow(view: DataView, at: number): number {
  return view.getInt32(at + SRC + 2)
}

/** Below 1536 it is an IEEE 802.3 length. */
export function etherType(view: DataView, at: number): number {
  return view.getUint16(at + TYPE)
}

export function write(
  view: DataView,
  at: number,
  dstHigh: number,
  dstLow: number,
  srcHigh: number,
  srcLow: number,
  etherType: number,
): void {
  // Merged: bytes 0..3 are dstHigh and the top of dstLow, 4..7 its bottom and srcHigh.
  view.setInt32(at, (dstHigh << 16) | (dstLow >>> 16))
  view.setInt32(at + 4, (dstLow << 16) | srcHigh)
  view.setInt32(at + SRC + 2, srcLow)
  view.setUint16(at + TYPE, etherType)
}

/** Whether a MAC address, by its upper half, is that of a group of stations (IEEE 802.3, 3.2.3). */
export function isGroup(high: number): boolean {
  return (high & GROUP_BIT) !== 0
}

export function setSource(view: DataView, at: number, srcHigh: number, srcLow: number): void {
  view.setUint16(at + SRC, srcHigh)
  view.setInt32(at + SRC + 2, srcLow)
}
