// The options that several commands share, on top of commander; and its errors as one line of ours.
import { Command, CommanderError, Option } from 'commander'
import { DEFAULT_CIDR, DEFAULT_IFNAME, DEFAULT_MTU, MAX_MTU, MIN_MTU, type NetworkOptions, parseMtu } from '../app/options.js'
import type { Log, LogLevel } from '../util/log.js'
import { createLog, print, usageError } from './output.js'

/** What commander makes of the shared options. */
export interface CommonFlags {
  mtu?: string
  cidr?: string
  ifname?: string
  disableHostLoopback?: true
  disableDns?: true
  verbose?: true
  quiet?: true
}

/** A command without its own options; `name` is the word after `netloom`. */
export function createCommand(name: string, description: string): Command {
  return new Command(`netloom ${name}`)
    .description(description)
    .helpOption('-h, --help', 'print this')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} })
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(new Option('-v, --verbose', "print the network's facts, and what went through it at the end").conflicts('quiet'))
    .addOption(new Option('-q, --quiet', 'print nothing but errors'))
}

export function addNetworkOptions(command: Command): Command {
  command
    .option('--mtu <BYTES>', `MTU of the interface, ${MIN_MTU} to ${MAX_MTU} (default ${DEFAULT_MTU})`)
    .option('--cidr <NETWORK>', `the sandbox's network: gateway .2, DNS .3, sandbox .100 (default ${DEFAULT_CIDR})`)
    .option('--ifname <NAME>', `name of the interface (default ${DEFAULT_IFNAME})`)
    .option('--disable-host-loopback', "do not let the gateway address lead to the host's loopback")
    .option('--disable-dns', 'no name server at the DNS address')
  return addLogOptions(command)
}

/** The options of a network that flags stand for. */
export function networkOptions(flags: CommonFlags): NetworkOptions & { readonly log: Log } {
  return {
    ...(flags.mtu === undefined ? {} : { mtu: parseMtu(flags.mtu) }),
    ...(flags.cidr === undefined ? {} : { cidr: flags.cidr }),
    ...(flags.ifname === undefined ? {} : { ifname: flags.ifname }),
    hostLoopback: flags.disableHostLoopback !== true,
    dns: flags.disableDns !== true,
    log: createLog(logLevel(flags)),
  }
}

export function logLevel(flags: Pick<CommonFlags, 'verbose' | 'quiet'>): LogLevel {
  if (flags.quiet === true) return 'quiet'
  return flags.verbose === true ? 'verbose' : 'normal'
}

/**
 * Reads a command's arguments. False when they asked for help, which has been printed.
 * @throws NetloomError `ERR_USAGE`, exit status 2.
 */
export function parse(command: Command, args: readonly string[]): boolean {
  try {
    command.parse(args, { from: 'user' })
    return true
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return false
    const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
    const meant = rest.join(' ').replace(/^\(Did|\)$/g, (found) => (found === ')' ? '' : 'did'))
    const help = `see \`${command.name()} --help\``
    throw usageError(first.replace(/\.$/, '').replace('. ', ': '), meant === '' ? help : `${meant} Or ${help}`)
  }
}
