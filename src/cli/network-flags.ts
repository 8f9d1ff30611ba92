// The options that `run` and `attach` share.
import { DEFAULT_CIDR, DEFAULT_CIDR6 } from '../app/address-options.js'
import { parseDnsNames } from '../app/dns-names.js'
import { parseImpairment } from '../app/impairment.js'
import {
  checkFiltering,
  DEFAULT_IFNAME,
  DEFAULT_MAX_FLOWS,
  DEFAULT_MTU,
  FILTERINGS,
  FLOW_LIMITS,
  type FlowLimit,
  MAX_FLOWS,
  MAX_MTU,
  MIN_MTU,
  type NetworkOptions,
  parseFlows,
  parseMtu,
} from '../app/options.js'
import { checkDriver, parsePublish, parseRange } from '../app/publish-spec.js'
import type { HardenOptions, Network } from '../app/types.js'
import type { Log, LogLevel } from '../util/log.js'
import type { Flags, OptionRow } from './arguments.js'
import { createLog } from './output.js'
import { ruleText } from './rule-text.js'

export const NETWORK_OPTIONS: readonly OptionRow[] = [
  { flags: '--mtu <BYTES>', help: `MTU of the interface, ${MIN_MTU} to ${MAX_MTU} (default ${DEFAULT_MTU})` },
  { flags: '--cidr <NETWORK>', help: `the sandbox's network: gateway .2, DNS .3, sandbox .100 (default ${DEFAULT_CIDR})` },
  {
    flags: '--cidr6 <NETWORK>',
    help: `its IPv6 network: gateway ::2, DNS ::3, sandbox ::100 (default ${DEFAULT_CIDR6})`,
    conflicts: 'disableIpv6',
  },
  { flags: '--disable-ipv6', help: 'no IPv6 in the sandbox (default: if the host has it)' },
  { flags: '--mac-address <MAC>', help: 'MAC address of the interface (default a random one)' },
  { flags: '--outbound-addr <ADDR|IFNAME>', help: 'send from this address of the host, or the first one of this interface' },
  { flags: '--outbound-addr6 <ADDR|IFNAME>', help: 'the same of IPv6' },
  { flags: '--ifname <NAME>', help: `name of the interface (default ${DEFAULT_IFNAME})` },
  { flags: '--disable-host-loopback', help: "do not let the gateway address lead to the host's loopback" },
  { flags: '--disable-host', help: 'nor to any other address of the host: LAN, link-local, metadata services, broadcast' },
  {
    flags: '-p, --publish <SPEC>',
    help: 'lead a port of the host into the sandbox: [HOSTADDR:]HOSTPORT:GUESTPORT[/udp]; may be given again (see README.md)',
    isList: true,
  },
  { flags: '--udp-filtering <WHICH>', help: `from whom a UDP socket hears: ${FILTERINGS.join(' (default) or ')}` },
  { flags: '--disable-dns', help: 'no name server at the DNS address' },
  {
    flags: '--dns-name <NAME=ADDR>',
    help: 'a name that the DNS address answers for by itself; may be given again, for one name too',
    isList: true,
    conflicts: 'disableDns',
  },
  { flags: '--disable-dhcp', help: 'no answer to DHCP clients in the sandbox' },
  { flags: '--max-flows <N>', help: `most flows at a time, 1 to ${MAX_FLOWS} (default ${DEFAULT_MAX_FLOWS})` },
  { flags: '--max-half-open <N>', help: 'most connections not established yet; the oldest makes room (default a quarter of all flows)' },
  { flags: '--max-flows-per-destination <N>', help: 'most connections to one address; more are refused (default no limit)' },
  { flags: '--max-flows-per-guest <N>', help: 'most flows of one address in the sandbox; more are refused (default no limit)' },
  { flags: '--max-flows-per-client <N>', help: 'most flows of one client of published ports (default a quarter of all flows)' },
  { flags: '--impair <SPEC>', help: 'a link that is bad on purpose, as in loss=1%,delay=10ms,up:rate=20mbit (see README.md)' },
  {
    flags: '--publish-auto [RANGE]',
    help: "publish on the host's loopback what programs inside listen on: all, or as in --publish-auto=3000-3999",
  },
  {
    flags: '--publish-driver <DRIVER>',
    help: 'how published connections go on: tap, direct (kernel to kernel), or auto (direct for the loopback)',
  },
  { flags: '--direct-loopback', help: "let direct connections reach servers on the sandbox's own 127.0.0.1" },
  {
    flags: '--name <NAME>',
    help: 'what the network is called by `netloom publish` and `netloom ps` (default: its PID)',
    conflicts: 'disableControl',
  },
  { flags: '--disable-control', help: 'no control socket: what is published stays as it is' },
  { flags: '--no-warm-up', help: 'save the 0.2 s of processor time that make the first second of traffic a fast one' },
  { flags: '--no-sandbox', help: "keep netloom's own capabilities, and its way to all of your files (default: neither; see README.md)" },
  { flags: '--no-seccomp', help: 'let netloom itself make any system call (default: not those that lead elsewhere)' },
  { flags: '-v, --verbose', help: "print the network's facts, and what went through it at the end", conflicts: 'quiet' },
  { flags: '-q, --quiet', help: 'print nothing but errors' },
]

