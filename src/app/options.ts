// What a network can be told, and what becomes of it: every default filled in, every address worked out, every mistake told in
// one line. Nothing below this file checks an option again.
// The plan of addresses is in address-options.ts.
import type { FlowLimits } from '../flow/flow-table.js'
import type { UdpFiltering } from '../flow/udp-relay.js'
import type { InterfaceAddresses } from '../net/address-plan.js'
import type { NamedAddresses } from '../service/dns-names.js'
import { NetloomError } from '../util/errors.js'
import { Log } from '../util/log.js'
import type { Words } from '../wire/address.js'
import { MINIMUM_MTU } from '../wire/ipv6.js'
import { checkMac, DEFAULT_CIDR, DEFAULT_CIDR6, outboundInterface, planAddresses, resolveOutbound } from './address-options.js'
import { checkName } from './control-path.js'
import { type DnsNamesOption, resolveDnsNames } from './dns-names.js'
import { type ImpairmentOptions, type LinkImpairment, resolveImpairment } from './impairment.js'
import { checkOptions, NETWORK_OPTION_TYPES } from './option-check.js'
import { checkDriver, checkRange, EVERY_PORT, type PortRange, type PublishDriver } from './publish-spec.js'

/** What RFC 791 asks every link to carry (bytes). */
export const MIN_MTU = 68
/** What Linux gives a TAP at most: 65,535 less the Ethernet header (bytes). */
export const MAX_MTU = 65_521
export const DEFAULT_MTU = 1500
export const DEFAULT_IFNAME = 'tap0'
/** IFNAMSIZ, less the final zero (characters). */
const MAX_IFNAME = 15
export const DEFAULT_MAX_FLOWS = 4096
/** A flow has 16 KiB of the arena, twice that where the kernel lacks peek offsets, and an arena has 2 GiB at most. */
export const MAX_FLOWS = 50_000
/** Descriptors are int in C. */
const MAX_OPEN_FILES = 0x7fff_ffff
/** As a share of all flows: three in four stay for what is established, however many SYNs come. */
const HALF_OPEN_SHARE = 4
/** A page of a browser begins so many connections at once. */
const LEAST_HALF_OPEN = 16
/** The same of one client's flows: three addresses, no fewer, have all that clients may have. */
const CLIENT_SHARE = 4
/** A proxy in front of a published port keeps so many connections to it. */
const LEAST_PER_CLIENT = 64

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
  /**
   * The sandbox's IPv6 network in CIDR notation, prefix length 64, no host bits. Default `fd00::/64`. The gateway, which is also the host's
   * loopback `::1`, has address 2 of it, DNS address 3, the sandbox address 100 (hexadecimal) besides those that it makes itself.
   */
  readonly cidr6?: string
  /** Whether the sandbox has IPv6; that takes an MTU of 1,280 at least (RFC 8200, 5). Default: if the host has, and the MTU is not less. */
  readonly ipv6?: boolean
  /** MAC address of the interface in the sandbox, six hexadecimal bytes with colons between, of one station. Default: a random one. */
  readonly macAddress?: string
  /**
   * Address of the host that what the sandbox sends by TCP, UDP and ping is sent from, or the name of the interface whose first address that is.
   * A name is followed: when the interface has another address, new flows leave from that; while it has none, they fail as "network unreachable".
   * Default: what the host's routes choose. Published ports are not concerned.
   */
  readonly outboundAddress?: string
  /** The same of IPv6. */
  readonly outboundAddress6?: string
  /** Name of the interface in the sandbox: 1 to 15 letters, digits or any of `. _ -` . Default `tap0`. */
  readonly ifname?: string
  /** Whether the gateway address leads to the host's loopback. Default true. */
  readonly hostLoopback?: boolean
  /**
   * Whether the host can be reached at all. False: neither its loopback (as with `hostLoopback: false`) nor any other address that it has, nor
   * the broadcast addresses of its networks, link-local addresses (169.254/16 with the metadata services of clouds) and their like; as they
   * are at the time. Names that stand for those have no such address in the sandbox. Other hosts of its networks can be reached. Default true.
   */
  readonly host?: boolean
  /**
   * From whom a UDP socket of the sandbox hears through its port of the host (RFC 4787, 5): `endpoint-independent`, from everybody, as
   * peer-to-peer programs need it, or `address-dependent`, from those addresses that it has sent to. Default `endpoint-independent`.
   */
  readonly udpFiltering?: UdpFiltering
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
   * Most TCP, UDP and ping flows at a time, 1 to 50,000. Default 4096. Each may have a descriptor of this process: where the hard limit
   * (`ulimit -Hn`) allows less, less it is. When all are in use a new flow takes the place of a connection that is over and only
   * remembered (TIME-WAIT), else of a client of a published UDP port that nobody has answered, else of the UDP or ping flow used least recently while
   * half-open connections are below their limit, else of the oldest half-open connection; never of an established connection.
   */
  readonly maxFlows?: number
  /**
   * Most TCP connections that are not established yet, 1 to 50,000. Default a quarter of `maxFlows`, at least 16. Beyond it a new one
   * takes the place of the oldest of them, whose program tries again or times out.
   */
  readonly maxHalfOpen?: number
  /**
   * Most TCP connections to one address, 1 to 50,000. Default: no limit but `maxFlows`. Beyond it a new one fails at once (ICMP,
   * administratively prohibited: `EHOSTUNREACH` on Linux). Connections that are over do not count.
   */
  readonly maxFlowsPerDestination?: number
  /**
   * Most flows of one address in the sandbox, 1 to 50,000. Default: no limit but `maxFlows`. Beyond it a new TCP connection fails at
   * once, as above, and datagrams that would begin a flow are dropped.
   */
  readonly maxFlowsPerGuest?: number
  /**
   * Most flows of one client of published ports, 1 to 50,000: of an address, of IPv6 of the 64 bits of its network. Default a quarter of `maxFlows`,
   * at least 64. Beyond it a new connection is reset, and of UDP only flows with traffic both ways count. All clients together
   * have three quarters of `maxFlows`.
   */
  readonly maxFlowsPerClient?: number
  /**
   * A link that loses, delays, reorders, doubles or damages packets on purpose, to see how a program fares on a bad network. Packets are
   * no longer than the MTU then, and cost accordingly. Default: none.
   */
  readonly impairment?: ImpairmentOptions
  /**
   * Whether TCP ports that programs in the sandbox listen on are published by themselves, with the same number on the host's loopback
   * (127.0.0.1 and ::1), as long as they listen: all of them, or those of a range. Default false.
   */
  readonly publishAuto?: boolean | PortRange
  /** How published ports that do not say so go on. Default `auto`; see {@link PublishOptions}. */
  readonly publishDriver?: PublishDriver
  /** Whether the direct driver reaches servers that listen on the sandbox's own 127.0.0.1, too. Default false. */
  readonly directLoopback?: boolean
  /**
   * What the network is called by `netloom publish` and `netloom ps`: up to 48 letters, digits or `. _ -`. Default: the PID of this
   * process (of its second network PID-2, and so on).
   */
  readonly name?: string
  /** Whether there is a control socket, over which other programs of this user look at the network and publish ports. Default true. */
  readonly control?: boolean
  /**
   * Whether the first network of a process practises when it has come up, on connections of its own that leave the process nowhere, so that V8 has
   * compiled what the sandbox's first packets need: 0.2 s of processor time, in pieces of about a millisecond. Default true.
   */
  readonly warmUp?: boolean
  /** Where lines for people go. Default: nowhere. */
  readonly log?: Log
}

