/*
 * Stateless DHCPv6: INFORMATION-REQUEST and its REPLY, RFC 8415, 8, 16.12, 18.3.6, 21; DNS, RFC 3646. Addresses are not ours to give:
 * the router advertisement says so.
 *
 *     +-------+-----------------------+
 *     | type  |    transaction id     |    0
 *     +-------+-------+---------------+
 *     |     code      |    length     :    4     options: code, length of the value, value
 *
 * The messages between relays and servers (12, 13) have other fields in the place of these: `isValid` refuses them.
 *
 * `parse` leaves what it finds in an Int32Array that the caller owns, COLUMNS words: values by their place, in bytes from the start of
 * the message, and their length, both 0 when absent. Of options that come twice the first counts. A length past the end, or one that an
 * identifier cannot have (RFC 8415, 11.1), ends the parse with `false`.
 */

const TYPE = 0
const TYPE_AND_TRANSACTION = 0
const LENGTH = 4

/** Bytes in front of the options. */
export const HEADER_LENGTH = LENGTH

const RELAY_FORW = 12
const RELAY_REPL = 13

export const REPLY = 7
export const INFORMATION_REQUEST = 11

const CLIENT_IDENTIFIER = 1
const SERVER_IDENTIFIER = 2
const IA_NA = 3
const IA_TA = 4
const OPTION_REQUEST = 6
const DNS_SERVERS = 23
const DOMAIN_LIST = 24
const IA_PD = 25
const INFORMATION_REFRESH_TIME = 32

/** Bytes of a DUID: a type and 1 to 128 more (RFC 8415, 11.1). */
const MIN_IDENTIFIER = 3
const MAX_IDENTIFIER = 130

// Once for this file and once for the others, as in tcp-options.ts.
const AT_CLIENT = 0
const AT_CLIENT_LENGTH = 1
const AT_SERVER = 2
const AT_SERVER_LENGTH = 3
const AT_ASKED = 4
const AT_ASKED_LENGTH = 5
/** 1: an identity association is there, so it is none of the messages that are answered here (RFC 8415, 16.12). */
const AT_ASKS_FOR_ADDRESS = 6

/** Columns of the array. */
export const CLIENT = AT_CLIENT
export const SERVER = AT_SERVER
export const SERVER_LENGTH = AT_SERVER_LENGTH
/** Where the codes that the client asks for are, two bytes each. */
export const ASKED = AT_ASKED

/** Words of the array. */
export const COLUMNS = 7

/** What a network tells its clients; filled once. Empty arrays: nothing to tell. */
export interface Configuration {
  /** DUID of the server. */
  readonly server: Uint8Array
  /** Four words each. */
  readonly dns: Int32Array
  /** In wire format: domain-names.ts. */
  readonly domainList: Uint8Array
  /** Seconds until the client asks again, 600 at least (RFC 8415, 7.6). */
  readonly refreshTime: number
}

/** A message of client or server, not of relays. */
export function isValid(view: DataView, at: number, available: number): boolean {
  return available >= LENGTH && view.getUint8(at + TYPE) !== RELAY_FORW && view.getUint8(at + TYPE) !== RELAY_REPL
}

export function type(view: DataView, at: number): number {
  return view.getUint8(at + TYPE)
}

/** 24 bits. */
export function transactionId(view: DataView, at: number): number {
  return view.getInt32(at + TYPE_AND_TRANSACTION) & 0x00ffffff
}

/** The options of the valid message of `length` bytes at `at`. */
export function parse(view: DataView, at: number, length: number, found: Int32Array): boolean {
  found.fill(0, 0, COLUMNS)
  let i = LENGTH
  while (i < length) {
    if (length - i < 4) return false
    const code = view.getUint16(at + i)
    const size = view.getUint16(at + i + 2)
    i += 4
    if (size > length - i || !readOption(code, i, size, found)) return false
    i += size
  }
  return true
}

/** One option whose value of `size` bytes is wholly there, at `i`. */
function readOption(code: number, i: number, size: number, found: Int32Array): boolean {
  switch (code) {
    case CLIENT_IDENTIFIER:
      return size >= MIN_IDENTIFIER && size <= MAX_IDENTIFIER && keepPlace(AT_CLIENT, i, size, found)
    case SERVER_IDENTIFIER:
      return size >= MIN_IDENTIFIER && size <= MAX_IDENTIFIER && keepPlace(AT_SERVER, i, size, found)
    case OPTION_REQUEST:
      return (size & 1) === 0 && keepPlace(AT_ASKED, i, size, found)
    case IA_NA:
    case IA_TA:
    case IA_PD:
      found[AT_ASKS_FOR_ADDRESS] = 1
      return true
    default:
      return true
  }
}

