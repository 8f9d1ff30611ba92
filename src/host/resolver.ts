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

import { networkInterfaces } from 'node:os'
import { formatAny, isMapped, type Words } from '../wire/address.js'
import { isLinkLocal, parseResolvConf, type ResolvConf, type ServerAddress } from './resolv-conf.js'
import { ResolvConfFile, type ResolvConfSource } from './resolv-conf-file.js'

/** ms between two looks at the file. */
const STAT_INTERVAL = 1_000
/** ms for which a server that failed is asked last: long enough to matter, short enough that one lost datagram does not for long. */
const FAILURE_MEMORY = 10_000
/** ms after which a question is given up, whatever the transport: whoever asks does so then (resolv.conf(5)). */
const DEADLINE = 5_000
/** How often the C library asks each server where resolv.conf does not say; and ms for which we would wait, whatever that says. */
const DEFAULT_ATTEMPTS = 2
const MAX_DEADLINE = 30_000

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
export class Nameserver implements ServerAddress {
  readonly address: Words
  readonly zone: string
  readonly udp = new Failure()
  readonly tcp = new Failure()
  /** ms, when it last answered; meaningful when `hasAnswered`. */
  answeredAt = 0
  hasAnswered = false
  /** Its answers have the name of the question in other letters than the question had. */
  changesCase = false

  constructor({ address, zone }: ServerAddress) {
    this.address = address
    this.zone = zone
  }

  /** IP version to reach it with: 4 or 6. */
  get family(): 4 | 6 {
    return isMapped(this.address[0], this.address[1], this.address[2]) ? 4 : 6
  }

  /**
   * Number of the interface that leads to it, 0 for whichever does; -1 when it cannot be found out now, for want of a descriptor to ask with.
   * Looked up each time: one that comes back has another number.
   */
  get scope(): number {
    if (this.zone === '') return 0
    if (/^\d+$/.test(this.zone)) return Number(this.zone)
    try {
      for (const own of networkInterfaces()[this.zone] ?? []) if (own.family === 'IPv6' && own.scopeid > 0) return own.scopeid
    } catch {
      return -1
    }
    return 0
  }
}

/** How long to wait for servers. */
export interface Pace {
  /** ms until the next server is asked, too; null: not said. */
  readonly patience: number | null
  /** How often each server is asked. */
  readonly rounds: number
  /** ms after which a question is given up. */
  readonly deadline: number
}

/** One text for each place that a server can be at. */
const nameOf = ({ address, zone }: ServerAddress): string => `${formatAny(...address)}%${zone}`

export class Resolver {
  readonly #now: () => number
  readonly #source: ResolvConfSource
  #servers: readonly Nameserver[] = []
  #conf: ResolvConf = parseResolvConf('')
  /** Questions, for `rotate`. */
  #turns = 0
  #checkedAt = 0
  #isRead = false
  #signature = ''
  #version = 0
  #failures = 0

  /** `now`: int32 ms, of the clock that every other argument of that name is read from. */
  constructor(now: () => number, source: ResolvConfSource = new ResolvConfFile()) {
    this.#now = now
    this.#source = source
  }

  /** Counts the lists of servers there have been: what one list answered need not hold for the next. */
  get version(): number {
    this.#check()
    return this.#version
  }

  /** Names below which the host looks for names that are short; what is given to the guest of them is others' choice. */
  get search(): readonly string[] {
    this.#check()
    return this.#conf.search
  }

  /** Options of resolv.conf that are for the guest's resolver as well. */
  get options(): readonly string[] {
    this.#check()
    return this.#conf.options
  }

  /** Whether the host's servers are to be asked by TCP alone. */
  get usesTcp(): boolean {
    this.#check()
    return this.#conf.usesTcp
  }

  /** Without `timeout` in resolv.conf as fast as it makes sense; with it as patient as the C library would be. */
  get pace(): Pace {
    this.#check()
    const { timeout, attempts } = this.#conf
    const rounds = attempts === 0 ? Number.POSITIVE_INFINITY : attempts
    if (timeout === 0) return { patience: null, rounds, deadline: DEADLINE }
    const total = timeout * 1000 * (attempts === 0 ? DEFAULT_ATTEMPTS : attempts) * this.#servers.length
    return { patience: timeout * 1000, rounds, deadline: Math.min(MAX_DEADLINE, total) }
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

  // Those that did not fail as they stand in the file, or each first in turn, then the others, the one that failed longest ago first.
  #ordered(rank: (server: Nameserver) => number): readonly Nameserver[] {
    this.#check()
    const first = this.#conf.rotate && this.#servers.length > 0 ? this.#turns++ % this.#servers.length : 0
    return [...this.#servers.slice(first), ...this.#servers.slice(0, first)].sort((a, b) => rank(a) - rank(b))
  }

  #check(): void {
    const now = this.#now()
    if (this.#isRead && ((now - this.#checkedAt) | 0) < STAT_INTERVAL && ((now - this.#checkedAt) | 0) >= 0) return
    this.#checkedAt = now
    const signature = this.#source.signature()
    if (this.#isRead && signature === this.#signature) return
    this.#isRead = true
    this.#signature = signature
    this.#load(signature === '' ? '' : this.#source.text())
  }

  // A server that stays keeps its history.
  #load(text: string): void {
    this.#conf = parseResolvConf(text)
    const named = this.#conf.servers.filter(({ address, zone }) => !isLinkLocal(address) || zone !== '')
    const known = new Map(this.#servers.map((server) => [nameOf(server), server]))
    const wanted = new Map(named.map((server) => [nameOf(server), server]))
    if ([...wanted.keys()].join() !== [...known.keys()].join() || this.#version === 0) this.#version++
    this.#servers = [...wanted].map(([name, server]) => known.get(name) ?? new Nameserver(server))
  }
}
