/*
 * The host's name servers: which they are, and which of them to ask. Read resolv.conf(5) first.
 *
 *     /etc/resolv.conf --stat, at most once a second, when somebody asks--> read again if it is another file, or another text
 *
 * There is no watcher, so an idle network does nothing; and a network manager that puts a new file in place of the old one (or
 * points the symbolic link elsewhere) is noticed as much as an editor.
 *
 * A server that did not answer goes behind the others for some seconds, so that not every name waits for a dead one. UDP and TCP
 * are kept apart: many a small router answers DNS by UDP only, and must not lose its place for it. The other way round, one that
 * is silent by UDP may well accept a connection and then be as silent, so TCP heeds both.
 */

import { readFileSync, statSync } from 'node:fs'
import { formatAny, isMapped, parseAny, type Words } from '../wire/address.js'

/** resolv.conf(5): MAXNS, so many servers and no more. */
const MAX_SERVERS = 3
/** ms between two looks at the file. */
const STAT_INTERVAL = 1_000
/** ms for which a server that failed is asked last: long enough to matter, short enough that one lost datagram does not for long. */
const FAILURE_MEMORY = 10_000
/** resolv.conf(5): the name server on the local machine, when none is named. */
const DEFAULT_SERVER: Words = [0, 0, 0xffff, 0x7f000001]

const DEFAULT_PATH = '/etc/resolv.conf'

/** The last failure by one transport. */
class Failure {
  #at = 0
  #rank = 0

  set(now: number, rank: number): void {
    this.#at = now
    this.#rank = rank
  }

  clear(): void {
    this.#rank = 0
  }

  /** Which failure it was, counted over all servers; 0 when there was none of late. */
  rank(now: number): number {
    // After the time it is forgotten for good: int32 ms come round again.
    if (((now - this.#at) | 0) >= FAILURE_MEMORY) this.#rank = 0
    return this.#rank
  }
}

/** One server and what is known of it. */
export class Nameserver {
  readonly address: Words
  readonly udp = new Failure()
  readonly tcp = new Failure()
  /** ms, when it last answered; meaningful when `hasAnswered`. */
  answeredAt = 0
  hasAnswered = false

  constructor(address: Words) {
    this.address = address
  }

  /** IP version to reach it with: 4 or 6. */
  get family(): 4 | 6 {
    return isMapped(this.address[0], this.address[1], this.address[2]) ? 4 : 6
  }
}

/**
 * The servers that a resolv.conf names, the first three, or the default. Every other keyword, comment and line that cannot be understood
 * is skipped, as by the C library: `options` are about how a stub resolver asks, and the guest has its own. A zone (`%eth0`) is cut
 * off: four words have no room for it.
 */
export function parseResolvConf(text: string): Words[] {
  const servers: Words[] = []
  for (const line of text.split('\n')) {
    const match = /^nameserver[ \t]+([^\s#;%]+)/.exec(line)
    const address = match === null ? null : parseAny(match[1]!)
    if (address !== null) servers.push(address)
    if (servers.length === MAX_SERVERS) break
  }
  return servers.length === 0 ? [DEFAULT_SERVER] : servers
}

/** fe80::/10 (RFC 4291, 2.5.6): the same on every link, so without its zone such an address leads nowhere. */
function isLinkLocal(words: Words): boolean {
  return words[0] >>> 22 === 0xfe80 >>> 6
}

export class Resolver {
  readonly #now: () => number
  readonly #path: string
  #servers: readonly Nameserver[] = []
  #checkedAt = 0
  #isRead = false
  #signature = ''
  #version = 0
  #failures = 0

  /** `now`: int32 ms, of the clock that every other argument of that name is read from. */
  constructor(now: () => number, path: string = DEFAULT_PATH) {
    this.#now = now
    this.#path = path
  }

  /** Counts the lists of servers there have been: what one list answered need not hold for the next. */
  get version(): number {
    this.#check()
    return this.#version
  }

  /** The servers in the order in which to ask them by UDP; at least one, unless none of those named can be reached. */
  servers(): readonly Nameserver[] {
    const now = this.#now()
    return this.#ordered((server) => server.udp.rank(now))
  }

  /** A server answered by UDP. */
  answered(server: Nameserver): void {
    server.answeredAt = this.#now()
    server.hasAnswered = true
    server.udp.clear()
  }

  /** A server refused a datagram, or could not be reached. */
  failed(server: Nameserver): void {
    server.udp.set(this.#now(), ++this.#failures)
  }

  /** A server did not answer what it was asked at `since`: it failed, unless it answered something else. Some names take long. */
  wasSilent(server: Nameserver, since: number): void {
    if (!server.hasAnswered || ((server.answeredAt - since) | 0) < 0) this.failed(server)
  }

  /** The servers in the order in which to ask them by TCP. */
  tcpServers(): readonly Nameserver[] {
    const now = this.#now()
    return this.#ordered((server) => Math.max(server.udp.rank(now), server.tcp.rank(now)))
  }

  /** A server answered by TCP. */
  answeredByTcp(server: Nameserver): void {
    server.tcp.clear()
  }

  /** A server refused a connection, or broke it, or took too long. */
  failedByTcp(server: Nameserver): void {
    server.tcp.set(this.#now(), ++this.#failures)
  }

  // Those that did not fail as they stand in the file, then the others, the one that failed longest ago first.
  #ordered(rank: (server: Nameserver) => number): readonly Nameserver[] {
    this.#check()
    return [...this.#servers].sort((a, b) => rank(a) - rank(b))
  }

  #check(): void {
    const now = this.#now()
    if (this.#isRead && ((now - this.#checkedAt) | 0) < STAT_INTERVAL && ((now - this.#checkedAt) | 0) >= 0) return
    this.#checkedAt = now
    const signature = this.#stat()
    if (this.#isRead && signature === this.#signature) return
    this.#isRead = true
    this.#signature = signature
    this.#load(signature === '' ? '' : this.#text())
  }

  /** What tells one text from another; '' when there is no file. Anything but a file could keep a reader waiting. */
  #stat(): string {
    try {
      const stat = statSync(this.#path, { bigint: true })
      return stat.isFile() ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}` : ''
    } catch {
      return ''
    }
  }

  #text(): string {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch {
      return ''
    }
  }

  // A server that stays keeps its history.
  #load(text: string): void {
    const named = parseResolvConf(text).filter((address) => !isLinkLocal(address))
    const known = new Map(this.#servers.map((server) => [formatAny(...server.address), server]))
    const wanted = new Map(named.map((address) => [formatAny(...address), address]))
    if ([...wanted.keys()].join() !== [...known.keys()].join() || this.#version === 0) this.#version++
    this.#servers = [...wanted].map(([name, address]) => known.get(name) ?? new Nameserver(address))
  }
}
