/*
 * Neighbor discovery, RFC 4861: the messages of section 4 and what makes them valid (6.1, 7.1, 8.1); addresses, RFC 4291, 2.5.1, 2.7.1
 * and RFC 2464. The options are in ndp-options.ts.
 *
 *     solicitation of routers (133)    type code checksum | reserved (4)                                      | options
 *     router advertisement (134)       type code checksum | hops flags lifetime | reachable (4) | retrans (4) | options
 *     neighbor solicitation (135)      type code checksum | reserved (4)        | target (16)                 | options
 *     neighbor advertisement (136)     type code checksum | R S O 0             | target (16)                 | options
 *     redirect (137)                   type code checksum | reserved (4)        | target (16) | about (16)    | options
 *     offsets                          0    1    2          4    5     6          8             12 or 24
 *
 * Whether a message counts depends on the IPv6 header before it and on its options. So `isValid` takes the offset of both, leaves the
 * options in the columns of ndp-options.ts, and checks all that the RFC asks for but two: the checksum, and that the packet came whole,
 * not in fragments (RFC 6980, 5). What it refuses is dropped without a word.
 */

import * as icmpv6 from './icmpv6.js'
import * as ipv6 from './ipv6.js'
import * as options from './ndp-options.js'

const CODE = 1
const HOP_LIMIT = 4
const ROUTER_FLAGS = 5
const ROUTER_LIFETIME = 6
const REACHABLE_TIME = 8
const RETRANS_TIMER = 12
const NEIGHBOR_FLAGS = 4
const TARGET = 8
const ABOUT = 24

// Once for this file and once for the others, as in tcp-options.ts.
const TYPE_ROUTER_SOLICITATION = 133
const TYPE_ROUTER_ADVERTISEMENT = 134
const TYPE_NEIGHBOR_SOLICITATION = 135
const TYPE_NEIGHBOR_ADVERTISEMENT = 136
const TYPE_REDIRECT = 137

export const ROUTER_SOLICITATION = TYPE_ROUTER_SOLICITATION
export const ROUTER_ADVERTISEMENT = TYPE_ROUTER_ADVERTISEMENT
export const NEIGHBOR_SOLICITATION = TYPE_NEIGHBOR_SOLICITATION
export const NEIGHBOR_ADVERTISEMENT = TYPE_NEIGHBOR_ADVERTISEMENT
export const REDIRECT = TYPE_REDIRECT

/** Bytes without options. */
export const ROUTER_SOLICITATION_LENGTH = 8
export const ROUTER_ADVERTISEMENT_LENGTH = 16
export const NEIGHBOR_LENGTH = 24
const REDIRECT_LENGTH = 40

/** No router forwards with it: the packet is a neighbor's (RFC 4861, 3.1). */
export const NEIGHBOR_HOP_LIMIT = 255

/** Flags of a router advertisement. */
export const MANAGED = 0x80
export const OTHER_CONFIGURATION = 0x40

/** Flags of a neighbor advertisement. */
export const ROUTER = 0x80000000 | 0
export const SOLICITED = 0x40000000
export const OVERRIDE = 0x20000000

/** Bytes before the options of a message of this type, or 0 where it is none of neighbor discovery. */
function optionsOffset(type: number): number {
  switch (type) {
    case TYPE_ROUTER_SOLICITATION:
      return ROUTER_SOLICITATION_LENGTH
    case TYPE_ROUTER_ADVERTISEMENT:
      return ROUTER_ADVERTISEMENT_LENGTH
    case TYPE_NEIGHBOR_SOLICITATION:
    case TYPE_NEIGHBOR_ADVERTISEMENT:
      return NEIGHBOR_LENGTH
    case TYPE_REDIRECT:
      return REDIRECT_LENGTH
    default:
      return 0
  }
}

/** The message of `length` bytes at `at` behind the valid IPv6 header at `ip`; its options are in `found` then. */
export function isValid(view: DataView, ip: number, at: number, length: number, found: Int32Array): boolean {
  if (length < ROUTER_SOLICITATION_LENGTH) return false
  const type = icmpv6.type(view, at)
  const head = optionsOffset(type)
  if (head === 0 || length < head || view.getUint8(at + CODE) !== 0 || ipv6.hopLimit(view, ip) !== NEIGHBOR_HOP_LIMIT) return false
  return options.parse(view, at, head, length, found) && addressesFit(view, ip, at, type, found)
}

function addressesFit(view: DataView, ip: number, at: number, type: number, found: Int32Array): boolean {
  switch (type) {
    case TYPE_ROUTER_SOLICITATION:
      // RFC 4861, 6.1.1: who has no address yet cannot be a neighbor with a link-layer address.
      return !isFromUnspecified(view, ip) || found[options.HAS_SOURCE_LINK] === 0
    case TYPE_ROUTER_ADVERTISEMENT:
      return ipv6.isLinkLocal(ipv6.source(view, ip, 0))
    case TYPE_NEIGHBOR_SOLICITATION:
      if (ipv6.isMulticast(target(view, at, 0))) return false
      // RFC 4861, 7.1.1: duplicate address detection.
      return !isFromUnspecified(view, ip) || (found[options.HAS_SOURCE_LINK] === 0 && isToSolicitedNode(view, ip))
    case TYPE_NEIGHBOR_ADVERTISEMENT:
      if (ipv6.isMulticast(target(view, at, 0))) return false
      // RFC 4861, 7.1.2: the answer to one goes to that one.
      return !ipv6.isMulticast(ipv6.destination(view, ip, 0)) || (neighborFlags(view, at) & SOLICITED) === 0
    default:
      return redirectFits(view, ip, at)
  }
}