function keepPlace(column: number, i: number, size: number, found: Int32Array): boolean {
  if (found[column] === 0) {
    found[column] = i
    found[column + 1] = size
  }
  return true
}

/**
 * Whether the message, whose options are in `found`, is one that `writeReply` answers: an INFORMATION-REQUEST to any server or to this
 * one, without an identity association (RFC 8415, 16.12).
 */
export function isForServer(view: DataView, at: number, found: Int32Array, server: Uint8Array): boolean {
  if (type(view, at) !== INFORMATION_REQUEST || found[AT_ASKS_FOR_ADDRESS] !== 0) return false
  const size = found[AT_SERVER_LENGTH]!
  if (size === 0) return true
  if (size !== server.length) return false
  for (let i = 0; i < size; i++) if (view.getUint8(at + found[AT_SERVER]! + i) !== server[i]) return false
  return true
}

/**
 * The REPLY to the INFORMATION-REQUEST at `request` in the same view, whose options are in `found`: what it asks for in its order, or
 * everything when it does not say. An option that does not fit in `limit` bytes is left out; the identifiers, 272 bytes at most, are
 * not. Returns the bytes written.
 */
export function writeReply(
  view: DataView,
  at: number,
  limit: number,
  request: number,
  found: Int32Array,
  configuration: Configuration,
): number {
  view.setInt32(at + TYPE_AND_TRANSACTION, (REPLY << 24) | transactionId(view, request))
  let i = writeBytes(view, at + LENGTH, at + limit, SERVER_IDENTIFIER, configuration.server)
  i = copyClient(view, i, request, found)
  const end = at + limit
  const asked = found[AT_ASKED_LENGTH]!
  if (asked === 0) {
    i = writeParameter(view, i, end, DNS_SERVERS, configuration)
    i = writeParameter(view, i, end, DOMAIN_LIST, configuration)
    return writeParameter(view, i, end, INFORMATION_REFRESH_TIME, configuration) - at
  }
  // One bit for each option told: a list may name one twice.
  let told = 0
  for (let n = 0; n < asked; n += 2) {
    const code = view.getUint16(request + found[AT_ASKED]! + n)
    const bit = bitOf(code)
    if ((told & bit) === 0) i = writeParameter(view, i, end, code, configuration)
    told |= bit
  }
  return i - at
}

/** Of the options we tell, one alone is above 31: it has the bit of 0, which is no option's code. */
function bitOf(code: number): number {
  if (code === INFORMATION_REFRESH_TIME) return 1
  return code > 0 && code < 32 ? 1 << code : 0
}

/** RFC 8415, 18.3.6: who says who it is, is told so again. */
function copyClient(view: DataView, at: number, request: number, found: Int32Array): number {
  const size = found[AT_CLIENT_LENGTH]!
  if (size === 0) return at
  view.setInt32(at, (CLIENT_IDENTIFIER << 16) | size)
  for (let i = 0; i < size; i++) view.setUint8(at + 4 + i, view.getUint8(request + found[AT_CLIENT]! + i))
  return at + 4 + size
}

/** Returns the place behind it, or `at` when there is nothing to tell or no room. */
function writeParameter(view: DataView, at: number, end: number, code: number, configuration: Configuration): number {
  switch (code) {
    case DNS_SERVERS:
      return writeAddresses(view, at, end, configuration.dns)
    case DOMAIN_LIST:
      return writeBytes(view, at, end, code, configuration.domainList)
    case INFORMATION_REFRESH_TIME:
      if (end - at < 8) return at
      view.setInt32(at, (INFORMATION_REFRESH_TIME << 16) | 4)
      view.setInt32(at + 4, configuration.refreshTime)
      return at + 8
    default:
      return at
  }
}

function writeAddresses(view: DataView, at: number, end: number, addresses: Int32Array): number {
  const count = Math.min(addresses.length >> 2, (end - at - 4) >> 4)
  if (count <= 0) return at
  view.setInt32(at, (DNS_SERVERS << 16) | (count << 4))
  for (let i = 0; i < 4 * count; i++) view.setInt32(at + 4 + 4 * i, addresses[i]!)
  return at + 4 + 16 * count
}

function writeBytes(view: DataView, at: number, end: number, code: number, value: Uint8Array): number {
  if (value.length === 0 || end - at < 4 + value.length) return at
  view.setInt32(at, (code << 16) | value.length)
  for (let i = 0; i < value.length; i++) view.setUint8(at + 4 + i, value[i]!)
  return at + 4 + value.length
}

/** The identifier of a server that has a MAC address and nothing to write it down to: DUID-LL (RFC 8415, 11.4). */
export function linkLayerIdentifier(high: number, low: number): Uint8Array {
  // Off the packet path: once a network.
  const bytes = new Uint8Array(10)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, (3 << 16) | 1)
  view.setUint16(4, high)
  view.setInt32(6, low)
  return bytes
}
