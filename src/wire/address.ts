/*
 * Addresses between text and int32 words. Off the packet path: these functions allocate.
 *
 * An IPv4 address is one int32, first octet on top. An IPv6 address is four, and so is "any address", where IPv4 is written in
 * its IPv4-mapped form (0, 0, 0x0000ffff, a.b.c.d): one key serves both families (RFC 4291, 2.5.5.2). A MAC address is its
 * upper 16 bits and its lower 32. Text of IPv6 is RFC 5952's canonical form.
 */

import ipaddr from 'ipaddr.js'
import { MAPPED } from './numbers.js'

/** Four int32 words of an IPv6 or IPv4-mapped address, the first one on top. */
export type Words = readonly [number, number, number, number]

/** A MAC address: the upper 16 and the lower 32 bits. */
export interface Mac {
  readonly high: number
  readonly low: number
}

/** `address` as it was written, `network` with the host bits cleared. */
interface Cidr4 {
  readonly address: number
  readonly network: number
  readonly prefix: number
}

interface Cidr6 {
  readonly address: Words
  readonly network: Words
  readonly prefix: number
}

/** 1 to 3 digits without a leading zero: `010` is octal to some and decimal to others, so it is nothing to us. */
const OCTET = /^(?:0|[1-9]\d{0,2})$/
const PREFIX = /^(?:0|[1-9]\d{0,2})$/
/** No zone, no brackets; two colons at least. */
const IPV6 = /^[0-9a-f]*:[0-9a-f]*:[0-9a-f:]*$/i
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i

/** An IPv4 address in dotted decimal, or null. */
export function parse(text: string): number | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let word = 0
  for (const part of parts) {
    if (!OCTET.test(part) || Number(part) > 255) return null
    word = (word << 8) | Number(part)
  }
  return word
}

/** An IPv4 address as dotted decimal. */
export function format(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`
}

/** An IPv6 address in any form of RFC 4291, 2.2, without a zone, or null. */
export function parse6(text: string): Words | null {
  const hex = withoutDots(text)
  if (hex === null || !IPV6.test(hex) || !ipaddr.IPv6.isValid(hex)) return null
  const parts = ipaddr.IPv6.parse(hex).parts
  return [wordOf(parts, 0), wordOf(parts, 2), wordOf(parts, 4), wordOf(parts, 6)]
}

/** The trailing dotted decimal as two groups: the library takes `::1.2.3.4` for a mapped address, and octal octets. */
function withoutDots(text: string): string | null {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const word = parse(text.slice(start))
  return word === null ? null : `${text.slice(0, start)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`
}

function wordOf(parts: readonly number[], at: number): number {
  return (parts[at]! << 16) | parts[at + 1]!
}

/** An IPv6 address in the canonical text of RFC 5952; mapped addresses in mixed notation (section 5). */
export function format6(a0: number, a1: number, a2: number, a3: number): string {
  if (isMapped(a0, a1, a2)) return `::ffff:${format(a3)}`
  const groups: number[] = []
  for (const word of [a0, a1, a2, a3]) groups.push(word >>> 16, word & 0xffff)
  const run = longestZeroRun(groups)
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return run.length < 2 ? hex(0, 8) : `${hex(0, run.start)}::${hex(run.start + run.length, 8)}`
}

/** RFC 5952, 4.2.3: the longest run of zero groups, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  const best = { start: 0, length: 0 }
  let length = 0
  for (let i = 0; i < groups.length; i++) {
    length = groups[i] === 0 ? length + 1 : 0
    if (length > best.length) {
      best.length = length
      best.start = i - length + 1
    }
  }
  return best
}

/** An address of either family as four words (IPv4 becomes IPv4-mapped), or null. */
export function parseAny(text: string): Words | null {
  const word = parse(text)
  return word === null ? parse6(text) : mapped(word)
}

/** Four words as text; an IPv4-mapped address as plain dotted decimal. */
export function formatAny(a0: number, a1: number, a2: number, a3: number): string {
  return isMapped(a0, a1, a2) ? format(a3) : format6(a0, a1, a2, a3)
}

/** The four words of an IPv4 address. */
export function mapped(word: number): Words {
  return [0, 0, MAPPED, word]
}

/** Whether four words (the last one may be anything) hold an IPv4 address. */
export function isMapped(a0: number, a1: number, a2: number): boolean {
  return (a0 | a1 | (a2 ^ MAPPED)) === 0
}

/** fe80::/10 (RFC 4291, 2.5.6): the same on every link, so it leads somewhere only with its interface. */
export function isLinkLocal6([first]: Words): boolean {
  return first >>> 22 === 0xfe80 >>> 6
}

/** The netmask of an IPv4 prefix length, 0..32. */
export function mask(prefix: number): number {
  return prefix === 0 ? 0 : -1 << (32 - prefix)
}

/** The directed broadcast address of an IPv4 network. */
export function broadcast(network: number, prefix: number): number {
  return network | ~mask(prefix)
}

/** Whether an IPv4 address lies in a network. */
export function contains(network: number, prefix: number, word: number): boolean {
  return ((word ^ network) & mask(prefix)) === 0
}

/** `10.0.2.0/24`, or null. Host bits may be set: `10.0.2.100/24` has the network 10.0.2.0. */
export function parseCidr(text: string): Cidr4 | null {
  const [head = '', tail = '', ...rest] = text.split('/')
  const address = parse(head)
  if (address === null || rest.length > 0 || !PREFIX.test(tail) || Number(tail) > 32) return null
  const prefix = Number(tail)
  return { address, network: address & mask(prefix), prefix }
}

/** `fd00::/64`, or null. Host bits may be set. */
export function parseCidr6(text: string): Cidr6 | null {
  const [head = '', tail = '', ...rest] = text.split('/')
  const address = parse6(head)
  if (address === null || rest.length > 0 || !PREFIX.test(tail) || Number(tail) > 128) return null
  const prefix = Number(tail)
  const cut = (word: number, at: number): number => word & mask(Math.min(32, Math.max(0, prefix - 32 * at)))
  return { address, network: [cut(address[0], 0), cut(address[1], 1), cut(address[2], 2), cut(address[3], 3)], prefix }
}

/** `52:55:0a:00:02:02`, or null. */
export function parseMac(text: string): Mac | null {
  if (!MAC.test(text)) return null
  const hex = text.replaceAll(':', '')
  return { high: Number.parseInt(hex.slice(0, 4), 16), low: Number.parseInt(hex.slice(4), 16) | 0 }
}

/** A MAC address in lower case with colons. */
export function formatMac(high: number, low: number): string {
  const hex = (high & 0xffff).toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0')
  return hex.replace(/(..)(?=.)/g, '$1:')
}
