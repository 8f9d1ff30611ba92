// What a network can be told, and what becomes of it: every default filled in, every address worked out, every mistake told in
// one line. Nothing below this file checks an option again.
//
// The plan of addresses is slirp4netns', which clients expect (DESIGN, 6). Of a network of 2^n addresses:
//
//   network+2 gateway    +3 DNS    +100 guest, or the last usable address where there is no such
import type { FlowLimits } from '../flow/flow-table.js'
import type { InterfaceAddresses } from '../net/interface.js'
import type { NamedAddresses } from '../service/dns-names.js'
import { NetloomError } from '../util/errors.js'
import { Log } from '../util/log.js'
import * as address from '../wire/address.js'
import { checkName } from './control-path.js'
import { type DnsNamesOption, resolveDnsNames } from './dns-names.js'
import { type ImpairmentOptions, type LinkImpairment, resolveImpairment } from './impairment.js'

/** What RFC 791 asks every link to carry (bytes). */
export const MIN_MTU = 68
/** What Linux gives a TAP at most: 65,535 less the Ethernet header (bytes). */
export const MAX_MTU = 65_521
export const DEFAULT_MTU = 1500
export const DEFAULT_CIDR = '10.0.2.0/24'
export const DEFAULT_IFNAME = 'tap0'
/** IFNAMSIZ, less the final zero (characters). */
const MAX_IFNAME = 15
/** Eight addresses: the shortest network with room for gateway, DNS and guest (bits). */
const MAX_PREFIX = 29
/** Where the guest is in a network that is large enough. */
const GUEST_OFFSET = 100
export const DEFAULT_MAX_FLOWS = 4096
/** A flow has 16 KiB of the arena, twice that where the kernel lacks peek offsets, and an arena has 2 GiB at most. */
export const MAX_FLOWS = 32_768
/** Descriptors are int in C. */
const MAX_OPEN_FILES = 0x7fff_ffff
/** As a share of all flows: three in four stay for what is established, however many SYNs come. */
const HALF_OPEN_SHARE = 4
/** A page of a browser begins so many connections at once. */
const LEAST_HALF_OPEN = 16

/** Blocks that no guest can live in (RFC 6890): this network, loopback, multicast and reserved. */
const UNUSABLE = [
  { text: '0.0.0.0/8', network: 0, prefix: 8 },
  { text: '127.0.0.0/8', network: 0x7f000000, prefix: 8 },
  { text: '224.0.0.0/3', network: 0xe0000000 | 0, prefix: 3 },
] as const

