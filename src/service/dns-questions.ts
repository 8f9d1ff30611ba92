/*
 * What the guest asks, from whatever transport: answered from what is known, asked of the host's name servers once for all who wait,
 * and by TCP where UDP is not enough for a client.
 *
 *     ask --> known (dns-cache.ts): answered
 *         --> being asked already: one more client of that question
 *         --> by UDP (dns-upstream.ts) --> kept if it may be, and given to every client
 *                   |  truncated, or no answer: given to the clients that came by UDP
 *                   +--> the others wait --> by TCP (dns-tcp-upstream.ts) --> as above
 *         --> a zone transfer by TCP: by TCP, for this client alone, message by message
 */

import type { Pace, Resolver } from '../host/resolver.js'
import type { AddressFilter } from '../net/address-set.js'
import type { Arena } from '../packet/arena.js'
import { DnsCache } from './dns-cache.js'
import { type Client, isRepeated, type StreamClient } from './dns-client.js'
import { withoutClosed } from './dns-closed.js'
import * as dns from './dns-message.js'
import { type ConnectionSockets, DnsTcpUpstream } from './dns-tcp-upstream.js'
import { type DnsSockets, DnsUpstream, Exchange, REGION_BYTES, type UpstreamParts } from './dns-upstream.js'
import type { ServiceEvents } from './service-events.js'

/** Questions under way: a page may ask for a hundred names at once. Each may have a socket for every server. */
const MAX_QUESTIONS = 512
/** Clients that wait for them, all together: some hundred bytes each. */
const MAX_CLIENTS = 4_096

export interface QuestionOptions {
  /** Questions under way at a time; default 512. */
  readonly maxQuestions?: number
  /** Answers kept; default 4096. */
  readonly cacheEntries?: number
  /** Bytes of answers kept; default 4 MiB. */
  readonly cacheBytes?: number
  /** A number below its argument that nobody can guess. */
  readonly random: (limit: number) => number
  /** Addresses that answers must not name; left out or null: none. */
  readonly closed?: AddressFilter | null
}

/** What has been done, counted. */
export class DnsCounters {
  queries = 0
  /** Dropped, or answered FORMERR or NOTIMP. */
  malformed = 0
  cached = 0
  shared = 0
  forwarded = 0
  /** Of those, how many had to be asked by TCP. */
  connections = 0
  /** No server had an answer: SERVFAIL, or what the last one said. */
  failed = 0
  /** Given up for newer ones. */
  dropped = 0
  /** Too long for who asked. */
  truncated = 0
}

/** A question and all who wait for the answer. */
class Pending extends Exchange {
  readonly query: dns.Query
  /** Name of the queries that it serves; '' for only this one. */
  readonly key: string
  readonly isTransfer: boolean
  /** The list of servers that it was asked of. */
  version: number
  /** Whose message it is: what the answer says to one client alone is for this one. */
  readonly author: Client
  clients: Client[]
  /** A part of the transfer has been given on. */
  hasBegun = false

  constructor(message: Buffer, query: dns.Query, version: number, pace: Pace, author: Client, isTransfer: boolean) {
    super(message, query.question, pace)
    this.query = query
    this.key = isTransfer ? '' : query.key
    this.isTransfer = isTransfer
    this.version = version
    this.author = author
    this.clients = [author]
  }
}

export class DnsQuestions {
  readonly counters = new DnsCounters()
  readonly #events: ServiceEvents
  readonly #resolver: Resolver
  readonly #cache: DnsCache
  readonly #limit: number
  readonly #closed: AddressFilter | null
  readonly #upstream: DnsUpstream<Pending>
  readonly #connections: DnsTcpUpstream<Pending>
  /** Oldest first. */
  readonly #pending = new Set<Pending>()
  readonly #byKey = new Map<string, Pending>()
  #waiting = 0
  #version = 0

