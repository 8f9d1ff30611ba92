/*
 * A server's replies, RFC 2131, 4.3 and table 3: OFFER, ACK and NAK, with the options of RFC 2132, RFC 3397 (domain search), RFC 3442
 * (classless routes) and RFC 6842 (the client identifier comes back).
 *
 *     message type | server | client identifier | lease, T1, T2 | what was asked for, in that order | end | zeros
 *
 * Each option is written whole or not at all: what does not fit in `limit` bytes is left out, and what comes later may fit. The options
 * before those asked for always fit in the 548 bytes that every client takes. DNS servers are told as many as fit.
 */

import * as dhcpv4 from './dhcpv4.js'
import * as options from './dhcpv4-options.js'

/** What a network tells its clients; filled once. 0 and empty arrays: nothing to tell. */
export interface Configuration {
  /** Address of the server. */
  readonly server: number
  /** Seconds; -1: for ever. */
  readonly lease: number
  readonly mask: number
  readonly broadcast: number
  readonly router: number
  readonly mtu: number
  readonly dns: Int32Array
  /** ASCII, without a zero. */
  readonly hostName: Uint8Array
  /** ASCII, without a zero. */
  readonly domainName: Uint8Array
  /** In wire format: domain-names.ts. */
  readonly domainSearch: Uint8Array
}

const SUBNET_MASK = 1
const ROUTER = 3
const DOMAIN_NAME_SERVER = 6
const HOST_NAME = 12
const DOMAIN_NAME = 15
const INTERFACE_MTU = 26
const BROADCAST_ADDRESS = 28
const LEASE_TIME = 51
const MESSAGE_TYPE = 53
const SERVER_IDENTIFIER = 54
const RENEWAL_TIME = 58
const REBINDING_TIME = 59
const CLIENT_IDENTIFIER = 61
const DOMAIN_SEARCH = 119
const CLASSLESS_STATIC_ROUTE = 121
const END = 255

/** What a client that asks for nothing is told, in the order of a client's usual list. The routes say no more than the router. */
const EVERYTHING = Uint8Array.of(
  SUBNET_MASK,
  BROADCAST_ADDRESS,
  ROUTER,
  DOMAIN_NAME_SERVER,
  DOMAIN_NAME,
  DOMAIN_SEARCH,
  HOST_NAME,
  INTERFACE_MTU,
)

/** Bytes of the IP datagram that every client takes (RFC 2131, 2), and of the headers in it. */
const MINIMUM_DATAGRAM = 576
const HEADERS = 20 + 8

/** Bytes: BOOTP's length, which some clients and relays insist on (RFC 1542, 2.1). */
const MINIMUM_LENGTH = 300

/** Bytes of a value that one option holds. */
const MAX_VALUE = 255

/** Bytes that a reply may have: 548, more where the client says so (RFC 2132, 9.10) and the datagram fits in `mtu` in one piece. */
export function limit(found: Int32Array, mtu: number): number {
  return Math.max(MINIMUM_DATAGRAM, Math.min(found[options.MAX_SIZE]!, mtu)) - HEADERS
}

/**
 * An OFFER, or an ACK with the address `yiaddr`; with 0, the ACK to an INFORM, which tells no lease (RFC 2131, 4.3.5). The request is at
 * `request` in the same view, its options in `found`. Returns the bytes written, at most `limit`.
 */
export function write(
  view: DataView,
  at: number,
  limit: number,
  type: number,
  request: number,
  found: Int32Array,
  yiaddr: number,
  configuration: Configuration,
): number {
  // RFC 2131, table 3: an OFFER has no ciaddr, an ACK has the request's.
  dhcpv4.writeReply(view, at, request, type === dhcpv4.ACK ? dhcpv4.ciaddr(view, request) : 0, yiaddr)
  let i = writeHead(view, at, type, request, found, configuration.server)
  if (yiaddr !== 0) i = writeLease(view, i, configuration.lease)
  i = writeAsked(view, i, at + limit - 1, request, found, configuration)
  return finish(view, at, i)
}

/** A NAK: nothing but who says so (RFC 2131, table 3). Returns the bytes written. */
export function writeNak(view: DataView, at: number, request: number, found: Int32Array, server: number): number {
  dhcpv4.writeReply(view, at, request, 0, 0)
  // RFC 2131, 4.3.2: on its way through a relay it is for a client that may not have the address it is asking for.
  if (dhcpv4.giaddr(view, request) !== 0) dhcpv4.setBroadcast(view, at)
  return finish(view, at, writeHead(view, at, dhcpv4.NAK, request, found, server))
}

function writeHead(view: DataView, at: number, type: number, request: number, found: Int32Array, server: number): number {
  let i = at + dhcpv4.HEADER_LENGTH
  view.setUint16(i, (MESSAGE_TYPE << 8) | 1)
  view.setUint8(i + 2, type)
  i = writeWord(view, i + 3, SERVER_IDENTIFIER, server)
  // RFC 6842, 3. The longest leaves room for all that must be told.
  const length = found[options.CLIENT_IDENTIFIER_LENGTH]!
  if (length === 0) return i
  view.setUint16(i, (CLIENT_IDENTIFIER << 8) | length)
  copyWithin(view, request + found[options.CLIENT_IDENTIFIER]!, i + 2, length)
  return i + 2 + length
}

