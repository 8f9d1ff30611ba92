// Addresses by which something on this host may be reached from its own sockets, or what is only there for it: for networks that are to reach nothing
// of it (option `host: false`). All that the kernel takes for its own (addresses of every interface, whatever the table that they are in,
// local, broadcast and anycast routes), and besides:
//
//     loopback and "this host"                     127/8, 0/8, ::, ::1
//     link-local                                   169.254/16, fe80::/10: metadata services among them
//     metadata services elsewhere                  of Azure, Alibaba Cloud; of AWS and Google by IPv6
//     any of these behind a prefix of NAT64        64:ff9b::/96, 64:ff9b:1::/48 (RFC 6052, 2.2; RFC 8215)
import { type AddressFilter, AddressSet, type Prefix } from '../net/address-set.js'
import { mapped, parseAny, parseCidr6, type Words } from '../wire/address.js'
import { MAPPED } from '../wire/numbers.js'
import type { HostAddress, HostAddresses } from './host-addresses.js'

const IPV4_BITS = 32
const IPV6_BITS = 128
/** Bits that IPv4 is mapped behind. */
const MAPPED_BITS = IPV6_BITS - IPV4_BITS

const FIXED: readonly string[] = [
  '127.0.0.0/8',
  '0.0.0.0/8',
  '::/128',
  '::1/128',
  '169.254.0.0/16',
  'fe80::/10',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
]

function prefixOf(text: string): Prefix {
  const [address = '', length = ''] = text.split('/')
  const words = parseAny(address)!
  return { words, length: Number(length) + (address.includes(':') ? 0 : MAPPED_BITS) }
}

const fixed = FIXED.map(prefixOf)

/** The first words of NAT64's prefixes. */
const NAT64_0 = parseCidr6('64:ff9b::/96')!.address[0]
const NAT64_LOCAL_TOP = 1

/** The prefixes that one address of an interface stands for: itself, and what is broadcast on its link. */
function prefixesOf({ words, family, prefix, broadcast }: HostAddress): Prefix[] {
  const own = [{ words, length: IPV6_BITS }]
  if (family === 6) return own
  if (broadcast !== null) own.push({ words: broadcast, length: IPV6_BITS })
  if (prefix >= IPV4_BITS - 1) return own
  // Of the network in its new form and in its old (RFC 1122, 3.2.1.3).
  const host = prefix === 0 ? -1 : ~(-1 << (IPV4_BITS - prefix))
  return [...own, { words: mapped(words[3] | host), length: IPV6_BITS }, { words: mapped(words[3] & ~host), length: IPV6_BITS }]
}

export class LocalAddresses implements AddressFilter {
  readonly #host: Pick<HostAddresses, 'addresses' | 'routes' | 'isKnown'>
  readonly #embedded = new Int32Array(4)
  #set: AddressSet

  constructor(host: Pick<HostAddresses, 'addresses' | 'routes' | 'isKnown'>) {
    this.#host = host
    this.#set = this.#made()
  }

  /** What the host has may have changed. */
  update(): void {
    this.#set = this.#made()
  }

  // While it is not known what the host has, anything may be.
  has(words: Int32Array, at: number): boolean {
    return !this.#host.isKnown || this.#set.has(words, at) || this.#isTranslated(words, at)
  }

  #made(): AddressSet {
    return new AddressSet([...fixed, ...this.#host.routes, ...this.#host.addresses.flatMap(prefixesOf)])
  }

  // A host with a translator of its own (CLAT) would bring it to itself.
  #isTranslated(words: Int32Array, at: number): boolean {
    if (words[at] !== NAT64_0) return false
    const word1 = words[at + 1]!
    const word2 = words[at + 2]!
    if (word1 === 0) return word2 === 0 && this.#hasIpv4(words[at + 3]!)
    if (word1 >>> 16 !== NAT64_LOCAL_TOP) return false
    // RFC 6052, 2.2: behind 48, 56 or 64 bits, with bits 64 to 71 left out; or behind any 96 of them. Whoever runs it has chosen which.
    const word3 = words[at + 3]!
    return (
      this.#hasIpv4(word3) ||
      this.#hasIpv4((word1 << 16) | ((word2 >>> 8) & 0xffff)) ||
      this.#hasIpv4((word1 << 24) | (word2 & 0xffffff)) ||
      this.#hasIpv4((word2 << 8) | (word3 >>> 24))
    )
  }

  #hasIpv4(address: number): boolean {
    const words = this.#embedded
    words[2] = MAPPED
    words[3] = address
    return this.#set.has(words, 0)
  }
}

/** The words of a filter's question. */
export const filtered = (filter: AddressFilter, words: Words): boolean => filter.has(Int32Array.from(words), 0)