  constructor(native: DnsSockets & ConnectionSockets, events: ServiceEvents, arena: Arena, resolver: Resolver, options: QuestionOptions) {
    const limit = options.maxQuestions ?? MAX_QUESTIONS
    this.#events = events
    this.#resolver = resolver
    this.#limit = limit
    this.#closed = options.closed ?? null
    this.#cache = new DnsCache(events.now, options.cacheEntries, options.cacheBytes)
    const byUdp = { concluded: (pending: Pending, answer: Buffer | null) => this.#heard(pending, answer) }
    const byTcp = {
      concluded: (pending: Pending, answer: Buffer | null) => this.#conclude(pending, answer),
      transferred: (pending: Pending, message: Buffer) => this.#transferred(pending, message),
    }
    const { random } = options
    const parts: UpstreamParts = { events, bytes: arena.bytes, region: arena.allot(REGION_BYTES), resolver, capacity: limit, random }
    this.#upstream = new DnsUpstream(native, parts, byUdp)
    this.#connections = new DnsTcpUpstream(native, parts, byTcp)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#pending.size
  }

  ask(client: Client, message: Buffer, query: dns.Query): void {
    this.#follow()
    if (client.transport === 'tcp' && dns.isTransfer(query.question)) {
      this.#transfer(client, message, query)
      return
    }
    const known = query.key === '' ? null : this.#cache.get(query.key, this.#events.now)
    if (known !== null) {
      this.counters.cached++
      this.reply(client, this.#open(known))
      return
    }
    const asked = this.#byKey.get(query.key)
    if (asked !== undefined) this.#join(asked, client)
    else this.#send(this.#begin(new Pending(message, query, this.#version, this.#resolver.pace, client, false)))
  }

  /** Sends an answer, or one that says that it is too long. */
  reply(client: Client, answer: Buffer): void {
    const isTooLong = answer.length > client.payload
    if (isTooLong) this.counters.truncated++
    client.take(isTooLong ? dns.truncated(answer) : answer)
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    if (this.#pending.size > 0) this.#follow()
    const datagrams = this.#upstream.expire(now)
    const connections = this.#connections.expire(now)
    return datagrams < 0 || (connections >= 0 && connections < datagrams) ? connections : datagrams
  }

  /** Closes every socket; nobody is answered any more. */
  close(): void {
    this.#upstream.close()
    this.#connections.close()
    this.#cache.clear()
    this.#pending.clear()
    this.#byKey.clear()
    this.#waiting = 0
  }

  // Another network, another view of the names: what is known is forgotten, and what is under way asked again, for the servers that it was
  // asked of may be out of reach now. A transfer goes on, or not, where it comes from.
  #follow(): void {
    const version = this.#resolver.version
    if (version === this.#version) return
    this.#version = version
    this.#cache.clear()
    for (const pending of this.#pending) {
      if (pending.version === version || pending.isTransfer) continue
      this.#upstream.end(pending)
      this.#connections.end(pending)
      pending.version = version
      pending.pace = this.#resolver.pace
      this.#send(pending)
    }
  }

  // resolv.conf(5), `use-vc`: by TCP alone.
  #send(pending: Pending): void {
    if (!this.#resolver.usesTcp) {
      this.#upstream.ask(pending)
      return
    }
    this.counters.connections++
    this.#connections.ask(pending)
  }

  #begin(pending: Pending): Pending {
    const oldest = this.#pending.values().next().value
    if (oldest !== undefined && this.#pending.size >= this.#limit) this.#drop(oldest)
    this.counters.forwarded++
    this.#pending.add(pending)
    if (pending.key !== '') this.#byKey.set(pending.key, pending)
    this.#waiting++
    pending.startedAt = this.#events.now
    return pending
  }

  #join(pending: Pending, client: Client): void {
    // It grew impatient; it has our word already.
    if (pending.clients.some((known) => isRepeated(known, client))) return
    if (this.#waiting >= MAX_CLIENTS) {
      this.counters.dropped++
      this.#giveUp(client, pending)
      return
    }
    this.counters.shared++
    pending.clients.push(client)
    this.#waiting++
  }

  #drop(pending: Pending): void {
    this.counters.dropped++
    this.#upstream.end(pending)
    this.#connections.end(pending)
    this.#remove(pending)
    for (const client of pending.clients) this.#giveUp(client, pending)
  }

  // Who came by UDP asks again, if it still wants to know. Half a transfer is ended as one that cannot be mistaken for a whole one.
  #giveUp(client: Client, pending: Pending): void {
    if (client.transport === 'udp') return
    if (pending.hasBegun) client.abandon()
    else client.take(dns.empty(pending.message, pending.question, pending.query, dns.SERVFAIL))
  }

  #remove(pending: Pending): void {
    if (!this.#pending.delete(pending)) return
    this.#waiting -= pending.clients.length
    if (this.#byKey.get(pending.key) === pending) this.#byKey.delete(pending.key)
  }

  // The end by UDP: of the question, unless somebody can have more.
  #heard(pending: Pending, answer: Buffer | null): void {
    const isEnough = answer !== null && (dns.flags(answer) & dns.TC) === 0
    const streams = isEnough ? [] : pending.clients.filter((client) => client.transport === 'tcp')
    if (streams.length === 0) {
      this.#conclude(pending, answer)
      return
    }
    const others = pending.clients.filter((client) => client.transport === 'udp')
    pending.clients = streams
    this.#waiting -= others.length
    this.counters.connections++
    this.#give(pending, others, answer)
    this.#connections.ask(pending)
  }

  #conclude(pending: Pending, answer: Buffer | null): void {
    this.#remove(pending)
    const isFailed = answer === null || dns.rcode(answer) === dns.SERVFAIL || dns.rcode(answer) === dns.REFUSED
    if (isFailed) this.counters.failed++
    else if (pending.key !== '' && pending.version === this.#resolver.version) {
      this.#cache.put(pending.key, answer, pending.question, this.#events.now)
    }
    if (pending.hasBegun && answer === null) this.#giveUp(pending.author, pending)
    else this.#give(pending, pending.clients, answer)
  }

  #give(pending: Pending, clients: readonly Client[], answer: Buffer | null): void {
    const { message, question, query } = pending
    const whole = answer === null ? dns.empty(message, question, query, dns.SERVFAIL) : this.#open(answer)
    const isShared = clients.some((client) => client !== pending.author)
    const records = isShared ? dns.readRecords(whole, question) : null
    const shared = records === null ? whole : (dns.withoutOptions(whole, records) ?? whole)
    for (const client of clients) this.reply(client, client === pending.author ? whole : shared)
  }

  // When it is given, not when it is kept: which addresses are closed may change.
  #open(answer: Buffer): Buffer {
    return this.#closed === null ? answer : withoutClosed(answer, this.#closed)
  }

  #transfer(client: StreamClient, message: Buffer, query: dns.Query): void {
    const pending = new Pending(message, query, this.#version, this.#resolver.pace, client, true)
    client.begin({
      resume: () => this.#connections.resume(pending),
      cancel: () => {
        this.#connections.end(pending)
        this.#remove(pending)
      },
    })
    this.counters.connections++
    this.#connections.ask(this.#begin(pending))
  }

  #transferred(pending: Pending, message: Buffer): boolean {
    pending.hasBegun = true
    return pending.author.transport === 'tcp' && pending.author.part(this.#open(message))
  }
}
