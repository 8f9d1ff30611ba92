// What the launcher (native/src/launcher.c) is told: its arguments, and what they are made of.
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { NetloomError } from '../util/errors.js'
import { describeTarget, type LaunchTarget, launcherError } from './launcher-errors.js'
import { identifyNamespace } from './network-namespace.js'
import type { IdLine, IdMaps } from './subordinate-ids.js'

/** Largest pid_t. */
const MAX_PID = 0x7fff_ffff

/** The interface in the namespace; addresses as text. */
export interface LaunchInterface {
  readonly ifname: string
  readonly mtu: number
  readonly address: string
  readonly prefix: number
  readonly gateway: string
  /** Of IPv6; null: none. `gateway` is link-local. */
  readonly ipv6: { readonly address: string; readonly prefix: number; readonly gateway: string } | null
  /** MAC address; null: a random one. */
  readonly mac: string | null
  /** Whether frames may be super-segments; the kernel inside cuts what it sends where not. */
  readonly superSegments: boolean
}

export type StandardStream = 'pipe' | 'inherit' | 'ignore' | number
/** The three standard streams alike, or each by itself; a number is a descriptor of this process. */
export type LaunchStreams = 'pipe' | 'inherit' | 'ignore' | readonly [StandardStream, StandardStream, StandardStream]

/** The command of `launchRun`. */
export interface LaunchCommand {
  readonly command: readonly string[]
  /** Name server for resolv.conf, null to leave that alone. */
  readonly dns: string | null
  /** Names to search, for the same file. */
  readonly search: readonly string[]
  /** Options, for the same file. */
  readonly resolverOptions: readonly string[]
  readonly mapCurrentUser: boolean
  /** More than one ID; null: its own alone. */
  readonly idMaps: IdMaps | null
  /** Whether the command lives in the PID, IPC and UTS namespaces of this process. */
  readonly sharePid: boolean
  /** The soft limit of open files, undefined for this process's. */
  readonly openFiles: number | undefined
  readonly cwd: string | undefined
  readonly env: NodeJS.ProcessEnv | undefined
  readonly stdio: LaunchStreams
}

/** Arguments for a namespace of our own with a command in it. */
export function runArguments(link: LaunchInterface, options: LaunchCommand): readonly string[] {
  const args = ['run', ...interfaceArguments(link), `--map=${options.mapCurrentUser ? 'current' : 'root'}`]
  if (options.idMaps !== null) args.push(...mapArguments(options.idMaps))
  if (!options.sharePid) args.push('--processes=own')
  if (options.dns !== null) args.push(`--dns=${options.dns}`)
  if (options.dns !== null && options.search.length > 0) args.push(`--search=${options.search.join(' ')}`)
  if (options.dns !== null && options.resolverOptions.length > 0) args.push(`--resolver-options=${options.resolverOptions.join(' ')}`)
  if (options.openFiles !== undefined) args.push(`--open-files=${options.openFiles}`)
  return [...args, '--', ...options.command]
}

const mapText = (lines: readonly IdLine[]): string => lines.map(({ inside, outside, count }) => `${inside}:${outside}:${count}`).join(',')

const mapArguments = ({ users, groups, helpers }: IdMaps): string[] => [
  `--uid-map=${mapText(users)}`,
  `--gid-map=${mapText(groups)}`,
  ...(helpers === null ? [] : [`--uid-helper=${helpers.users}`, `--gid-helper=${helpers.groups}`]),
]

/** Arguments for the namespaces of `target`, which is one (`checkTarget`). */
export function attachArguments(link: LaunchInterface, target: LaunchTarget): readonly string[] {
  const args = ['attach', ...interfaceArguments(link)]
  if ('pid' in target) args.push(`--pid=${target.pid}`)
  else args.push(`--netns=${target.netns}`)
  if ('netns' in target && target.userns !== undefined) args.push(`--userns=${target.userns}`)
  return args
}

const interfaceArguments = (link: LaunchInterface): string[] => [
  `--ifname=${link.ifname}`,
  `--mtu=${link.mtu}`,
  `--address=${link.address}`,
  `--prefix=${link.prefix}`,
  `--gateway=${link.gateway}`,
  ...(link.ipv6 === null ? [] : [`--address6=${link.ipv6.address}`, `--prefix6=${link.ipv6.prefix}`, `--gateway6=${link.ipv6.gateway}`]),
  ...(link.mac === null ? [] : [`--mac=${link.mac}`]),
  ...(link.superSegments ? [] : ['--offload=checksum']),
]

/** Refuses what is no target, and our own network, whose default route a second one would take over. */
export function checkTarget(target: LaunchTarget): void {
  if ('pid' in target && !(Number.isInteger(target.pid) && target.pid >= 1 && target.pid <= MAX_PID))
    throw new NetloomError(
      'ERR_TARGET',
      `${target.pid} is not a PID`,
      'give the PID of a process in the namespace, or the path of a netns file',
      2,
    )
  if ('netns' in target && target.userns !== undefined && !existsSync(target.userns))
    throw launcherError('userns-open', constants.errno.ENOENT, { ifname: '', mtu: 0, target })
  const theirs = identifyNamespace('pid' in target ? `/proc/${target.pid}/ns/net` : target.netns)
  if (theirs === '' || theirs !== identifyNamespace('/proc/self/ns/net')) return
  throw new NetloomError(
    'ERR_OWN_NETWORK',
    `${describeTarget(target)} is in the network namespace that netloom itself is in`,
    'start the process in one of its own, as `unshare --user --map-root-user --net` does',
  )
}