/** Options with nothing left open. */
export interface ResolvedOptions extends FlowLimits {
  readonly mtu: number
  readonly addresses: InterfaceAddresses
  /** Null: the kernel chooses. */
  readonly macAddress: string | null
  /** Four words; null: what routes choose. */
  readonly outbound4: Words | null
  readonly outbound6: Words | null
  /** The interfaces whose addresses those are; null: they were given as addresses. */
  readonly outboundInterface4: string | null
  readonly outboundInterface6: string | null
  readonly ifname: string
  readonly hostLoopback: boolean
  readonly host: boolean
  readonly udpFiltering: UdpFiltering
  readonly dns: boolean
  /** Whether the DNS address, without DNS, is one that nobody answers at; no option of a program's. */
  readonly isDnsSilent: boolean
  readonly dnsNames: NamedAddresses
  readonly dhcp: boolean
  readonly maxFlows: number
  readonly impairment: LinkImpairment | null
  readonly publishAuto: PortRange | null
  readonly publishDriver: PublishDriver
  readonly directLoopback: boolean
  /** Null: nobody has chosen one. */
  readonly name: string | null
  readonly control: boolean
  readonly warmUp: boolean
  readonly log: Log
}

/** Options that are numbers of flows: as the command line has them, and what leaving them out stands for. */
export const FLOW_LIMITS = {
  maxFlows: { flag: '--max-flows', code: 'ERR_MAX_FLOWS', without: String(DEFAULT_MAX_FLOWS) },
  maxHalfOpen: { flag: '--max-half-open', code: 'ERR_MAX_HALF_OPEN', without: 'a quarter of all flows' },
  maxFlowsPerDestination: { flag: '--max-flows-per-destination', code: 'ERR_MAX_FLOWS_PER_DESTINATION', without: 'none of its own' },
  maxFlowsPerGuest: { flag: '--max-flows-per-guest', code: 'ERR_MAX_FLOWS_PER_GUEST', without: 'none of its own' },
  maxFlowsPerClient: { flag: '--max-flows-per-client', code: 'ERR_MAX_FLOWS_PER_CLIENT', without: 'a quarter of all flows' },
} as const