/** RFC 2131, 4.4.5: renewed after half of it, from anybody after seven eighths. */
function writeLease(view: DataView, at: number, lease: number): number {
  const seconds = lease >>> 0
  const renewal = lease === -1 ? -1 : seconds >>> 1
  const rebinding = lease === -1 ? -1 : seconds - (seconds >>> 3)
  const i = writeWord(view, at, LEASE_TIME, lease)
  return writeWord(view, writeWord(view, i, RENEWAL_TIME, renewal), REBINDING_TIME, rebinding)
}

/** RFC 2131, 4.3.1: what the client asks for, in its order. `end` is where the last byte must be left free. */
function writeAsked(view: DataView, at: number, end: number, request: number, found: Int32Array, configuration: Configuration): number {
  const list = request + found[options.PARAMETER_LIST]!
  const listed = found[options.PARAMETER_COUNT]!
  const count = listed === 0 ? EVERYTHING.length : listed
  let i = at
  // One bit for each option told: a list may name one twice.
  let told = 0
  for (let n = 0; n < count; n++) {
    const code = listed === 0 ? EVERYTHING[n]! : view.getUint8(list + n)
    // RFC 2132, 3.3: the mask comes before the router.
    if (code === ROUTER && (told & bit(SUBNET_MASK)) === 0) {
      i = writeParameter(view, i, end, SUBNET_MASK, configuration)
      told |= bit(SUBNET_MASK)
    }
    if ((told & bit(code)) === 0) i = writeParameter(view, i, end, code, configuration)
    told |= bit(code)
  }
  return i
}

/** Of the options we tell, two are above 30: they have the bits of 0, which is no option's code, and of 31, which we do not tell. */
function bit(code: number): number {
  if (code === DOMAIN_SEARCH) return 1
  if (code === CLASSLESS_STATIC_ROUTE) return 1 << 31
  return code > 0 && code < 31 ? 1 << code : 0
}

/** Returns the place behind it, or `at` when there is nothing to tell or no room. */
function writeParameter(view: DataView, at: number, end: number, code: number, configuration: Configuration): number {
  switch (code) {
    case SUBNET_MASK:
      return writeAddress(view, at, end, code, configuration.mask)
    case ROUTER:
      return writeAddress(view, at, end, code, configuration.router)
    case BROADCAST_ADDRESS:
      return writeAddress(view, at, end, code, configuration.broadcast)
    case DOMAIN_NAME_SERVER:
      return writeAddresses(view, at, end, code, configuration.dns)
    case INTERFACE_MTU:
      return writeMtu(view, at, end, configuration.mtu)
    case HOST_NAME:
      return writeBytes(view, at, end, code, configuration.hostName)
    case DOMAIN_NAME:
      return writeBytes(view, at, end, code, configuration.domainName)
    case DOMAIN_SEARCH:
      return writeBytes(view, at, end, code, configuration.domainSearch)
    case CLASSLESS_STATIC_ROUTE:
      return writeDefaultRoute(view, at, end, configuration.router)
    default:
      return at
  }
}

function writeWord(view: DataView, at: number, code: number, value: number): number {
  view.setUint16(at, (code << 8) | 4)
  view.setInt32(at + 2, value)
  return at + 6
}

function writeAddress(view: DataView, at: number, end: number, code: number, address: number): number {
  return address === 0 || end - at < 6 ? at : writeWord(view, at, code, address)
}

function writeAddresses(view: DataView, at: number, end: number, code: number, addresses: Int32Array): number {
  const count = Math.min(addresses.length, MAX_VALUE >> 2, (end - at - 2) >> 2)
  if (count <= 0) return at
  view.setUint16(at, (code << 8) | (count << 2))
  for (let i = 0; i < count; i++) view.setInt32(at + 2 + 4 * i, addresses[i]!)
  return at + 2 + 4 * count
}

function writeMtu(view: DataView, at: number, end: number, mtu: number): number {
  if (mtu === 0 || end - at < 4) return at
  view.setInt32(at, (INTERFACE_MTU << 24) | (2 << 16) | mtu)
  return at + 4
}

/** RFC 3442: who asks for these may not heed the router, so the one route is here as well. */
function writeDefaultRoute(view: DataView, at: number, end: number, router: number): number {
  if (router === 0 || end - at < 7) return at
  view.setUint16(at, (CLASSLESS_STATIC_ROUTE << 8) | 5)
  // A prefix of no bits, whose network has no bytes.
  view.setUint8(at + 2, 0)
  view.setInt32(at + 3, router)
  return at + 7
}

/** In as many options of the same code as it takes (RFC 3396, 5). */
function writeBytes(view: DataView, at: number, end: number, code: number, value: Uint8Array): number {
  const pieces = Math.ceil(value.length / MAX_VALUE)
  if (end - at < value.length + 2 * pieces) return at
  let i = at
  for (let from = 0; from < value.length; from += MAX_VALUE) {
    const size = Math.min(MAX_VALUE, value.length - from)
    view.setUint16(i, (code << 8) | size)
    for (let n = 0; n < size; n++) view.setUint8(i + 2 + n, value[from + n]!)
    i += 2 + size
  }
  return i
}

function copyWithin(view: DataView, from: number, to: number, length: number): void {
  for (let i = 0; i < length; i++) view.setUint8(to + i, view.getUint8(from + i))
}

/** The end, and zeros up to BOOTP's length. */
function finish(view: DataView, at: number, end: number): number {
  view.setUint8(end, END)
  let i = end + 1
  for (; i < at + MINIMUM_LENGTH; i++) view.setUint8(i, 0)
  return i - at
}
