/*
 * Extension headers of IPv6: RFC 8200, 4; options 4.2, fragment header 4.5; RFC 5095 (no type 0 routing), RFC 6946 (atomic
 * fragments), RFC 7045, RFC 7112 (all headers are in the first fragment).
 *
 *     | IPv6 | hop-by-hop | destination options | routing | fragment | destination options | upper layer
 *        next=0 -->  next=60 ------->    next=43 --->  next=44 -->  next=60 ----->    next=6, 17, 58 ...
 *
 * Each header names the next. `walk` takes them one by one from a valid IPv6 header on, and returns how it ended; in an Int32Array that
 * the caller owns, COLUMNS words, it leaves offsets in bytes from the start of the IPv6 header:
 *
 *     UPPER       PROTOCOL is the upper layer's, at OFFSET; the field at NAMED_AT names it, and is what a parameter problem points to
 *                 when nobody here knows it. FRAGMENT is where an atomic fragment header was passed over, else 0.
 *     FRAGMENTED  a piece: its fragment header is at FRAGMENT, its data at OFFSET. The field at NAMED_AT names the fragment header, and
 *                 names PROTOCOL once the packet is whole again and that header gone.
 *     PROBLEM     to be dropped and answered with a parameter problem of PROBLEM_CODE that points to PROBLEM_POINTER.
 *     DISCARD     to be dropped silently.
 *
 * All bytes before OFFSET are then proved to be there. A PROBLEM is one that may be told: not about another error, and about a packet
 * to a multicast address only where RFC 4443, 2.4 (e.3) has its exception; the caller asks whether the source is one, (e.6). What we
 * do not know is taken for the upper layer, and so are authentication and encryption (51, 50): without keys we cannot say what they
 * protect, and their sender is told so.
 *
 * When a packet is put together again, it is walked from its start once more. If that finds it FRAGMENTED, it was so twice: drop it.
 */

import * as icmpv6 from './icmpv6.js'
import * as ipv6 from './ipv6.js'
import { PROTOCOL_ICMPV6 } from './numbers.js'

export const HOP_BY_HOP_OPTIONS = 0
export const ROUTING = 43
export const FRAGMENT_HEADER = 44
const NO_NEXT_HEADER = 59
export const DESTINATION_OPTIONS = 60

// Every header but the fragment header.
const NEXT_HEADER = 0
/** In units of 8 bytes, without the first 8. */
const EXTENSION_LENGTH = 1
const OPTIONS = 2
const ROUTING_TYPE = 2
const SEGMENTS_LEFT = 3

// The fragment header.
const FRAGMENT_OFFSET = 2
const IDENTIFICATION = 4
const MORE_FRAGMENTS = 1
const OFFSET_MASK = 0xfff8

/** Bytes of the shortest extension header, and of the fragment header. */
const UNIT = 8

// The header in front, once more: as constants of this file V8 folds them.
const IPV6_PAYLOAD_LENGTH = 4
const IPV6_NEXT_HEADER = 6
const IPV6_LENGTH = 40
const MAX_PAYLOAD = 0xffff
const PROTOCOL_TCP = 6
const PROTOCOL_UDP = 17

export const FRAGMENT_HEADER_LENGTH = UNIT

/** More than RFC 8200, 4.1 has use for: each header once, destination options twice. A longer chain is dropped (RFC 8504, 5.3). */
export const MAX_HEADERS = 8

const OPTION_PAD1 = 0
/** The two top bits of an option we do not know: RFC 8200, 4.2. */
const ACTION_SKIP = 0
const ACTION_DISCARD = 1
const ACTION_TELL = 2

// Once for this file and once for the others, as in tcp-options.ts.
const AT_PROTOCOL = 0
const AT_OFFSET = 1
const AT_NAMED = 2
const AT_FRAGMENT = 3
const AT_PROBLEM_CODE = 4
const AT_PROBLEM_POINTER = 5

/** Columns of the array. */
export const PROTOCOL = AT_PROTOCOL
export const OFFSET = AT_OFFSET
export const NAMED_AT = AT_NAMED
export const FRAGMENT = AT_FRAGMENT
export const PROBLEM_CODE = AT_PROBLEM_CODE
export const PROBLEM_POINTER = AT_PROBLEM_POINTER

/** Words of the array. */
export const COLUMNS = 6

const ENDS_UPPER = 0
const ENDS_FRAGMENTED = 1
const ENDS_PROBLEM = 2
const ENDS_DISCARD = 3
/** Not an end: the next header is to be looked at. */
const GOES_ON = 4

/** What `walk` returns. */
export const UPPER = ENDS_UPPER
export const FRAGMENTED = ENDS_FRAGMENTED
export const PROBLEM = ENDS_PROBLEM
export const DISCARD = ENDS_DISCARD

