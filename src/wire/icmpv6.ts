/*
 * ICMP for IPv6, RFC 4443; the header chain that does not end in the first fragment, RFC 7112. Neighbor discovery is in ndp.ts.
 *
 *     +-------+-------+---------------+
 *     | type  | code  |   checksum    |    0
 *     +-------+-------+---------------+
 *     |  word: by type                |    4     echo: identifier, sequence; too big: MTU; parameter problem: pointer
 *     +-------------------------------+
 *     |  echo: data. errors: the packet that caused it, as much as fits
 *
 * The checksum covers a pseudo-header, so its functions take the partial sum that checksum.ts makes of it.
 */

import * as checksumOf from './checksum.js'

const TYPE = 0
const CODE = 1
const CHECKSUM = 2
const IDENTIFIER = 4
const SEQUENCE = 6
const MTU = 4
const POINTER = 4

/** Bytes. */
export const HEADER_LENGTH = 8
export const CHECKSUM_OFFSET = CHECKSUM

export const UNREACHABLE = 1
export const PACKET_TOO_BIG = 2
export const TIME_EXCEEDED = 3
export const PARAMETER_PROBLEM = 4
export const ECHO = 128
export const ECHO_REPLY = 129
/** RFC 4861, 4.5; its reader is in ndp.ts. */
export const REDIRECT = 137

/** Codes of UNREACHABLE. */
export const NO_ROUTE = 0
export const ADMINISTRATIVELY_PROHIBITED = 1
export const BEYOND_SCOPE = 2
export const ADDRESS_UNREACHABLE = 3
export const PORT_UNREACHABLE = 4

/** Codes of TIME_EXCEEDED. */
export const HOP_LIMIT_EXCEEDED = 0
export const REASSEMBLY_TIME_EXCEEDED = 1

/** Codes of PARAMETER_PROBLEM. */
export const ERRONEOUS_HEADER = 0
export const UNRECOGNIZED_NEXT_HEADER = 1
export const UNRECOGNIZED_OPTION = 2
export const INCOMPLETE_HEADER_CHAIN = 3

/** Bytes of the packet at fault that an error quotes at most: RFC 4443, 2.4 (c), the whole error in 1280 with its IPv6 header. */
export const QUOTE_LIMIT = 1280 - 40 - HEADER_LENGTH

export function isValid(_view: DataView, _at: number, available: number): boolean {
  return available >= HEADER_LENGTH
}

export function type(view: DataView, at: number): number {
  return view.getUint8(at + TYPE)
}

export function code(view: DataView, at: number): number {
  return view.getUint8(at + CODE)
}

export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM)
}

/** Of an echo or its reply. */
export function identifier(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFIER)
}

/** Of an echo or its reply. */
export function sequence(view: DataView, at: number): number {
  return view.getUint16(at + SEQUENCE)
}

/** Of PACKET_TOO_BIG; from 2^31 on, which no link has, it is 2^31 - 1. */
export function mtu(view: DataView, at: number): number {
  const word = view.getInt32(at + MTU)
  return word < 0 ? 0x7fffffff : word
}

/** Of PARAMETER_PROBLEM: bytes from the start of the packet quoted; limited as `mtu` is. */
export function pointer(view: DataView, at: number): number {
  const word = view.getInt32(at + POINTER)
  return word < 0 ? 0x7fffffff : word
}

/** Whether it is an error about another packet. */
export function isError(view: DataView, at: number): boolean {
  return isErrorType(type(view, at))
}

/** RFC 4443, 2.1: the errors have the lower half of the types. */
export function isErrorType(type: number): boolean {
  return type < 128
}

/** RFC 4443, 2.4 (e.1), (e.2): no error is sent about a message of this type. */
export function forbidsError(type: number): boolean {
  return type < 128 || type === REDIRECT
}

/** `length` is that of the whole message. */
export function checksumIsRight(view: DataView, at: number, length: number, pseudoSum: number): boolean {
  return checksumOf.add(view, at, length, pseudoSum) === 0xffff
}

/** The header, its checksum 0; `word` is what follows it: `(identifier << 16) | sequence` of an echo, MTU, pointer. */
export function write(view: DataView, at: number, type: number, code: number, word: number): void {
  view.setInt32(at + TYPE, (type << 24) | (code << 16))
  view.setInt32(at + IDENTIFIER, word)
}

/** `length` is that of the whole message. */
export function setChecksum(view: DataView, at: number, length: number, pseudoSum: number): void {
  view.setUint16(at + CHECKSUM, 0)
  view.setUint16(at + CHECKSUM, checksumOf.finish(checksumOf.add(view, at, length, pseudoSum)))
}
