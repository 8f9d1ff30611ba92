/*
 * One line of text for an ICMPv6 message, the part of describe.ts that knows neighbor discovery. Off the packet path: it allocates.
 *
 *     icmp6 who has fd00::2, from 4a:ad:be:ef:10:64
 *     icmp6 fd00::2 is at 52:55:0a:00:02:02 (router, solicited, override)
 */

import * as address from './address.js'
import * as icmpv6 from './icmpv6.js'
import * as ndp from './ndp.js'
import * as options from './ndp-options.js'

const NAMES: Readonly<Record<number, string>> = {
  [icmpv6.UNREACHABLE]: 'unreachable',
  [icmpv6.PACKET_TOO_BIG]: 'packet too big',
  [icmpv6.TIME_EXCEEDED]: 'time exceeded',
  [icmpv6.PARAMETER_PROBLEM]: 'parameter problem',
  [icmpv6.ECHO]: 'echo',
  [icmpv6.ECHO_REPLY]: 'echo reply',
  [ndp.ROUTER_SOLICITATION]: 'router solicitation',
  [ndp.ROUTER_ADVERTISEMENT]: 'router advertisement',
  [ndp.NEIGHBOR_SOLICITATION]: 'neighbor solicitation',
  [ndp.NEIGHBOR_ADVERTISEMENT]: 'neighbor advertisement',
  [ndp.REDIRECT]: 'redirect',
}

/** The message of `length` bytes at `at` behind the IPv6 header at `ip`. */
export function describeIcmp6(view: DataView, ip: number, at: number, length: number): string {
  if (!icmpv6.isValid(view, at, length)) return `icmp6: truncated, ${length} bytes`
  const type = icmpv6.type(view, at)
  const name = NAMES[type] ?? `type ${type}`
  switch (type) {
    case icmpv6.ECHO:
    case icmpv6.ECHO_REPLY: {
      const numbers = `id ${icmpv6.identifier(view, at)} seq ${icmpv6.sequence(view, at)}`
      return `icmp6 ${name} ${numbers} len ${length - icmpv6.HEADER_LENGTH}`
    }
    case icmpv6.PACKET_TOO_BIG:
      return `icmp6 ${name} mtu ${icmpv6.mtu(view, at)} len ${length}`
    case icmpv6.PARAMETER_PROBLEM:
      return `icmp6 ${name} code ${icmpv6.code(view, at)} at ${icmpv6.pointer(view, at)} len ${length}`
    case ndp.ROUTER_SOLICITATION:
    case ndp.ROUTER_ADVERTISEMENT:
    case ndp.NEIGHBOR_SOLICITATION:
    case ndp.NEIGHBOR_ADVERTISEMENT:
    case ndp.REDIRECT: {
      const found = new Int32Array(options.COLUMNS)
      return ndp.isValid(view, ip, at, length, found) ? `icmp6 ${describeNeighbor(view, at, type, found)}` : `icmp6 ${name}: not valid`
    }
    default:
      return `icmp6 ${name} code ${icmpv6.code(view, at)} len ${length}`
  }
}

function describeNeighbor(view: DataView, at: number, type: number, found: Int32Array): string {
  const sender = found[options.HAS_SOURCE_LINK] === 1 ? mac(found, options.SOURCE_HIGH) : 'nobody'
  switch (type) {
    case ndp.ROUTER_SOLICITATION:
      return `router solicitation, from ${sender}`
    case ndp.ROUTER_ADVERTISEMENT:
      return `router advertisement, from ${sender}, lifetime ${ndp.routerLifetime(view, at)}${describeTold(view, at, found)}`
    case ndp.NEIGHBOR_SOLICITATION:
      return `who has ${target(view, at)}, from ${sender}`
    case ndp.NEIGHBOR_ADVERTISEMENT: {
      const set = ndp.neighborFlags(view, at)
      const flags = [set & ndp.ROUTER ? 'router' : '', set & ndp.SOLICITED ? 'solicited' : '', set & ndp.OVERRIDE ? 'override' : '']
      const owner = found[options.HAS_TARGET_LINK] === 1 ? mac(found, options.TARGET_HIGH) : 'the same place'
      return `${target(view, at)} is at ${owner} (${flags.filter((flag) => flag !== '').join(', ')})`
    }
    default:
      return `redirect for ${words((word) => ndp.redirected(view, at, word))} to ${target(view, at)}`
  }
}

/** What a router tells its hosts. */
function describeTold(view: DataView, at: number, found: Int32Array): string {
  const parts: string[] = []
  if (found[options.MTU] !== 0) parts.push(`mtu ${found[options.MTU]}`)
  const prefix = at + found[options.PREFIX_AT]!
  if (prefix !== at) parts.push(`prefix ${words((word) => options.prefix(view, prefix, word))}/${options.prefixLength(view, prefix)}`)
  const servers = at + found[options.RDNSS_AT]!
  for (let i = 0; servers !== at && i < options.serverCount(view, servers); i++) {
    parts.push(`dns ${words((word) => options.server(view, servers, i, word))}`)
  }
  return parts.map((part) => `, ${part}`).join('')
}

function target(view: DataView, at: number): string {
  return words((word) => ndp.target(view, at, word))
}

function words(read: (word: number) => number): string {
  return address.format6(read(0), read(1), read(2), read(3))
}

function mac(found: Int32Array, column: number): string {
  return address.formatMac(found[column]!, found[column + 1]!)
}
