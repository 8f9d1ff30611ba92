/*
 * Options of neighbor discovery: RFC 4861, 4.6 (link-layer addresses, prefix, redirected header, MTU), RFC 8106, 5 (RDNSS, DNSSL).
 *
 *     +-------+-------+---------------+
 *     | type  |length | by type ...   :     length in units of 8 bytes, these two included
 *     +-------+-------+---------------+
 *
 *      1  source link-layer address   MAC (6)
 *      2  target link-layer address   MAC (6)
 *      3  prefix information          prefix length (1), flags (1), valid lifetime (4), preferred lifetime (4), reserved (4), prefix (16)
 *      4  redirected header           reserved (6), the packet
 *      5  MTU                         reserved (2), MTU (4)
 *     25  RDNSS                       reserved (2), lifetime (4), addresses (16 each)
 *     31  DNSSL                       reserved (2), lifetime (4), names (RFC 1035, 3.1, not compressed), zeros
 *
 * `parse` leaves what it finds in an Int32Array that the caller owns, COLUMNS words. Short options are there by their values; those
 * that a host can be told several of by the offset of the first from the start of the message, 0 when there is none, for the readers
 * below. Of options that come twice the first counts. Unknown ones are skipped (RFC 4861, 4.6), and so are those whose content cannot be
 * (RFC 8106, 5.3.1). A length of 0, one past the end, or not that of a MAC address makes the whole message worthless: `false`.
 */

const TYPE = 0
const LENGTH = 1
const LINK_HIGH = 2
const LINK_LOW = 4
const LIFETIME = 4
const MTU_VALUE = 4
const PREFIX_LENGTH_FIELD = 2
const PREFIX_FLAGS = 3
const PREFIX_VALID = 4
const PREFIX_PREFERRED = 8
const PREFIX = 16
const ADDRESSES = 8
const NAMES = 8

const SOURCE_LINK_ADDRESS = 1
const TARGET_LINK_ADDRESS = 2
const PREFIX_INFORMATION = 3
const REDIRECTED_HEADER = 4
const MTU_OPTION = 5
const RDNSS_OPTION = 25
const DNSSL_OPTION = 31

// Once for this file and once for the others, as in tcp-options.ts.
const AT_HAS_SOURCE_LINK = 0
const AT_SOURCE_HIGH = 1
const AT_SOURCE_LOW = 2
const AT_HAS_TARGET_LINK = 3
const AT_TARGET_HIGH = 4
const AT_TARGET_LOW = 5
const AT_MTU = 6
const AT_PREFIX = 7
const AT_RDNSS = 8
const AT_DNSSL = 9
const AT_REDIRECTED = 10

/** Columns of the array. */
export const HAS_SOURCE_LINK = AT_HAS_SOURCE_LINK
export const SOURCE_HIGH = AT_SOURCE_HIGH
export const SOURCE_LOW = AT_SOURCE_LOW
export const HAS_TARGET_LINK = AT_HAS_TARGET_LINK
export const TARGET_HIGH = AT_TARGET_HIGH
export const TARGET_LOW = AT_TARGET_LOW
/** 0 when absent; from 2^31 on it is 2^31 - 1. */
export const MTU = AT_MTU
export const PREFIX_AT = AT_PREFIX
export const RDNSS_AT = AT_RDNSS
export const DNSSL_AT = AT_DNSSL
export const REDIRECTED_AT = AT_REDIRECTED

/** Words of the array. */
export const COLUMNS = 11

/** Flags of a prefix. */
export const ON_LINK = 0x80
export const AUTONOMOUS = 0x40

/** A lifetime without end (RFC 4861, 4.6.2; RFC 8106, 5.1). */
export const INFINITY = -1

/** Bytes that the writers write. */
export const LINK_ADDRESS_LENGTH = 8
const MTU_LENGTH = 8
export const PREFIX_LENGTH = 32

/** Servers that one option holds: 255 units of 8 bytes, without the first. */
export const MAX_SERVERS = 127
/** Bytes of names that one option holds. */
export const MAX_NAMES = 254 * 8

/** Reads the options between `head` and `length` of the message at `at`. */
export function parse(view: DataView, at: number, head: number, length: number, found: Int32Array): boolean {
  found.fill(0, 0, COLUMNS)
  let i = head
  while (i < length) {
    if (length - i < 8) return false
    const size = view.getUint8(at + i + LENGTH) << 3
    if (size === 0 || size > length - i || !readOption(view, at, i, size, found)) return false
    i += size
  }
  return true
}

/** One option that lies wholly in the message. */
function readOption(view: DataView, at: number, i: number, size: number, found: Int32Array): boolean {
  switch (view.getUint8(at + i + TYPE)) {
    case SOURCE_LINK_ADDRESS:
      return size === 8 && readLink(view, at + i, AT_HAS_SOURCE_LINK, found)
    case TARGET_LINK_ADDRESS:
      return size === 8 && readLink(view, at + i, AT_HAS_TARGET_LINK, found)
    case PREFIX_INFORMATION:
      return size !== 32 || view.getUint8(at + i + PREFIX_LENGTH_FIELD) > 128 || first(AT_PREFIX, i, found)
    case REDIRECTED_HEADER:
      return first(AT_REDIRECTED, i, found)
    case MTU_OPTION:
      return size !== 8 || readMtu(view, at + i, found)
    case RDNSS_OPTION:
      // One address at least, and whole ones.
      return size < 24 || (size & 8) === 0 || first(AT_RDNSS, i, found)
    case DNSSL_OPTION:
      return size < 16 || first(AT_DNSSL, i, found)
    default:
      return true
  }
}