/**
 * The options of a network that flags stand for.
 * @throws NetloomError `ERR_MTU`, `ERR_DNS_NAME`, `ERR_IMPAIRMENT`, `ERR_MAX_FLOWS` and those of the other limits.
 */
export function networkOptions(flags: Flags): NetworkOptions & { readonly log: Log } {
  const { mtu, cidr, ifname, dnsName, impair, name } = flags
  return {
    ...(typeof mtu === 'string' ? { mtu: parseMtu(mtu) } : {}),
    ...(typeof cidr === 'string' ? { cidr } : {}),
    ...(typeof ifname === 'string' ? { ifname } : {}),
    ...addressFlags(flags),
    ...(typeof dnsName === 'string' ? { dnsNames: parseDnsNames(dnsName) } : {}),
    ...flowLimits(flags),
    ...(typeof flags['udpFiltering'] === 'string' ? { udpFiltering: checkFiltering(flags['udpFiltering']) } : {}),
    ...(typeof impair === 'string' ? { impairment: parseImpairment(impair) } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    ...publishFlags(flags),
    ...(flags['disableControl'] === true ? { control: false } : {}),
    warmUp: flags['noWarmUp'] !== true,
    hostLoopback: flags['disableHostLoopback'] !== true,
    ...(flags['disableHost'] === true ? { host: false } : {}),
    dns: flags['disableDns'] !== true,
    dhcp: flags['disableDhcp'] !== true,
    log: createLog(logLevel(flags)),
  }
}

/** What becomes of this process, once the namespace has its interface. */
export const hardening = (flags: Flags): HardenOptions => ({
  bestEffort: true,
  sandbox: flags['noSandbox'] !== true,
  seccomp: flags['noSeccomp'] !== true,
})

function addressFlags({ cidr6, disableIpv6, macAddress, outboundAddr, outboundAddr6 }: Flags): NetworkOptions {
  return {
    ...(typeof cidr6 === 'string' ? { cidr6 } : {}),
    ...(disableIpv6 === true ? { ipv6: false } : {}),
    ...(typeof macAddress === 'string' ? { macAddress } : {}),
    ...(typeof outboundAddr === 'string' ? { outboundAddress: outboundAddr } : {}),
    ...(typeof outboundAddr6 === 'string' ? { outboundAddress6: outboundAddr6 } : {}),
  }
}

function publishFlags({ publishAuto, publishDriver, directLoopback }: Flags): NetworkOptions {
  return {
    ...(publishAuto === undefined ? {} : { publishAuto: publishAuto === true ? publishAuto : parseRange(publishAuto) }),
    ...(typeof publishDriver === 'string' ? { publishDriver: checkDriver(publishDriver) } : {}),
    ...(directLoopback === true ? { directLoopback: true } : {}),
  }
}

function flowLimits(flags: Flags): Partial<Record<FlowLimit, number>> {
  const limits: Partial<Record<FlowLimit, number>> = {}
  for (const name of Object.keys(FLOW_LIMITS) as FlowLimit[]) {
    const text = flags[name]
    if (typeof text === 'string') limits[name] = parseFlows(name, text)
  }
  return limits
}

/**
 * Publishes what flags ask for, and tells of ports that were chosen for want of one.
 * @throws NetloomError `ERR_PUBLISH`, exit status 2, or one of Network.publish().
 */
export function publish(network: Network, flags: Flags, log: Log): void {
  const text = flags['publish']
  if (typeof text !== 'string') return
  const wanted = parsePublish(text)
  const isChosen = wanted.some((one) => one.hostPort === 0)
  for (const publication of network.publish(...wanted)) {
    const line = `published: ${ruleText(publication)}`
    if (isChosen) log.info(line)
    else log.verbose(line)
  }
}

function logLevel(flags: Flags): LogLevel {
  if (flags['quiet'] === true) return 'quiet'
  return flags['verbose'] === true ? 'verbose' : 'normal'
}
