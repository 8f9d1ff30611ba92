// Options as a program in JavaScript gives them, which no compiler has seen: an unknown name or a value of another type is refused, so that a slip
// does not open what it was to close (`hostLoopbak: false`, `hostLoopback: 'no'`). Which values an option takes besides is checked where it is
// worked out. One table for each kind of options; the compiler sees that none is left out.
import { NetloomError } from '../util/errors.js'
import { suggest } from '../util/suggest.js'
import type { NetworkOptions } from './options.js'
import type { PublishOptions } from './publish-spec.js'
import type { HardenOptions, RunOptions } from './types.js'

type Kind = 'boolean' | 'number' | 'string' | 'object'
/** The types that a value may have, by the option's name. */
type Table<T> = Readonly<Record<keyof T, readonly Kind[]>>

const YES_OR_NO = ['boolean'] as const
const NUMBER = ['number'] as const
const TEXT = ['string'] as const
const OBJECT = ['object'] as const

export const NETWORK_OPTION_TYPES: Table<NetworkOptions> = {
  mtu: NUMBER,
  cidr: TEXT,
  cidr6: TEXT,
  ipv6: YES_OR_NO,
  macAddress: TEXT,
  outboundAddress: TEXT,
  outboundAddress6: TEXT,
  ifname: TEXT,
  hostLoopback: YES_OR_NO,
  host: YES_OR_NO,
  udpFiltering: TEXT,
  dns: YES_OR_NO,
  dnsNames: OBJECT,
  dhcp: YES_OR_NO,
  maxFlows: NUMBER,
  maxHalfOpen: NUMBER,
  maxFlowsPerDestination: NUMBER,
  maxFlowsPerGuest: NUMBER,
  maxFlowsPerClient: NUMBER,
  impairment: OBJECT,
  publishAuto: ['boolean', 'object'],
  publishDriver: TEXT,
  directLoopback: YES_OR_NO,
  name: TEXT,
  control: YES_OR_NO,
  warmUp: YES_OR_NO,
  log: OBJECT,
}

export const RUN_OPTION_TYPES: Table<RunOptions> = {
  mapCurrentUser: YES_OR_NO,
  mapAuto: YES_OR_NO,
  sharePid: YES_OR_NO,
  cwd: TEXT,
  env: OBJECT,
  stdio: ['string', 'object'],
  openFiles: NUMBER,
  harden: OBJECT,
}

export const HARDEN_OPTION_TYPES: Table<HardenOptions> = { sandbox: YES_OR_NO, seccomp: YES_OR_NO, bestEffort: YES_OR_NO }

export const PUBLISH_OPTION_TYPES: Table<PublishOptions> = {
  hostAddress: TEXT,
  hostInterface: TEXT,
  hostFamily: NUMBER,
  hostPort: NUMBER,
  guestPort: NUMBER,
  guestAddress: TEXT,
  guestFamily: NUMBER,
  protocol: TEXT,
  driver: TEXT,
}

const bad = (message: string, hint: string): NetloomError => new NetloomError('ERR_OPTION', message, hint, 2)

/** What a value is, in words. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return `the string '${value}'`
  return typeof value === 'object' || typeof value === 'function' ? `of the type ${typeof value}` : `the ${typeof value} ${String(value)}`
}

/**
 * Refuses options that there are not, and values of another type. What is undefined counts as left out. `of`: whose they are, for the message.
 * @throws NetloomError `ERR_OPTION`, exit status 2.
 */
export function checkOptions(of: string, options: unknown, table: Readonly<Record<string, readonly Kind[]>>): void {
  if (typeof options !== 'object' || options === null) throw bad(`the options of ${of} are ${describe(options)}`, 'give an object')
  for (const [name, value] of Object.entries(options)) {
    const kinds = Object.hasOwn(table, name) ? table[name]! : null
    if (kinds === null) {
      const meant = suggest(name, Object.keys(table))
      throw bad(
        `there is no option '${name}' of ${of}`,
        meant === null ? `there are ${Object.keys(table).join(', ')}` : `did you mean ${meant}?`,
      )
    }
    if (value === undefined || (value !== null && kinds.some((kind) => kind === typeof value))) continue
    throw bad(`the option ${name} of ${of} is ${describe(value)}`, `give it a value of the type ${kinds.join(' or ')}`)
  }
}
