// Port forwards as people write them, read and checked before anything is opened:
//
//   [HOSTADDR:]HOSTPORT[-END]:GUESTPORT[-END][/tcp|udp|tcp4|tcp6|udp4|udp6]
//
// With a 6 at its end both ends are of IPv6: the sandbox sees clients by their own addresses.
//
//   8080:80   127.0.0.1:8080:80   [::1]:8080:80   8000-8099:9000-9099   eth0:8080:80   127.0.0.1::80   80   53:53/udp
import { networkInterfaces } from 'node:os'
import { NetloomError } from '../util/errors.js'
import * as address from '../wire/address.js'

/** The ways that a published port's connections can go on. */
export const DRIVERS = ['auto', 'tap', 'direct'] as const
export type PublishDriver = (typeof DRIVERS)[number]

export type PublishProtocol = 'tcp' | 'udp'

/** Ports of the host that lead to ports of the sandbox. */
export interface PublishOptions {
  /** Address of the host to listen on, IPv4 or IPv6. Default: every address of both families. */
  readonly hostAddress?: string
  /**
   * Interface of the host to listen on in place of an address: at every address that it has, which is followed as they come and go. Link-local
   * addresses are left out. It has to have one when it is published.
   */
  readonly hostInterface?: string
  /** Addresses of which family, with `hostInterface`. Default: of both. */
  readonly hostFamily?: 4 | 6
  /** Port of the host, 0 to 65,535; 0, the default: one that is free. */
  readonly hostPort?: number
  /** Port of the sandbox, 1 to 65,535. */
  readonly guestPort: number
  /** Address of the sandbox, or of somebody behind its interface, IPv4 or IPv6. Default: the sandbox's IPv4 address. */
  readonly guestAddress?: string
  /** Family of the sandbox's address where that is not given: 6 asks for its IPv6 address. Default 4. */
  readonly guestFamily?: 4 | 6
  /** Default `tcp`. */
  readonly protocol?: PublishProtocol
  /**
   * How connections go on. `tap`: over the interface, from the client's own address and port where the sandbox can answer those. `direct`: past
   * it, from kernel to kernel, at several times the speed; the server sees a client in the sandbox itself, with the address that it was
   * reached at. `auto`: direct for clients on the host's loopback, as long as the server can be reached so, and tap for all others. Default: the
   * network's (`publishDriver`).
   */
  readonly driver?: PublishDriver
}

/**
 * A driver, as it was written.
 * @throws NetloomError `ERR_DRIVER`, exit status 2.
 */
export function checkDriver(text: string): PublishDriver {
  const driver = DRIVERS.find((name) => name === text)
  if (driver !== undefined) return driver
  throw new NetloomError('ERR_DRIVER', `there is no driver '${text}' for published ports`, `use ${DRIVERS.join(', ')}`, 2)
}

const MAX_PORT = 65_535
const HELP = 'write [HOSTADDR:]HOSTPORT:GUESTPORT, as in 127.0.0.1:8080:80'
const FAMILIES = { tcp: 0, tcp4: 4, tcp6: 6, udp: 0, udp4: 4, udp6: 6 } as const
type Interfaces = ReturnType<typeof networkInterfaces>
type Where = Pick<PublishOptions, 'hostAddress' | 'hostInterface' | 'hostFamily'>
type Family = (typeof FAMILIES)[keyof typeof FAMILIES]

const usage = (text: string, why: string, hint = HELP): NetloomError =>
  new NetloomError('ERR_PUBLISH', `the port forward '${text}' ${why}`, hint, 2)

/**
 * The forwards that a command line's texts stand for, parted by commas; ranges are spread out.
 * @throws NetloomError `ERR_PUBLISH`, exit status 2.
 */
export function parsePublish(texts: string, interfaces = networkInterfaces()): PublishOptions[] {
  return texts.split(',').flatMap((text) => parseOne(text, interfaces))
}

/** The same for ports that are published already, on interfaces that may have no address now. */
export function parsePublished(texts: string): PublishOptions[] {
  return texts.split(',').flatMap((text) => parseOne(text, null))
}

function parseOne(text: string, interfaces: Interfaces | null): PublishOptions[] {
  const [spec = '', written = 'tcp', ...more] = text.split('/')
  const protocol = written.toLowerCase()
  if (more.length > 0 || !Object.hasOwn(FAMILIES, protocol))
    throw usage(
      text,
      `asks for '${text.slice(spec.length + 1)}', and TCP and UDP alone can be published`,
      'end it with /tcp, /udp, /tcp4, /tcp6, /udp4 or /udp6, or with nothing for TCP',
    )
  const family: Family = FAMILIES[protocol as keyof typeof FAMILIES]
  const [host, ports] = splitHost(text, spec)
  const parts = ports.split(':')
  if (parts.length > 2) throw usage(text, 'has too many colons', 'put an IPv6 address in brackets, as in [::1]:8080:80')
  const guest = range(text, parts.at(-1)!, 1)
  const hostText = parts.length === 2 ? parts[0]! : ''
  const from = hostText === '' ? null : range(text, hostText, 0)
  if (from !== null && from.count !== guest.count)
    throw usage(text, `pairs ${from.count} ports of the host with ${guest.count} of the sandbox`, 'give ranges of the same length')
  const where = whereToListen(text, host, family, interfaces)
  return Array.from({ length: guest.count }, (_, i) => ({
    ...where,
    hostPort: from === null || from.first === 0 ? 0 : from.first + i,
    guestPort: guest.first + i,
    ...(protocol.startsWith('udp') ? { protocol: 'udp' as const } : {}),
    ...(family === 6 ? { guestFamily: 6 as const } : {}),
  }))
}

