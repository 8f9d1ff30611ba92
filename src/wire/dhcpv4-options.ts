/*
 * DHCP options, RFC 2132: what a client tells its server, read.
 *
 *     +-------+-------+---------------+
 *     | code  |length | ...           :     code 0: padding, without a length; 255: the end
 *     +-------+-------+---------------+
 *
 * `parse` leaves what it finds in an Int32Array that the caller owns, COLUMNS words: short values as such, 0 when absent (no option that
 * is read here means anything by 0); the others by their place, in bytes from the start of the message, and their length.
 *
 * Options go on in the fields `file` and then `sname` where option 52 says so (RFC 2131, 4.1). Of options that come twice the first
 * counts; none of those read here is long enough to be split (RFC 3396). A length past the end, or not one of its kind, ends the parse
 * with `false`. A missing end is forgiven: there are clients that leave it out when they fill the message.
 */

import * as dhcpv4 from './dhcpv4.js'

const CODE_PAD = 0
const CODE_HOST_NAME = 12
const CODE_REQUESTED_ADDRESS = 50
const CODE_OVERLOAD = 52
const CODE_MESSAGE_TYPE = 53
const CODE_SERVER_IDENTIFIER = 54
const CODE_PARAMETER_LIST = 55
const CODE_MAX_SIZE = 57
const CODE_CLIENT_IDENTIFIER = 61
const CODE_END = 255

/** Bits of OVERLOAD. */
const OVERLOAD_FILE = 1
const OVERLOAD_SNAME = 2

// Once for this file and once for the others, as in tcp-options.ts.
const AT_MESSAGE_TYPE = 0
const AT_REQUESTED_ADDRESS = 1
const AT_SERVER_IDENTIFIER = 2
const AT_MAX_SIZE = 3
const AT_PARAMETER_LIST = 4
const AT_PARAMETER_COUNT = 5
const AT_CLIENT_IDENTIFIER = 6
const AT_CLIENT_IDENTIFIER_LENGTH = 7
const AT_HOST_NAME = 8
const AT_HOST_NAME_LENGTH = 9
const AT_OVERLOAD = 10

/** Columns of the array. */
export const MESSAGE_TYPE = AT_MESSAGE_TYPE
export const REQUESTED_ADDRESS = AT_REQUESTED_ADDRESS
export const SERVER_IDENTIFIER = AT_SERVER_IDENTIFIER
/** Bytes of the longest IP datagram that the client takes. */
export const MAX_SIZE = AT_MAX_SIZE
/** Where the codes that the client asks for are, and how many. */
export const PARAMETER_LIST = AT_PARAMETER_LIST
export const PARAMETER_COUNT = AT_PARAMETER_COUNT
export const CLIENT_IDENTIFIER = AT_CLIENT_IDENTIFIER
export const CLIENT_IDENTIFIER_LENGTH = AT_CLIENT_IDENTIFIER_LENGTH
export const HOST_NAME = AT_HOST_NAME
export const HOST_NAME_LENGTH = AT_HOST_NAME_LENGTH

/** Words of the array. */
export const COLUMNS = 11

/** The options of the valid message of `length` bytes at `at`. */
export function parse(view: DataView, at: number, length: number, found: Int32Array): boolean {
  found.fill(0, 0, COLUMNS)
  if (!parseField(view, at, dhcpv4.HEADER_LENGTH, length, found)) return false
  const overload = found[AT_OVERLOAD]!
  const file = dhcpv4.FILE_OFFSET
  if ((overload & OVERLOAD_FILE) !== 0 && !parseField(view, at, file, file + dhcpv4.FILE_LENGTH, found)) return false
  const sname = dhcpv4.SNAME_OFFSET
  return (overload & OVERLOAD_SNAME) === 0 || parseField(view, at, sname, sname + dhcpv4.SNAME_LENGTH, found)
}

function parseField(view: DataView, at: number, from: number, end: number, found: Int32Array): boolean {
  let i = from
  while (i < end) {
    const code = view.getUint8(at + i)
    if (code === CODE_END) return true
    if (code === CODE_PAD) {
      i++
      continue
    }
    if (end - i < 2) return false
    const size = view.getUint8(at + i + 1)
    i += 2
    if (size > end - i || !readOption(view, at, code, i, size, found)) return false
    i += size
  }
  return true
}

/** One option whose value of `size` bytes is wholly there, at `i`. */
function readOption(view: DataView, at: number, code: number, i: number, size: number, found: Int32Array): boolean {
  switch (code) {
    case CODE_MESSAGE_TYPE:
      return size === 1 && keep(AT_MESSAGE_TYPE, view.getUint8(at + i), found)
    case CODE_REQUESTED_ADDRESS:
      return size === 4 && keep(AT_REQUESTED_ADDRESS, view.getInt32(at + i), found)
    case CODE_SERVER_IDENTIFIER:
      return size === 4 && keep(AT_SERVER_IDENTIFIER, view.getInt32(at + i), found)
    case CODE_MAX_SIZE:
      return size === 2 && keep(AT_MAX_SIZE, view.getUint16(at + i), found)
    case CODE_OVERLOAD:
      return size === 1 && keep(AT_OVERLOAD, view.getUint8(at + i), found)
    case CODE_PARAMETER_LIST:
      return keepPlace(AT_PARAMETER_LIST, i, size, found)
    case CODE_CLIENT_IDENTIFIER:
      // RFC 2132, 9.14: a type and at least one byte. What is shorter identifies nobody.
      return size < 2 || keepPlace(AT_CLIENT_IDENTIFIER, i, size, found)
    case CODE_HOST_NAME:
      return keepPlace(AT_HOST_NAME, i, size, found)
    default:
      return true
  }
}

function keep(column: number, value: number, found: Int32Array): boolean {
  if (found[column] === 0) found[column] = value
  return true
}

function keepPlace(column: number, i: number, size: number, found: Int32Array): boolean {
  if (found[column] === 0) {
    found[column] = i
    found[column + 1] = size
  }
  return true
}