/** Options of {@link createNetwork}. All of them can be left out. */
export interface NetworkOptions {
  /**
   * Largest IP datagram of the interface in the sandbox, in bytes: 68 to 65,521. Default 1500. Because the sandbox hands over
   * super-segments at any MTU, a larger one gains little.
   */
  readonly mtu?: number
  /**
   * The sandbox's network in CIDR notation, IPv4, prefix length 1 to 29, no host bits. Default `10.0.2.0/24`. The gateway, which is
   * also the host's loopback, has address 2 of it, DNS address 3, the sandbox address 100 (in a network that small: the last one).
   */
  readonly cidr?: string
  /** Name of the interface in the sandbox: 1 to 15 letters, digits or any of `. _ -` . Default `tap0`. */
  readonly ifname?: string
  /** Whether the gateway address leads to the host's loopback. Default true. */
  readonly hostLoopback?: boolean
  /** Whether the DNS address answers, and a sandbox's resolv.conf names it. Default true. */
  readonly dns?: boolean
  /**
   * Names that the DNS address answers for by itself, in the sandbox alone: `{ 'db.test': ['192.0.2.7', '2001:db8::7'] }`. Letters in any
   * case; at most 128 addresses each, of either family. Such a name has these addresses and no other record, and its addresses have
   * that name when they are looked up. Default: none but those of the network itself (`host.netloom.internal`).
   */
  readonly dnsNames?: DnsNamesOption
  /**
   * Whether DHCP clients in the sandbox are answered: with addresses 15 to 30 of the network, gateway, DNS address, MTU and the host's
   * search list. The sandbox has its own address without asking. Default true.
   */
  readonly dhcp?: boolean
  /**
   * Most TCP, UDP and ping flows at a time, 1 to 32,768. Default 4096. Each may have a descriptor of this process: where the hard limit
   * (`ulimit -Hn`) allows less, less it is. When all are in use a new flow takes the place of a connection that is over and only
   * remembered (TIME-WAIT), else of the oldest half-open connection, else of the UDP or ping flow used least recently (and of the last 16
   * half-open ones only when there is no such); never of an established connection.
   */
  readonly maxFlows?: number
  /**
   * Most TCP connections that are not established yet, 1 to 32,768. Default a quarter of `maxFlows`, at least 16. Beyond it a new one
   * takes the place of the oldest of them, whose program tries again or times out.
   */
  readonly maxHalfOpen?: number
  /**
   * Most TCP connections to one address, 1 to 32,768. Default: no limit but `maxFlows`. Beyond it a new one fails at once (ICMP,
   * administratively prohibited: `EHOSTUNREACH` on Linux). Connections that are over do not count.
   */
  readonly maxFlowsPerDestination?: number
  /**
   * Most flows of one address in the sandbox, 1 to 32,768. Default: no limit but `maxFlows`. Beyond it a new TCP connection fails at
   * once, as above, and datagrams that would begin a flow are dropped.
   */
  readonly maxFlowsPerGuest?: number
  /**
   * A link that loses, delays, reorders, doubles or damages packets on purpose, to see how a program fares on a bad network. Packets are
   * no longer than the MTU then, and cost accordingly. Default: none.
   */
  readonly impairment?: ImpairmentOptions
  /**
   * What the network is called by `netloom publish` and `netloom ps`: up to 48 letters, digits or `. _ -`. Default: the PID of this
   * process (of its second network PID-2, and so on).
   */
  readonly name?: string
  /** Whether there is a control socket, over which other programs of this user look at the network and publish ports. Default true. */
  readonly control?: boolean
  /** Where lines for people go. Default: nowhere. */
  readonly log?: Log
}

/** Options with nothing left open. */
export interface ResolvedOptions extends FlowLimits {
  readonly mtu: number
  readonly addresses: InterfaceAddresses
  readonly ifname: string
  readonly hostLoopback: boolean
  readonly dns: boolean
  readonly dnsNames: NamedAddresses
  readonly dhcp: boolean
  readonly maxFlows: number
  readonly impairment: LinkImpairment | null
  /** Null: nobody has chosen one. */
  readonly name: string | null
  readonly control: boolean
  readonly log: Log
}

/** Options that are numbers of flows: as the command line has them, and what leaving them out stands for. */
export const FLOW_LIMITS = {
  maxFlows: { flag: '--max-flows', code: 'ERR_MAX_FLOWS', without: String(DEFAULT_MAX_FLOWS) },
  maxHalfOpen: { flag: '--max-half-open', code: 'ERR_MAX_HALF_OPEN', without: 'a quarter of all flows' },
  maxFlowsPerDestination: { flag: '--max-flows-per-destination', code: 'ERR_MAX_FLOWS_PER_DESTINATION', without: 'none of its own' },
  maxFlowsPerGuest: { flag: '--max-flows-per-guest', code: 'ERR_MAX_FLOWS_PER_GUEST', without: 'none of its own' },
} as const

export type FlowLimit = keyof typeof FLOW_LIMITS

const usage = (code: string, message: string, hint: string): NetloomError => new NetloomError(code, message, hint, 2)

/**
 * Fills in the defaults and works out the addresses.
 * @throws NetloomError `ERR_MTU`, `ERR_CIDR`, `ERR_IFNAME`, `ERR_MAX_FLOWS`, `ERR_MAX_HALF_OPEN`, `ERR_MAX_FLOWS_PER_DESTINATION`,
 * `ERR_MAX_FLOWS_PER_GUEST`, `ERR_DNS_NAME`, `ERR_NAME` or `ERR_IMPAIRMENT`, exit status 2.
 */