export type FlowLimit = keyof typeof FLOW_LIMITS

const usage = (code: string, message: string, hint: string): NetloomError => new NetloomError(code, message, hint, 2)

/**
 * Fills in the defaults and works out the addresses.
 * @throws NetloomError `ERR_OPTION`, `ERR_MTU`, `ERR_CIDR`, `ERR_CIDR6`, `ERR_MAC`, `ERR_OUTBOUND`, `ERR_IFNAME`, `ERR_MAX_FLOWS`, `ERR_MAX_HALF_OPEN`, `ERR_MAX_FLOWS_PER_DESTINATION`,
 * `ERR_MAX_FLOWS_PER_GUEST`, `ERR_MAX_FLOWS_PER_CLIENT`, `ERR_DNS_NAME`, `ERR_NAME` or `ERR_IMPAIRMENT`, exit status 2.
 */
export function resolveOptions(options: NetworkOptions = {}, hostHasIpv6 = true): ResolvedOptions {
  checkOptions('a network', options, NETWORK_OPTION_TYPES)
  const maxFlows = checkFlows('maxFlows', options.maxFlows ?? DEFAULT_MAX_FLOWS)
  // A limit above that of all flows says nothing, and is no mistake.
  const limit = (name: FlowLimit, otherwise: number): number => Math.min(maxFlows, checkFlows(name, options[name] ?? otherwise))
  const mtu = checkMtu(options.mtu ?? DEFAULT_MTU)
  if (options.ipv6 === true && mtu < MINIMUM_MTU)
    throw usage('ERR_MTU', `the MTU ${mtu} is too small for IPv6, which takes ${MINIMUM_MTU} bytes`, 'raise it, or leave IPv6 out')
  const cidr6 = options.cidr6 ?? DEFAULT_CIDR6
  const addresses = planAddresses(options.cidr ?? DEFAULT_CIDR, cidr6)
  const hasIpv6 = options.ipv6 ?? (hostHasIpv6 && mtu >= MINIMUM_MTU)
  const { outboundAddress: from4, outboundAddress6: from6, macAddress } = options
  return {
    mtu,
    addresses: hasIpv6 ? addresses : { ...addresses, ipv6: undefined },
    macAddress: macAddress === undefined ? null : checkMac(macAddress),
    outbound4: from4 === undefined ? null : resolveOutbound(from4, 4),
    outbound6: from6 === undefined ? null : resolveOutbound(from6, 6),
    outboundInterface4: outboundInterface(from4),
    outboundInterface6: outboundInterface(from6),
    ifname: checkIfname(options.ifname ?? DEFAULT_IFNAME),
    hostLoopback: (options.hostLoopback ?? true) && (options.host ?? true),
    host: options.host ?? true,
    udpFiltering: checkFiltering(options.udpFiltering ?? FILTERINGS[0]),
    dns: options.dns ?? true,
    isDnsSilent: false,
    dnsNames: resolveDnsNames(options.dnsNames),
    dhcp: options.dhcp ?? true,
    maxFlows,
    // What is not below `maxFlows` is no limit (flow-table.ts).
    maxHalfOpen: limit('maxHalfOpen', Math.max(LEAST_HALF_OPEN, Math.trunc(maxFlows / HALF_OPEN_SHARE))),
    maxFlowsPerDestination: limit('maxFlowsPerDestination', maxFlows),
    maxFlowsPerGuest: limit('maxFlowsPerGuest', maxFlows),
    maxFlowsPerClient: limit('maxFlowsPerClient', Math.max(LEAST_PER_CLIENT, Math.trunc(maxFlows / CLIENT_SHARE))),
    impairment: resolveImpairment(options.impairment),
    publishAuto: resolveAuto(options.publishAuto ?? false),
    publishDriver: checkDriver(options.publishDriver ?? 'auto'),
    directLoopback: options.directLoopback ?? false,
    name: options.name === undefined ? null : checkName(options.name),
    control: options.control ?? true,
    warmUp: options.warmUp ?? true,
    log: options.log ?? new Log('quiet', () => {}),
  }
}

/** The first is the default. */
export const FILTERINGS = ['endpoint-independent', 'address-dependent'] as const

/**
 * A way to filter, as it was written.
 * @throws NetloomError `ERR_UDP_FILTERING`.
 */
export function checkFiltering(text: string): UdpFiltering {
  const known = FILTERINGS.find((name) => name === text)
  if (known !== undefined) return known
  throw usage('ERR_UDP_FILTERING', `there is no UDP filtering '${text}'`, `use ${FILTERINGS.join(' or ')}`)
}

function resolveAuto(wanted: boolean | PortRange): PortRange | null {
  if (wanted === true) return EVERY_PORT
  return wanted === false ? null : checkRange(wanted)
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
