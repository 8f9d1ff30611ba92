// The addresses of a network, worked out from what it is told. The plan is slirp4netns', which clients expect. Of a network:
//
//   IPv4   network+2 gateway    +3 DNS    +100 guest, or the last usable address where there is no such
//   IPv6   network::2 gateway   ::3 DNS   ::100 guest, besides the addresses that it makes itself (RFC 4862)
import { networkInterfaces } from 'node:os'
import type { InterfaceAddresses, Ipv6Addresses } from '../net/address-plan.js'
import { NetloomError } from '../util/errors.js'
import * as address from '../wire/address.js'
import { isGroup } from '../wire/ethernet.js'

export const DEFAULT_CIDR = '10.0.2.0/24'
export const DEFAULT_CIDR6 = 'fd00::/64'
/** Eight addresses: the shortest network with room for gateway, DNS and guest (bits). */
const MAX_PREFIX = 29
/** Where the guest is in a network that is large enough. */
const GUEST_OFFSET = 100
/** The same of IPv6: as text `::100`. */
const GUEST_WORD6 = 0x100
/** Hosts make addresses of a prefix that leaves 64 bits for them (RFC 4862, 5.5.3; RFC 4291, 2.5.1). */
const PREFIX6 = 64

/** Blocks that no guest can live in (RFC 6890): this network, loopback, multicast and reserved. */
const UNUSABLE = [
  { text: '0.0.0.0/8', network: 0, prefix: 8 },
  { text: '127.0.0.0/8', network: 0x7f000000, prefix: 8 },
  { text: '224.0.0.0/3', network: 0xe0000000 | 0, prefix: 3 },
] as const
/** Blocks of IPv6 that no guest can live in, by their first word: unspecified, loopback and mapped addresses; link-local; multicast. */
const UNUSABLE6 = [
  { text: '::/16', word: 0, mask: 0xffff0000 | 0 },
  { text: 'fe80::/10', word: 0xfe800000 | 0, mask: 0xffc00000 | 0 },
  { text: 'ff00::/8', word: 0xff000000 | 0, mask: 0xff000000 | 0 },
] as const

const usage = (code: string, message: string, hint: string): NetloomError => new NetloomError(code, message, hint, 2)

/**
 * Of both families; `cidr6` null: without IPv6.
 * @throws NetloomError `ERR_CIDR`, `ERR_CIDR6`, exit status 2.
 */
export function planAddresses(cidr: string, cidr6: string | null): InterfaceAddresses {
  return { ...planIpv4(cidr), ipv6: cidr6 === null ? undefined : planIpv6(cidr6) }
}

function planIpv4(text: string): InterfaceAddresses {
  const bad = (why: string, hint = `write --cidr as in ${DEFAULT_CIDR}`): NetloomError =>
    usage('ERR_CIDR', `the network (CIDR) '${text}' ${why}`, hint)
  const cidr = address.parseCidr(text)
  if (cidr === null) throw bad('is not an IPv4 network: four numbers of 0 to 255, a slash and a prefix length')
  const { network, prefix } = cidr
  if (prefix < 1 || prefix > MAX_PREFIX)
    throw bad(
      `has a prefix length of ${prefix}, and 1 to ${MAX_PREFIX} leave room for gateway (.2), DNS (.3) and guest`,
      `use one as in ${DEFAULT_CIDR}`,
    )
  if (cidr.address !== network) throw bad('has host bits set', `did you mean ${address.format(network)}/${prefix}?`)
  for (const block of UNUSABLE) {
    const shorter = Math.min(prefix, block.prefix)
    if (address.contains(block.network, shorter, network))
      throw bad(`overlaps ${block.text}, which no host can have`, `use one as in ${DEFAULT_CIDR}`)
  }
  const last = address.broadcast(network, prefix) - 1
  return { network, prefix, gateway: network + 2, dns: network + 3, guest: Math.min(network + GUEST_OFFSET, last) }
}

function planIpv6(text: string): Ipv6Addresses {
  const bad = (why: string, hint = `write --cidr6 as in ${DEFAULT_CIDR6}`): NetloomError =>
    usage('ERR_CIDR6', `the IPv6 network (CIDR) '${text}' ${why}`, hint)
  const cidr = address.parseCidr6(text)
  if (cidr === null) throw bad('is not an IPv6 network: an address, a slash and a prefix length')
  const { network, prefix } = cidr
  if (prefix !== PREFIX6) throw bad(`has a prefix length of ${prefix}, and hosts make their addresses of ${PREFIX6} (RFC 4862)`)
  if (cidr.address.some((word, i) => word !== network[i]))
    throw bad('has host bits set', `did you mean ${address.format6(...network)}/${prefix}?`)
  for (const block of UNUSABLE6) {
    if (((network[0] ^ block.word) & block.mask) === 0)
      throw bad(`lies in ${block.text}, which no network can have`, `use one as in ${DEFAULT_CIDR6}`)
  }
  const of = (last: number): address.Words => [network[0], network[1], network[2], last]
  return { network, prefix, gateway: of(2), dns: of(3), guest: of(GUEST_WORD6) }
}

/**
 * A MAC address for the guest's interface, as text in lower case.
 * @throws NetloomError `ERR_MAC`, exit status 2.
 */
export function checkMac(text: string): string {
  const bad = (why: string): NetloomError =>
    usage('ERR_MAC', `the MAC address '${text}' ${why}`, 'write six hexadecimal bytes, as in 02:00:00:00:00:01')
  const mac = address.parseMac(text)
  if (mac === null) throw bad('is not six hexadecimal bytes with colons between')
  if (isGroup(mac.high)) throw bad('is that of a group (the last bit of its first byte is set)')
  if ((mac.high | mac.low) === 0) throw bad('is that of nobody')
  return address.formatMac(mac.high, mac.low)
}

/**
 * The address that an option names, by itself or by the interface that has it: four words.
 * @throws NetloomError `ERR_OUTBOUND`, exit status 2.
 */
export function resolveOutbound(text: string, family: 4 | 6, interfaces = networkInterfaces()): address.Words {
  const flag = family === 4 ? '--outbound-addr' : '--outbound-addr6'
  const own = interfaces[text]
  // What is of the link has a meaning only with its interface.
  const found = own?.find((one) => one.family === `IPv${family}` && !one.address.startsWith('fe80:'))
  if (own !== undefined && found === undefined)
    throw usage('ERR_OUTBOUND', `the interface '${text}' has no IPv${family} address to send from`, `see \`ip -${family} address\``)
  const words = address.parseAny(found?.address ?? text)
  if (words === null || address.isMapped(words[0], words[1], words[2]) !== (family === 4))
    throw usage(
      'ERR_OUTBOUND',
      `'${text}' is neither an IPv${family} address nor an interface of this host`,
      `give ${flag} one of those in \`ip address\``,
    )
  const all = Object.values(interfaces).flatMap((list) => list ?? [])
  const isOwn = all.some((one) => String(address.parseAny(one.address)) === String(words))
  if (!isOwn) throw usage('ERR_OUTBOUND', `the address ${text} is none of this host`, `give ${flag} one of those in \`ip address\``)
  return words
}

/** The interface that such an option names; null: it is left out, or is an address. */
export function outboundInterface(text: string | undefined): string | null {
  return text === undefined || address.parseAny(text) !== null ? null : text
}
