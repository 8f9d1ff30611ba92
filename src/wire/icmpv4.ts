/*
 * ICMP for IPv4, RFC 792; fragmentation needed with the next-hop MTU, RFC 1191, 4; administrative codes, RFC 1812, 5.2.7.1.
 *
 *     +-------+-------+---------------+
 *     | type  | code  |   checksum    |    0
 *     +-------+-------+---------------+
 *     |  word: by type                |    4     echo: identifier, sequence; unreachable: 0, next-hop MTU
 *     +-------------------------------+
 *     |  echo: data. errors: the IPv4 header and the first bytes of the packet that caused it
 *
 * The checksum covers the whole message, there is no pseudo-header.
 */

import * as checksumOf from './checksum.js'

const TYPE = 0
const CODE = 1
const CHECKSUM = 2
const IDENTIFIER = 4
const SEQUENCE = 6

/** Bytes. */
export const HEADER_LENGTH = 8
export const CHECKSUM_OFFSET = CHECKSUM

export const ECHO_REPLY = 0
export const UNREACHABLE = 3
export const REDIRECT = 5
export const ECHO = 8
export const TIME_EXCEEDED = 11
export const PARAMETER_PROBLEM = 12

/** Codes of UNREACHABLE. */
export const NETWORK_UNREACHABLE = 0
export const HOST_UNREACHABLE = 1
export const PROTOCOL_UNREACHABLE = 2
export const PORT_UNREACHABLE = 3
export const FRAGMENTATION_NEEDED = 4
export const ADMINISTRATIVELY_PROHIBITED = 13

/** Codes of TIME_EXCEEDED. */
export const TTL_EXCEEDED = 0
export const REASSEMBLY_TIME_EXCEEDED = 1

/** Bytes of the packet at fault that an error quotes at most: RFC 1812, 4.3.2.3, the whole error in 576 with its IPv4 header. */
export const QUOTE_LIMIT = 576 - 20 - HEADER_LENGTH

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

/** Of UNREACHABLE with FRAGMENTATION_NEEDED, RFC 1191; 0 from routers that do not say. */
export function nextHopMtu(view: DataView, at: number): number {
  return view.getUint16(at + SEQUENCE)
}

/** Whether it is an error about another packet: no error may be sent about it (RFC 1122, 3.2.2). */
export function isError(view: DataView, at: number): boolean {
  return isErrorType(type(view, at))
}

export function isErrorType(type: number): boolean {
  return type === UNREACHABLE || type === 4 || type === REDIRECT || type === TIME_EXCEEDED || type === PARAMETER_PROBLEM
}

/** `length` is that of the whole message. */
export function checksumIsRight(view: DataView, at: number, length: number): boolean {
  return checksumOf.add(view, at, length, 0) === 0xffff
}

/** The header, its checksum 0; `word` is what follows it: `(identifier << 16) | sequence` of an echo, the MTU of a 3/4. */
export function write(view: DataView, at: number, type: number, code: number, word: number): void {
  view.setInt32(at + TYPE, (type << 24) | (code << 16))
  view.setInt32(at + IDENTIFIER, word)
}

/** `length` is that of the whole message. */
export function setChecksum(view: DataView, at: number, length: number): void {
  view.setUint16(at + CHECKSUM, 0)
  view.setUint16(at + CHECKSUM, checksumOf.finish(checksumOf.add(view, at, length, 0)))
}