/** The chain of the valid IPv6 header at `at`. */
export function walk(view: DataView, at: number, found: Int32Array): number {
  const next = view.getUint8(at + IPV6_NEXT_HEADER)
  found[AT_PROTOCOL] = next
  found[AT_OFFSET] = IPV6_LENGTH
  found[AT_NAMED] = IPV6_NEXT_HEADER
  found[AT_FRAGMENT] = 0
  // Nearly all there is.
  if (next === PROTOCOL_TCP || next === PROTOCOL_UDP) return ENDS_UPPER
  const length = IPV6_LENGTH + view.getUint16(at + IPV6_PAYLOAD_LENGTH)
  for (let count = 0; count <= MAX_HEADERS; count++) {
    const end = step(view, at, length, found)
    if (end !== GOES_ON) return end
  }
  return ENDS_DISCARD
}

/** Looks at the header that the columns are at, and moves them to the next. */
function step(view: DataView, at: number, length: number, found: Int32Array): number {
  switch (found[AT_PROTOCOL]!) {
    case HOP_BY_HOP_OPTIONS:
      // RFC 8200, 4: anywhere but directly behind the IPv6 header it is as good as unknown.
      if (found[AT_OFFSET] !== IPV6_LENGTH) return problem(view, at, length, found, icmpv6.UNRECOGNIZED_NEXT_HEADER, found[AT_NAMED]!)
      return optionsHeader(view, at, length, found)
    case DESTINATION_OPTIONS:
      return optionsHeader(view, at, length, found)
    case ROUTING:
      return routingHeader(view, at, length, found)
    case FRAGMENT_HEADER:
      return fragmentHeader(view, at, length, found)
    case NO_NEXT_HEADER:
      return ENDS_DISCARD
    default:
      return ENDS_UPPER
  }
}

/** Bytes of the header at `offset` if it lies wholly in the packet, else 0. */
function headerLength(view: DataView, at: number, offset: number, length: number): number {
  if (length - offset < UNIT) return 0
  const header = (view.getUint8(at + offset + EXTENSION_LENGTH) + 1) << 3
  return header <= length - offset ? header : 0
}

/** RFC 4443, 3.4: it is the length that cannot be; where not even that is there, nothing can be said. */
function cutShort(view: DataView, at: number, length: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  if (length - offset < UNIT) return ENDS_DISCARD
  return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, offset + EXTENSION_LENGTH)
}

function goOn(view: DataView, at: number, header: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  found[AT_PROTOCOL] = view.getUint8(at + offset + NEXT_HEADER)
  found[AT_NAMED] = offset + NEXT_HEADER
  found[AT_OFFSET] = offset + header
  return GOES_ON
}

/** RFC 8200, 4.2. We know no option but the two that pad; what those that may be skipped mean, is nothing to an end of the path. */
function optionsHeader(view: DataView, at: number, length: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  const header = headerLength(view, at, offset, length)
  if (header === 0) return cutShort(view, at, length, found)
  const end = offset + header
  let i = offset + OPTIONS
  while (i < end) {
    const type = view.getUint8(at + i)
    if (type === OPTION_PAD1) {
      i++
      continue
    }
    const action = type >>> 6
    if (action === ACTION_DISCARD) return ENDS_DISCARD
    if (action !== ACTION_SKIP) return unknownOption(view, at, length, found, i, action)
    if (end - i < 2) return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, i)
    const size = 2 + view.getUint8(at + i + 1)
    if (size > end - i) return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, i + 1)
    i += size
  }
  return goOn(view, at, header, found)
}

/** RFC 8200, 4.2: 10 is told whatever the destination, 11 only if that is not multicast. */
function unknownOption(view: DataView, at: number, length: number, found: Int32Array, option: number, action: number): number {
  if (action === ACTION_TELL) return tellable(view, at, length, found, icmpv6.UNRECOGNIZED_OPTION, option)
  return problem(view, at, length, found, icmpv6.UNRECOGNIZED_OPTION, option)
}

/** RFC 8200, 4.4; RFC 5095: we route by no type, so the list must be used up. */
function routingHeader(view: DataView, at: number, length: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  const header = headerLength(view, at, offset, length)
  if (header === 0) return cutShort(view, at, length, found)
  if (view.getUint8(at + offset + SEGMENTS_LEFT) !== 0) {
    return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, offset + ROUTING_TYPE)
  }
  return goOn(view, at, header, found)
}

/** RFC 8200, 4.5. */
function fragmentHeader(view: DataView, at: number, length: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  // RFC 8200, 4.1: each header once. A packet that was fragmented twice is nothing a sender can have meant.
  if (length - offset < UNIT || found[AT_FRAGMENT] !== 0) return ENDS_DISCARD
  const named = found[AT_NAMED]!
  const data = length - offset - UNIT
  const place = fragmentOffset(view, at + offset)
  const more = moreFragments(view, at + offset)
  found[AT_FRAGMENT] = offset
  goOn(view, at, UNIT, found)
  // RFC 6946, 4: the whole packet in one fragment has nothing to do with any other.
  if (place === 0 && !more) return GOES_ON
  // What completes nothing only costs memory.
  if (data === 0) return ENDS_DISCARD
  if (more && (data & 7) !== 0) return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, IPV6_PAYLOAD_LENGTH)
  if (offset - IPV6_LENGTH + place + data > MAX_PAYLOAD) {
    return problem(view, at, length, found, icmpv6.ERRONEOUS_HEADER, offset + FRAGMENT_OFFSET)
  }
  // RFC 7112, 5: a packet whose headers do not end in its first fragment cannot be told from an attack on filters.
  if (place === 0 && !hasWholeChain(view, at, length, found)) {
    return problem(view, at, length, found, icmpv6.INCOMPLETE_HEADER_CHAIN, 0)
  }
  found[AT_PROTOCOL] = view.getUint8(at + offset + NEXT_HEADER)
  found[AT_NAMED] = named
  found[AT_OFFSET] = offset + UNIT
  return ENDS_FRAGMENTED
}

