/*
 * The TCP header, RFC 9293, 3.1. Options: tcp-options.ts.
 *
 *     +---------------+---------------+
 *     |    srcPort    |    dstPort    |    0
 *     +---------------+---------------+
 *     |  sequence                     |    4
 *     +-------------------------------+
 *     |  acknowledgment               |    8
 *     +---+---+-------+---------------+
 *     |off| 0 | flags |    window     |   12     off in units of 4 bytes; window as it stands, unscaled
 *     +---+---+-------+---------------+
 *     |   checksum    | urgentPointer |   16
 *     +---------------+---------------+
 *     |  options ...                  |   20
 *
 * The segment's length is not in the header: what the checksum functions call `length` is header and data. `pseudoSum` is the
 * partial sum that checksum.ts makes of the addresses, the protocol and that same length.
 */

import * as checksumOf from './checksum.js'

const SRC_PORT = 0
const DST_PORT = 2
const SEQUENCE = 4
const ACKNOWLEDGMENT = 8
const DATA_OFFSET = 12
const FLAGS = 13
const WINDOW = 14
const CHECKSUM = 16
const URGENT_POINTER = 18

/** Bytes, without options. */
export const HEADER_LENGTH = 20
/** Bytes, with all the options that fit. */
export const MAX_HEADER_LENGTH = 60
export const CHECKSUM_OFFSET = CHECKSUM

export const FIN = 0x01
export const SYN = 0x02
export const RST = 0x04
export const PSH = 0x08
export const ACK = 0x10
export const URG = 0x20
export const ECE = 0x40
export const CWR = 0x80

export function isValid(view: DataView, at: number, available: number): boolean {
  return available >= HEADER_LENGTH && headerLength(view, at) >= HEADER_LENGTH && headerLength(view, at) <= available
}

export function srcPort(view: DataView, at: number): number {
  return view.getUint16(at + SRC_PORT)
}

export function dstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT)
}

export function sequence(view: DataView, at: number): number {
  return view.getInt32(at + SEQUENCE)
}

export function acknowledgment(view: DataView, at: number): number {
  return view.getInt32(at + ACKNOWLEDGMENT)
}

/** Bytes, options included. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at + DATA_OFFSET) >>> 4) << 2
}

export function flags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS)
}

export function window(view: DataView, at: number): number {
  return view.getUint16(at + WINDOW)
}

export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM)
}

export function urgentPointer(view: DataView, at: number): number {
  return view.getUint16(at + URGENT_POINTER)
}

/** Sets URG and the pointer, before the checksum. */
export function setUrgent(view: DataView, at: number, pointer: number): void {
  view.setUint8(at + FLAGS, view.getUint8(at + FLAGS) | URG)
  view.setUint16(at + URGENT_POINTER, pointer)
}

/** A header with checksum and urgent pointer 0. `headerLength` in bytes, a multiple of 4, options included. */
export function write(
  view: DataView,
  at: number,
  srcPort: number,
  dstPort: number,
  sequence: number,
  acknowledgment: number,
  headerLength: number,
  flags: number,
  window: number,
): void {
  view.setInt32(at + SRC_PORT, (srcPort << 16) | dstPort)
  view.setInt32(at + SEQUENCE, sequence)
  view.setInt32(at + ACKNOWLEDGMENT, acknowledgment)
  view.setInt32(at + DATA_OFFSET, (headerLength << 26) | (flags << 16) | window)
  view.setInt32(at + CHECKSUM, 0)
}

/** The full checksum. */
export function setChecksum(view: DataView, at: number, length: number, pseudoSum: number): void {
  view.setUint16(at + CHECKSUM, 0)
  view.setUint16(at + CHECKSUM, checksumOf.finish(checksumOf.add(view, at, length, pseudoSum)))
}

/** For a frame that leaves with NEEDS_CSUM: the receiver sums the rest. */
export function setPartial(view: DataView, at: number, pseudoSum: number): void {
  view.setUint16(at + CHECKSUM, pseudoSum)
}

export function checksumIsRight(view: DataView, at: number, length: number, pseudoSum: number): boolean {
  return checksumOf.add(view, at, length, pseudoSum) === 0xffff
}

/** Both ports in one word: source << 16 | destination. */
export function ports(view: DataView, at: number): number {
  return view.getInt32(at + SRC_PORT)
}