// What stands before the ports: an address, an address in brackets, or the name of an interface; '' for none.
function splitHost(text: string, spec: string): [string, string] {
  if (spec.startsWith('[')) {
    const end = spec.indexOf(']:')
    if (end < 0) throw usage(text, 'has no port behind its address')
    return [spec.slice(1, end), spec.slice(end + 2)]
  }
  const parts = spec.split(':')
  return parts.length === 3 ? [parts[0]!, `${parts[1]}:${parts[2]}`] : ['', spec]
}

function range(text: string, ports: string, least: number): { first: number; count: number } {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(ports)
  if (found === null)
    throw usage(text, ports === '' ? 'names no port of the sandbox' : `has '${ports}' where a port or a range of them should be`)
  const first = Number(found[1])
  const last = found[2] === undefined ? first : Number(found[2])
  if (first < least || last > MAX_PORT) throw usage(text, `has a port outside ${least} to ${MAX_PORT}`)
  if (last < first) throw usage(text, `has the range ${ports}, which ends before it begins`, `turn it round: ${last}-${first}`)
  if (first === 0 && last !== 0) throw usage(text, 'has a range that begins with port 0', 'begin with 1, or write 0 alone for a free port')
  return { first, count: last - first + 1 }
}

/** Ports from one to another, both of them included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

export const EVERY_PORT: PortRange = { first: 1, last: MAX_PORT }

/**
 * The range that a command line's text stands for: `8080` or `3000-3999`.
 * @throws NetloomError `ERR_PUBLISH`, exit status 2.
 */
export function parseRange(text: string): PortRange {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  const first = Number(found?.[1] ?? 0)
  return checkRange({ first, last: found?.[2] === undefined ? first : Number(found[2]) }, text)
}

/**
 * A range, if it is one.
 * @throws NetloomError `ERR_PUBLISH`, exit status 2.
 */
export function checkRange(range: PortRange, text = `${range.first}-${range.last}`): PortRange {
  const { first, last } = range
  if (Number.isInteger(first) && Number.isInteger(last) && first >= 1 && first <= last && last <= MAX_PORT) return range
  throw new NetloomError('ERR_PUBLISH', `'${text}' is no range of ports from 1 to ${MAX_PORT}`, 'write it as in 3000-3999', 2)
}

/** An address of the host, as it was written: four words, null for what is none, and behind a % what interface it is of (RFC 4007, 11); '' for none. */
export function parseHost(host: string): { readonly words: address.Words | null; readonly zone: string } {
  const at = host.indexOf('%')
  const words = address.parseAny(at < 0 ? host : host.slice(0, at))
  const zone = at < 0 ? '' : host.slice(at + 1)
  // Of any other address a zone says nothing.
  return { words: at < 0 || (zone !== '' && words !== null && address.isLinkLocal6(words)) ? words : null, zone }
}

// `interfaces` null: which there are does not matter.
function whereToListen(text: string, host: string, family: Family, interfaces: Interfaces | null): Where {
  if (host === '') return family === 0 ? {} : { hostAddress: family === 4 ? '0.0.0.0' : '::' }
  const { words, zone } = parseHost(host)
  if (words !== null) {
    if (address.isLinkLocal6(words) && zone === '')
      throw usage(text, `has the link-local address ${host} without its interface`, `write it as in [${host}%eth0]:8080:80`)
    const isIpv4 = address.isMapped(words[0], words[1], words[2])
    if (family === (isIpv4 ? 6 : 4))
      throw usage(text, `has an IPv${isIpv4 ? 4 : 6} address and asks for IPv${family}`, 'leave the number out')
    return { hostAddress: host }
  }
  const where = { hostInterface: host, ...(family === 0 ? {} : { hostFamily: family }) }
  if (interfaces === null) return where
  const found = interfaces[host]
  if (found === undefined) throw usage(text, `names '${host}', which is no address, and no interface of this host`, 'see `ip address`')
  const own = found.filter((item) => family === 0 || item.family === `IPv${family}`).map((item) => item.address)
  // Link-local addresses need the interface's index beside them.
  const usable = own.filter((item) => !item.startsWith('fe80:'))
  if (usable.length === 0) throw usage(text, `names the interface ${host}, which has no address to listen on`, 'see `ip address`')
  return where
}
