// The options that `run` and `attach` share.
import { DEFAULT_CIDR, DEFAULT_IFNAME, DEFAULT_MTU, MAX_MTU, MIN_MTU, type NetworkOptions, parseMtu } from '../app/options.js'
import type { Log, LogLevel } from '../util/log.js'
import type { Flags, OptionRow } from './arguments.js'
import { createLog } from './output.js'

export const NETWORK_OPTIONS: readonly OptionRow[] = [
  { flags: '--mtu <BYTES>', help: `MTU of the interface, ${MIN_MTU} to ${MAX_MTU} (default ${DEFAULT_MTU})` },
  { flags: '--cidr <NETWORK>', help: `the sandbox's network: gateway .2, DNS .3, sandbox .100 (default ${DEFAULT_CIDR})` },
  { flags: '--ifname <NAME>', help: `name of the interface (default ${DEFAULT_IFNAME})` },
  { flags: '--disable-host-loopback', help: "do not let the gateway address lead to the host's loopback" },
  { flags: '--disable-dns', help: 'no name server at the DNS address' },
  { flags: '-v, --verbose', help: "print the network's facts, and what went through it at the end", conflicts: 'quiet' },
  { flags: '-q, --quiet', help: 'print nothing but errors' },
]

/**
 * The options of a network that flags stand for.
 * @throws NetloomError `ERR_MTU`.
 */
export function networkOptions(flags: Flags): NetworkOptions & { readonly log: Log } {
  const { mtu, cidr, ifname } = flags
  return {
    ...(typeof mtu === 'string' ? { mtu: parseMtu(mtu) } : {}),
    ...(typeof cidr === 'string' ? { cidr } : {}),
    ...(typeof ifname === 'string' ? { ifname } : {}),
    hostLoopback: flags['disableHostLoopback'] !== true,
    dns: flags['disableDns'] !== true,
    log: createLog(logLevel(flags)),
  }
}

function logLevel(flags: Flags): LogLevel {
  if (flags['quiet'] === true) return 'quiet'
  return flags['verbose'] === true ? 'verbose' : 'normal'
}
