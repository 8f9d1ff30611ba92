/*
 * The text of /etc/resolv.conf: resolv.conf(5), and what glibc makes of it where that does not say.
 *
 *     nameserver ADDRESS[%ZONE]     the first three
 *     search NAME...                or `domain NAME`: the last of such lines counts
 *     options WORD...               of all such lines; here timeout:N, attempts:N, rotate and use-vc
 *
 * Every other keyword, option, comment and line that cannot be understood is skipped, as by the C library. `ndots` and the like are
 * about which names a stub resolver asks for, and how: the guest's gets them with its own resolv.conf.
 */

import { parseAny, type Words } from '../wire/address.js'

/** resolv.conf(5): MAXNS, so many servers and no more. */
const MAX_SERVERS = 3
/** Names to search. glibc has no limit since 2.26; more than this nobody can wait for. */
const MAX_SEARCH = 32
/** RFC 1035, 2.3.4, less the first length and the final zero: characters of a name, and of one of its labels. */
const MAX_NAME = 253
const MAX_LABEL = 63
/** s, and times; resolv.conf(5): silently cut to these. */
const MAX_TIMEOUT = 30
const MAX_ATTEMPTS = 5
/** resolv.conf(5), `use-vc`; glibc takes both. */
const TCP_ALONE = ['use-vc', 'usevc']
/** Options about how a program asks; those about which server to ask have no meaning where there is one. */
const PASSED_ON = /^(?:ndots:\d{1,5}|timeout:\d{1,5}|attempts:\d{1,5}|edns0|use-?vc|single-request(?:-reopen)?|no-tld-query|no-aaaa)$/
const MAX_OPTIONS = 16
/** The name server on the local machine, when none is named. */
const DEFAULT_SERVER: ServerAddress = { address: [0, 0, 0xffff, 0x7f000001], zone: '' }

/** Where a name server is. */
export interface ServerAddress {
  /** IPv4 as IPv4-mapped. */
  readonly address: Words
  /** Name or number of the interface that a link-local address belongs to (RFC 4007, 11); '' for any other. */
  readonly zone: string
}

export interface ResolvConf {
  /** At least one, the default if need be. */
  readonly servers: readonly ServerAddress[]
  /** Names in lower case, without the final dot. */
  readonly search: readonly string[]
  /** s until another server is asked; 0: not said. */
  readonly timeout: number
  /** How often each server is asked; 0: not said. */
  readonly attempts: number
  /** Whether questions go to the servers in turn. */
  readonly rotate: boolean
  /** Whether questions go by TCP alone. */
  readonly usesTcp: boolean
  /** Options that the guest's resolver shall have, too, as they were written. */
  readonly options: readonly string[]
}

export function parseResolvConf(text: string): ResolvConf {
  const servers: ServerAddress[] = []
  let search: readonly string[] = []
  const options: string[] = []
  for (const line of text.split('\n')) {
    // What stands behind a value is skipped: many write a comment there.
    const [, keyword = '', rest = ''] = /^([a-z]+)[ \t]+([^#;]*)/.exec(line) ?? []
    const words = rest.split(/\s+/).filter((word) => word !== '')
    if (keyword === 'nameserver' && servers.length < MAX_SERVERS) servers.push(...readServer(words[0] ?? ''))
    else if (keyword === 'search') search = readSearch(words)
    else if (keyword === 'domain') search = readSearch(words.slice(0, 1))
    else if (keyword === 'options') options.push(...words)
  }
  return {
    servers: servers.length === 0 ? [DEFAULT_SERVER] : servers,
    search,
    timeout: readNumber(options, 'timeout', MAX_TIMEOUT),
    attempts: readNumber(options, 'attempts', MAX_ATTEMPTS),
    rotate: options.includes('rotate'),
    usesTcp: options.some((option) => TCP_ALONE.includes(option)),
    options: [...new Set(options.filter((option) => PASSED_ON.test(option)))].slice(0, MAX_OPTIONS),
  }
}

/** fe80::/10 (RFC 4291, 2.5.6): the same on every link, so only with its zone such an address leads anywhere. */
export const isLinkLocal = (words: Words): boolean => words[0] >>> 22 === 0xfe80 >>> 6

function readServer(text: string): ServerAddress[] {
  const [, head = '', zone = ''] = /^([^%]*)(?:%(.+))?$/.exec(text) ?? []
  const address = parseAny(head)
  if (address === null) return []
  return [{ address, zone: isLinkLocal(address) ? zone : '' }]
}

/** `search .`, as systemd-resolved writes it, is to search nowhere. */
function readSearch(words: readonly string[]): string[] {
  const names = words.map((word) => word.toLowerCase().replace(/\.$/, '')).filter(isName)
  return [...new Set(names)].slice(0, MAX_SEARCH)
}

const isName = (name: string): boolean =>
  name.length <= MAX_NAME && name.split('.').every((label) => label.length <= MAX_LABEL && /^[a-z0-9_-]+$/.test(label))

/** The last one counts; less than 1 is 1. */
function readNumber(options: readonly string[], name: string, most: number): number {
  const found = options.findLast((option) => option.startsWith(`${name}:`))
  const digits = /^\d+/.exec(found?.slice(name.length + 1) ?? '')
  return digits === null ? 0 : Math.min(most, Math.max(1, Number(digits[0])))
}