function readLink(view: DataView, option: number, column: number, found: Int32Array): boolean {
  if (found[column] !== 0) return true
  found[column] = 1
  found[column + 1] = view.getUint16(option + LINK_HIGH)
  found[column + 2] = view.getInt32(option + LINK_LOW)
  return true
}

function readMtu(view: DataView, option: number, found: Int32Array): boolean {
  const word = view.getInt32(option + MTU_VALUE)
  if (found[AT_MTU] === 0) found[AT_MTU] = word < 0 ? 0x7fffffff : word
  return true
}

function first(column: number, offset: number, found: Int32Array): boolean {
  if (found[column] === 0) found[column] = offset
  return true
}

// Readers of an option that `parse` found, at its own place in the view.

/** Bits, 0..128. */
export function prefixLength(view: DataView, option: number): number {
  return view.getUint8(option + PREFIX_LENGTH_FIELD)
}

/** ON_LINK, AUTONOMOUS. */
export function prefixFlags(view: DataView, option: number): number {
  return view.getUint8(option + PREFIX_FLAGS)
}

/** Seconds as int32. */
export function validLifetime(view: DataView, option: number): number {
  return view.getInt32(option + PREFIX_VALID)
}

/** Seconds as int32. */
export function preferredLifetime(view: DataView, option: number): number {
  return view.getInt32(option + PREFIX_PREFERRED)
}

export function prefix(view: DataView, option: number, word: number): number {
  return view.getInt32(option + PREFIX + (word << 2))
}

/** Of RDNSS and DNSSL: seconds as int32. */
export function lifetime(view: DataView, option: number): number {
  return view.getInt32(option + LIFETIME)
}

/** How many servers an RDNSS option names. */
export function serverCount(view: DataView, option: number): number {
  return (view.getUint8(option + LENGTH) - 1) >> 1
}

export function server(view: DataView, option: number, index: number, word: number): number {
  return view.getInt32(option + ADDRESSES + (index << 4) + (word << 2))
}

/** Bytes of a DNSSL option's names, which are 8 bytes behind its start, with the zeros that fill it up. */
export function namesLength(view: DataView, option: number): number {
  return (view.getUint8(option + LENGTH) << 3) - NAMES
}

export function writeSourceLinkAddress(view: DataView, at: number, high: number, low: number): number {
  return writeLinkAddress(view, at, SOURCE_LINK_ADDRESS, high, low)
}

export function writeTargetLinkAddress(view: DataView, at: number, high: number, low: number): number {
  return writeLinkAddress(view, at, TARGET_LINK_ADDRESS, high, low)
}

function writeLinkAddress(view: DataView, at: number, type: number, high: number, low: number): number {
  view.setInt32(at, (type << 24) | (1 << 16) | high)
  view.setInt32(at + LINK_LOW, low)
  return LINK_ADDRESS_LENGTH
}

export function writeMtu(view: DataView, at: number, mtu: number): number {
  view.setInt32(at, (MTU_OPTION << 24) | (1 << 16))
  view.setInt32(at + MTU_VALUE, mtu)
  return MTU_LENGTH
}

/** `length` in bits; lifetimes in seconds. Returns 32. */
export function writePrefix(
  view: DataView,
  at: number,
  length: number,
  flags: number,
  validLifetime: number,
  preferredLifetime: number,
  p0: number,
  p1: number,
  p2: number,
  p3: number,
): number {
  view.setInt32(at, (PREFIX_INFORMATION << 24) | (4 << 16) | (length << 8) | flags)
  view.setInt32(at + PREFIX_VALID, validLifetime)
  view.setInt32(at + PREFIX_PREFERRED, preferredLifetime)
  view.setInt32(at + 12, 0)
  view.setInt32(at + PREFIX, p0)
  view.setInt32(at + PREFIX + 4, p1)
  view.setInt32(at + PREFIX + 8, p2)
  view.setInt32(at + PREFIX + 12, p3)
  return PREFIX_LENGTH
}

/** RDNSS with `count` (1..MAX_SERVERS) addresses of four words each; lifetime in seconds. Returns its bytes. */
export function writeRdnss(view: DataView, at: number, lifetime: number, servers: Int32Array, count: number): number {
  view.setInt32(at, (RDNSS_OPTION << 24) | ((1 + 2 * count) << 16))
  view.setInt32(at + LIFETIME, lifetime)
  for (let i = 0; i < 4 * count; i++) view.setInt32(at + ADDRESSES + 4 * i, servers[i]!)
  return ADDRESSES + 16 * count
}

/** DNSSL with names in wire format (domain-names.ts), 1..MAX_NAMES bytes; lifetime in seconds. Returns its bytes, a multiple of 8. */
export function writeDnssl(view: DataView, at: number, lifetime: number, names: Uint8Array): number {
  const size = (NAMES + names.length + 7) & ~7
  view.setInt32(at, (DNSSL_OPTION << 24) | (size << 13))
  view.setInt32(at + LIFETIME, lifetime)
  for (let i = 0; i < size - NAMES; i++) view.setUint8(at + NAMES + i, i < names.length ? names[i]! : 0)
  return size
}