/** Moves the columns to the upper layer without a look at options, as far as there are headers. */
function skip(view: DataView, at: number, length: number, found: Int32Array): void {
  for (let count = 0; count < MAX_HEADERS; count++) {
    const header = skipLength(view, at, length, found)
    if (header === 0) return
    goOn(view, at, header, found)
  }
}

/** Bytes of the header that the columns are at, 0 if it is none, is cut short, or is not followed by the next. */
function skipLength(view: DataView, at: number, length: number, found: Int32Array): number {
  const offset = found[AT_OFFSET]!
  switch (found[AT_PROTOCOL]!) {
    case HOP_BY_HOP_OPTIONS:
    case DESTINATION_OPTIONS:
    case ROUTING:
      return headerLength(view, at, offset, length)
    case FRAGMENT_HEADER:
      // Behind that of a later fragment is data.
      return length - offset >= UNIT && fragmentOffset(view, at + offset) === 0 ? UNIT : 0
    default:
      return 0
  }
}

/** Whether the columns, which it moves, lead to a whole upper-layer header (RFC 7112, 2), or to none by intention. */
function hasWholeChain(view: DataView, at: number, length: number, found: Int32Array): boolean {
  skip(view, at, length, found)
  const rest = length - found[AT_OFFSET]!
  switch (found[AT_PROTOCOL]!) {
    case NO_NEXT_HEADER:
      return true
    case PROTOCOL_TCP:
      return rest >= 20
    case PROTOCOL_UDP:
    case PROTOCOL_ICMPV6:
      return rest >= 8
    case HOP_BY_HOP_OPTIONS:
    case DESTINATION_OPTIONS:
    case ROUTING:
    case FRAGMENT_HEADER:
      return false
    default:
      return rest > 0
  }
}

/** RFC 4443, 2.4 (e.3): silence about what was sent to many. */
function problem(view: DataView, at: number, length: number, found: Int32Array, code: number, pointer: number): number {
  return ipv6.isMulticast(ipv6.destination(view, at, 0)) ? ENDS_DISCARD : tellable(view, at, length, found, code, pointer)
}

/** RFC 4443, 2.4 (e.1), (e.2): silence about another error or a redirect, which may lie behind more headers. */
function tellable(view: DataView, at: number, length: number, found: Int32Array, code: number, pointer: number): number {
  skip(view, at, length, found)
  const upper = found[AT_OFFSET]!
  if (found[AT_PROTOCOL] === PROTOCOL_ICMPV6 && upper < length && icmpv6.forbidsError(view.getUint8(at + upper))) return ENDS_DISCARD
  found[AT_PROBLEM_CODE] = code
  found[AT_PROBLEM_POINTER] = pointer
  return ENDS_PROBLEM
}

/**
 * Whether no error may be sent about the valid packet at `at`, for it is one itself, or a redirect, behind whatever headers (RFC 4443, 2.4 (e.1),
 * (e.2)). What a later piece is a piece of is not known.
 */
export function forbidsError(view: DataView, at: number, found: Int32Array): boolean {
  const length = IPV6_LENGTH + view.getUint16(at + IPV6_PAYLOAD_LENGTH)
  found[AT_PROTOCOL] = view.getUint8(at + IPV6_NEXT_HEADER)
  found[AT_OFFSET] = IPV6_LENGTH
  skip(view, at, length, found)
  const upper = found[AT_OFFSET]!
  // What cannot be read might be one.
  return found[AT_PROTOCOL] === PROTOCOL_ICMPV6 && (upper >= length || icmpv6.forbidsError(view.getUint8(at + upper)))
}

/** What the fragmentable part begins with. */
export function fragmentNextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER)
}

/** Bytes. */
export function fragmentOffset(view: DataView, at: number): number {
  return view.getUint16(at + FRAGMENT_OFFSET) & OFFSET_MASK
}

export function moreFragments(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT_OFFSET) & MORE_FRAGMENTS) !== 0
}

/** An int32: RFC 8200, 4.5 has 32 bits of it. */
export function identification(view: DataView, at: number): number {
  return view.getInt32(at + IDENTIFICATION)
}

/** `offset`: bytes, a multiple of 8. */
export function writeFragment(view: DataView, at: number, nextHeader: number, offset: number, more: 0 | 1, identification: number): void {
  view.setInt32(at, (nextHeader << 24) | offset | more)
  view.setInt32(at + IDENTIFICATION, identification)
}
