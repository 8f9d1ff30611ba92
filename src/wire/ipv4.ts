/*
 * The IPv4 header, RFC 791, 3.1; type of service as RFC 2474 and RFC 3168 redefine it; identification as RFC 6864 limits it.
 *
 *     0       1       2       3       4
 *     +---+---+-------+---------------+
 *     | 4 |IHL|  TOS  |  total length |    0
 *     +---+---+-------+-+-+-+---------+
 *     |identification |0|D|M| offset  |    4     offset in units of 8 bytes
 *     +-------+-------+-+-+-+---------+
 *     |  TTL  | proto |   checksum    |    8
 *     +-------+-------+---------------+
 *     |  source                       |   12
 *     +-------------------------------+
 *     |  destination                  |   16
 *     +-------------------------------+
 *
 * `isValid` proves that the header with its options and `totalLength` bytes from `at` are there. It does not sum the header: a frame
 * that the guest's kernel hands over as already verified need not be summed again, so the caller asks `checksumIsRight`.
 */

import * as checksum from './checksum.js'

const VERSION = 0
const TYPE_OF_SERVICE = 1
const TOTAL_LENGTH = 2
const IDENTIFICATION = 4
const FRAGMENT = 6
const TIME_TO_LIVE = 8
const PROTOCOL = 9
const CHECKSUM = 10
const SOURCE = 12
const DESTINATION = 16

const DONT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000
const OFFSET_MASK = 0x1fff

/** Bytes, without options. */
export const HEADER_LENGTH = 20

export function isValid(view: DataView, at: number, available: number): boolean {
  if (available < HEADER_LENGTH || view.getUint8(at + VERSION) >>> 4 !== 4) return false
  const header = headerLength(view, at)
  const total = totalLength(view, at)
  return header >= HEADER_LENGTH && header <= total && total <= available
}

export function version(view: DataView, at: number): number {
  return view.getUint8(at + VERSION) >>> 4
}

/** Bytes, options included. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at + VERSION) & 0x0f) << 2
}

/** Bytes, header included. */
export function totalLength(view: DataView, at: number): number {
  return view.getUint16(at + TOTAL_LENGTH)
}

export function typeOfService(view: DataView, at: number): number {
  return view.getUint8(at + TYPE_OF_SERVICE)
}

export function identification(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFICATION)
}

/** A piece of a larger packet: more to follow, or not the first. */
export function isFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & (MORE_FRAGMENTS | OFFSET_MASK)) !== 0
}

/** Bytes. */
export function fragmentOffset(view: DataView, at: number): number {
  return (view.getUint16(at + FRAGMENT) & OFFSET_MASK) << 3
}

export function moreFragments(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & MORE_FRAGMENTS) !== 0
}

export function dontFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & DONT_FRAGMENT) !== 0
}

export function timeToLive(view: DataView, at: number): number {
  return view.getUint8(at + TIME_TO_LIVE)
}

export function protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL)
}

export function source(view: DataView, at: number): number {
  return view.getInt32(at + SOURCE)
}

export function destination(view: DataView, at: number): number {
  return view.getInt32(at + DESTINATION)
}

export function checksumIsRight(view: DataView, at: number): boolean {
  return checksum.add(view, at, headerLength(view, at), 0) === 0xffff
}

/** A header without options, its checksum included. */
export function write(
  view: DataView,
  at: number,
  totalLength: number,
  protocol: number,
  source: number,
  destination: number,
  identification: number,
  timeToLive: number,
  typeOfService: number,
  dontFragment: 0 | 1,
): void {
  // The sum is of the values at hand: nothing that was just stored is read back.
  const versionAndLength = 0x45000000 | (typeOfService << 16) | totalLength
  const fragment = (identification << 16) | (dontFragment << 14)
  const lifeAndProtocol = (timeToLive << 24) | (protocol << 16)
  const sum = checksum.fold(
    (versionAndLength >>> 16) +
      totalLength +
      (fragment >>> 16) +
      (fragment & 0xffff) +
      (lifeAndProtocol >>> 16) +
      (source >>> 16) +
      (source & 0xffff) +
      (destination >>> 16) +
      (destination & 0xffff),
  )
  view.setInt32(at + VERSION, versionAndLength)
  view.setInt32(at + IDENTIFICATION, fragment)
  view.setInt32(at + TIME_TO_LIVE, lifeAndProtocol | (~sum & 0xffff))
  view.setInt32(at + SOURCE, source)
  view.setInt32(at + DESTINATION, destination)
}

/** Bytes from the start of the header to its checksum field. */
export const CHECKSUM_OFFSET = CHECKSUM

/** Makes the header of a first fragment, its options included, that of the whole datagram, and renews its checksum. */
export function setWhole(view: DataView, at: number, totalLength: number, typeOfService: number): void {
  view.setUint8(at + TYPE_OF_SERVICE, typeOfService)
  view.setUint16(at + TOTAL_LENGTH, totalLength)
  view.setUint16(at + FRAGMENT, 0)
  view.setUint16(at + CHECKSUM, 0)
  view.setUint16(at + CHECKSUM, checksum.finish(checksum.add(view, at, headerLength(view, at), 0)))
}

/** Makes a written header that of a fragment, DF cleared, and renews its checksum. `offset`: bytes, a multiple of 8. */
export function setFragment(view: DataView, at: number, offset: number, more: 0 | 1): void {
  view.setInt16(at + FRAGMENT, (more << 13) | (offset >> 3))
  view.setInt16(at + CHECKSUM, 0)
  view.setUint16(at + CHECKSUM, checksum.finish(checksum.add(view, at, HEADER_LENGTH, 0)))
}