export function resolveOptions(options: NetworkOptions = {}): ResolvedOptions {
  const maxFlows = checkFlows('maxFlows', options.maxFlows ?? DEFAULT_MAX_FLOWS)
  // A limit above that of all flows says nothing, and is no mistake.
  const limit = (name: FlowLimit, otherwise: number): number => Math.min(maxFlows, checkFlows(name, options[name] ?? otherwise))
  return {
    mtu: checkMtu(options.mtu ?? DEFAULT_MTU),
    addresses: planAddresses(options.cidr ?? DEFAULT_CIDR),
    ifname: checkIfname(options.ifname ?? DEFAULT_IFNAME),
    hostLoopback: options.hostLoopback ?? true,
    dns: options.dns ?? true,
    dnsNames: resolveDnsNames(options.dnsNames),
    dhcp: options.dhcp ?? true,
    maxFlows,
    // What is not below `maxFlows` is no limit (flow-table.ts).
    maxHalfOpen: limit('maxHalfOpen', Math.max(LEAST_HALF_OPEN, Math.trunc(maxFlows / HALF_OPEN_SHARE))),
    maxFlowsPerDestination: limit('maxFlowsPerDestination', maxFlows),
    maxFlowsPerGuest: limit('maxFlowsPerGuest', maxFlows),
    impairment: resolveImpairment(options.impairment),
    name: options.name === undefined ? null : checkName(options.name),
    control: options.control ?? true,
    log: options.log ?? new Log('quiet', () => {}),
  }
}

/**
 * The MTU that a command line's text stands for.
 * @throws NetloomError `ERR_MTU`.
 */
export function parseMtu(text: string): number {
  if (!/^\d+$/.test(text)) throw badMtu(`'${text}'`)
  return checkMtu(Number(text))
}

const badMtu = (given: string): NetloomError =>
  usage('ERR_MTU', `the MTU ${given} is not a whole number of bytes from ${MIN_MTU} to ${MAX_MTU}`, `leave --mtu out for ${DEFAULT_MTU}`)

function checkMtu(mtu: number): number {
  if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > MAX_MTU) throw badMtu(String(mtu))
  return mtu
}

/**
 * The number of flows that a command line's text stands for.
 * @throws NetloomError with the option's code.
 */
export function parseFlows(name: FlowLimit, text: string): number {
  if (!/^\d+$/.test(text)) throw badFlows(name, `'${text}'`)
  return checkFlows(name, Number(text))
}

function badFlows(name: FlowLimit, given: string): NetloomError {
  const { flag, code, without } = FLOW_LIMITS[name]
  return usage(code, `the limit ${name} ${given} is not a whole number of flows from 1 to ${MAX_FLOWS}`, `leave ${flag} out for ${without}`)
}

function checkFlows(name: FlowLimit, flows: number): number {
  if (!Number.isInteger(flows) || flows < 1 || flows > MAX_FLOWS) throw badFlows(name, String(flows))
  return flows
}

/**
 * A limit of open files, or undefined.
 * @throws NetloomError `ERR_OPEN_FILES`.
 */
export function checkOpenFiles(limit: number | undefined): number | undefined {
  if (limit === undefined || (Number.isInteger(limit) && limit >= 0 && limit <= MAX_OPEN_FILES)) return limit
  throw usage(
    'ERR_OPEN_FILES',
    `the limit openFiles ${limit} is not a whole number of files from 0 to ${MAX_OPEN_FILES}`,
    'leave it out for the limit of this process',
  )
}

/** dev_valid_name() of Linux takes nearly any byte; we take what every tool can name, and never a format (`tap%d`). */
function checkIfname(name: string): string {
  const bad = (why: string): NetloomError =>
    usage('ERR_IFNAME', `the interface name '${name}' ${why}`, `use 1 to ${MAX_IFNAME} letters, digits or . _ - as in --ifname=tap0`)
  if (name === '') throw bad('is empty')
  if (name.length > MAX_IFNAME) throw bad(`has ${name.length} characters`)
  if (name === '.' || name === '..') throw bad('names a folder')
  if (name === 'lo') throw bad('is taken by the loopback interface')
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw bad('has a character that not every tool can name')
  return name
}

/** The addresses of a network, from its CIDR notation. */
function planAddresses(text: string): InterfaceAddresses {
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