/** RFC 4861, 8.1. */
function redirectFits(view: DataView, ip: number, at: number): boolean {
  if (!ipv6.isLinkLocal(ipv6.source(view, ip, 0)) || ipv6.isMulticast(redirected(view, at, 0))) return false
  return ipv6.isLinkLocal(target(view, at, 0)) || isOnLinkRedirect(view, at)
}

/** The destination is a neighbor itself. */
function isOnLinkRedirect(view: DataView, at: number): boolean {
  return (
    target(view, at, 0) === redirected(view, at, 0) &&
    target(view, at, 1) === redirected(view, at, 1) &&
    target(view, at, 2) === redirected(view, at, 2) &&
    target(view, at, 3) === redirected(view, at, 3)
  )
}

function isFromUnspecified(view: DataView, ip: number): boolean {
  return ipv6.isUnspecified(ipv6.source(view, ip, 0), ipv6.source(view, ip, 1), ipv6.source(view, ip, 2), ipv6.source(view, ip, 3))
}

function isToSolicitedNode(view: DataView, ip: number): boolean {
  return isSolicitedNode(
    ipv6.destination(view, ip, 0),
    ipv6.destination(view, ip, 1),
    ipv6.destination(view, ip, 2),
    ipv6.destination(view, ip, 3),
  )
}

/** Of a router advertisement: for the hosts to use; 0 leaves it to them. */
export function routerHopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT)
}

/** Of a router advertisement. */
export function routerFlags(view: DataView, at: number): number {
  return view.getUint8(at + ROUTER_FLAGS)
}

/** Of a router advertisement, seconds; 0: not a default router. */
export function routerLifetime(view: DataView, at: number): number {
  return view.getUint16(at + ROUTER_LIFETIME)
}

/** Of a router advertisement, ms as int32; 0 leaves it to the hosts. */
export function reachableTime(view: DataView, at: number): number {
  return view.getInt32(at + REACHABLE_TIME)
}

/** Of a router advertisement, ms as int32; 0 leaves it to the hosts. */
export function retransTimer(view: DataView, at: number): number {
  return view.getInt32(at + RETRANS_TIMER)
}

/** Of a neighbor advertisement: ROUTER, SOLICITED, OVERRIDE. */
export function neighborFlags(view: DataView, at: number): number {
  return view.getInt32(at + NEIGHBOR_FLAGS)
}

/** A word of what is asked for, told about, or the better hop of a redirect. */
export function target(view: DataView, at: number, word: number): number {
  return view.getInt32(at + TARGET + (word << 2))
}

/** A word of the destination that a redirect is about. */
export function redirected(view: DataView, at: number, word: number): number {
  return view.getInt32(at + ABOUT + (word << 2))
}

/** The 8 bytes of a router solicitation, checksum 0. */
export function writeRouterSolicitation(view: DataView, at: number): void {
  icmpv6.write(view, at, TYPE_ROUTER_SOLICITATION, 0, 0)
}

/** The 16 bytes of a router advertisement, checksum 0; lifetime in seconds, times in ms. */
export function writeRouterAdvertisement(
  view: DataView,
  at: number,
  hopLimit: number,
  flags: number,
  lifetime: number,
  reachableTime: number,
  retransTimer: number,
): void {
  icmpv6.write(view, at, TYPE_ROUTER_ADVERTISEMENT, 0, (hopLimit << 24) | (flags << 16) | lifetime)
  view.setInt32(at + REACHABLE_TIME, reachableTime)
  view.setInt32(at + RETRANS_TIMER, retransTimer)
}

/** The 24 bytes of a neighbor solicitation, checksum 0. */
export function writeNeighborSolicitation(view: DataView, at: number, t0: number, t1: number, t2: number, t3: number): void {
  writeNeighbor(view, at, TYPE_NEIGHBOR_SOLICITATION, 0, t0, t1, t2, t3)
}

/** The 24 bytes of a neighbor advertisement, checksum 0. */
export function writeNeighborAdvertisement(
  view: DataView,
  at: number,
  flags: number,
  t0: number,
  t1: number,
  t2: number,
  t3: number,
): void {
  writeNeighbor(view, at, TYPE_NEIGHBOR_ADVERTISEMENT, flags, t0, t1, t2, t3)
}

function writeNeighbor(view: DataView, at: number, type: number, flags: number, t0: number, t1: number, t2: number, t3: number): void {
  icmpv6.write(view, at, type, 0, flags)
  view.setInt32(at + TARGET, t0)
  view.setInt32(at + TARGET + 4, t1)
  view.setInt32(at + TARGET + 8, t2)
  view.setInt32(at + TARGET + 12, t3)
}

/** The first three words of a solicited-node address, `ff02::1:ff00:0/104` (RFC 4291, 2.7.1); `solicitedNode` is the fourth. */
export const SOLICITED_NODE_0 = 0xff020000 | 0
export const SOLICITED_NODE_1 = 0
export const SOLICITED_NODE_2 = 1

/** The last word of the solicited-node address of an address, of its last word. */
export function solicitedNode(word3: number): number {
  return 0xff000000 | (word3 & 0x00ffffff)
}

export function isSolicitedNode(word0: number, word1: number, word2: number, word3: number): boolean {
  return word0 === (0xff020000 | 0) && word1 === 0 && word2 === 1 && word3 >>> 24 === 0xff
}

/** The first two words of a link-local address, `fe80::/64`. */
export const LINK_LOCAL_0 = 0xfe800000 | 0
export const LINK_LOCAL_1 = 0
