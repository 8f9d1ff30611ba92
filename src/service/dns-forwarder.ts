/*
 * DNS for the guest: what it sends by UDP to the DNS address, port 53. RFC 1035; RFC 5625 (what a DNS proxy should leave alone).
 *
 *     receive --> malformed: dropped, or FORMERR
 *             --> host.netloom.internal: the gateway's address, if that is the host
 *             --> known (dns-cache.ts): answered
 *             --> being asked already: one more client of that question
 *             --> asked (dns-upstream.ts) --> concluded --> kept if it may be, and given to every client
 *
 * A message passes as it is, both ways: record types and EDNS options that nobody here has heard of work. Only the identifier is another
 * one; every client gets its own back, and its own spelling of the name (some send it in random case, and compare).
 * An answer that is longer than the client can take is cut to one that makes it ask again by TCP, which is relayed as any connection.
 *
 * Off the packet path: one message a name, so objects are fine. No timers: `expire` is part of the turn.
 */

import { encode, type OptAnswer, type Packet } from 'dns-packet'
import type { Resolver } from '../host/resolver.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import { type DatagramReceiver, MAX_PAYLOAD, type Udp } from '../udp/udp.js'
import { format } from '../wire/address.js'
import { PORT_DNS } from '../wire/numbers.js'
import { DnsCache } from './dns-cache.js'
import * as dns from './dns-message.js'
import { type AnswerReceiver, type DnsSockets, DnsUpstream, Exchange, type ServiceLoop } from './dns-upstream.js'

/** The name of the machine that the sandbox runs on. */
export const HOST_NAME = 'host.netloom.internal'

/** Seconds. It does not change while the network is there. */
const HOST_TTL = 300
/** Questions under way: a page may ask for a hundred names at once. Each may have a socket for every server. */
const MAX_QUESTIONS = 512
/** Clients that wait for them, all together: some hundred bytes each. */
const MAX_CLIENTS = 4_096
/** Bytes. A query is a name and options; several times what one can need. */
const MAX_QUERY = 4_096

/** In the form of dns.Question. */
const HOST_NAME_KEY = `${HOST_NAME.split('.')
  .map((label) => String.fromCharCode(label.length) + label)
  .join('')}\0`

export interface DnsForwarderOptions {
  /** Whether the gateway address is the host: if so, it has a name. */
  readonly hostLoopback: boolean
  /** Questions under way at a time; default 512. */
  readonly maxQuestions?: number
  /** Answers kept; default 4096. */
  readonly cacheEntries?: number
  /** Bytes of answers kept; default 4 MiB. */
  readonly cacheBytes?: number
  /** A number below its argument that nobody can guess; default crypto's. */
  readonly random?: (limit: number) => number
}

/** What has been done, counted. */
export class DnsCounters {
  queries = 0
  /** Dropped, or answered FORMERR or NOTIMP. */
  malformed = 0
  cached = 0
  shared = 0
  forwarded = 0
  /** No server had an answer: SERVFAIL, or what the last one said. */
  failed = 0
  /** Given up for newer ones. */
  dropped = 0
  /** Too long for who asked. */
  truncated = 0
}

/** Who asked, and how an answer is to look to it. */
interface Client {
  readonly macHigh: number
  readonly macLow: number
  readonly address: number
  readonly port: number
  readonly id: number
  /** Bytes. */
  readonly payload: number
  /** The question as this client spelled it; empty when it could not be read. */
  readonly question: Buffer
}

/** A question and all who wait for the answer. The first one is who sent the message. */
class Pending extends Exchange {
  readonly query: dns.Query
  /** The list of servers that it was asked of. */
  readonly version: number
  readonly clients: Client[] = []

  constructor(message: Buffer, query: dns.Query, version: number) {
    super(message, query.question)
    this.query = query
    this.version = version
  }
}

export class DnsForwarder implements DatagramReceiver, AnswerReceiver<Pending> {
  readonly counters = new DnsCounters()
  readonly #loop: ServiceLoop
  readonly #udp: Udp
  readonly #interface: Interface
  readonly #resolver: Resolver
  readonly #options: DnsForwarderOptions
  readonly #cache: DnsCache
  readonly #upstream: DnsUpstream<Pending>
  /** Oldest first. */
  readonly #pending = new Set<Pending>()
  readonly #byKey = new Map<string, Pending>()
  #waiting = 0
  #version = 0
  #isClosed = false

  constructor(native: DnsSockets, loop: ServiceLoop, udp: Udp, resolver: Resolver, options: DnsForwarderOptions) {
    this.#loop = loop
    this.#udp = udp
    this.#interface = udp.interface
    this.#resolver = resolver
    this.#options = options
    this.#cache = new DnsCache(loop.now, options.cacheEntries, options.cacheBytes)
    this.#upstream = new DnsUpstream(native, loop, this.#interface.arena, resolver, this, this.#limit, options.random)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#upstream.underWay
  }

  receive(inbound: Inbound, at: number, length: number): void {
    if (this.#isClosed) return
    this.counters.queries++
    const message = Buffer.from(this.#interface.arena.bytes.subarray(at, at + length))
    // An answer to an answer would have no end; and there is nothing to answer to port 0.
    if (length < dns.HEADER_LENGTH || length > MAX_QUERY || (dns.flags(message) & dns.QR) !== 0 || inbound.ports >>> 16 === 0) {
      this.counters.malformed++
      return
    }
    const question = dns.readQuestion(message)
    const query = question === null ? null : dns.readQuery(message, question)
    const client = clientOf(inbound, message, question, query)
    const isQuery = (dns.flags(message) & dns.OPCODE) === 0
    if (query === null || !isQuery) {
      this.counters.malformed++
      this.#reply(client, dns.empty(message, question, query, isQuery ? dns.FORMERR : dns.NOTIMP))
    } else if (this.#isHost(query.question)) this.#reply(client, this.#hostAnswer(message, query))
    else this.#forward(client, message, query)
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    return this.#upstream.expire(now)
  }

  /** Closes every socket; nobody is answered any more. */
  close(): void {
    this.#isClosed = true
    this.#upstream.close()
    this.#cache.clear()
    this.#pending.clear()
    this.#byKey.clear()
    this.#waiting = 0
  }

  concluded(pending: Pending, answer: Buffer | null): void {
    this.#remove(pending)
    const { message, question, query } = pending
    if (answer === null || dns.rcode(answer) === dns.SERVFAIL || dns.rcode(answer) === dns.REFUSED) this.counters.failed++
    else if (query.key !== '' && pending.version === this.#resolver.version) this.#cache.put(query.key, answer, question, this.#loop.now)
    const whole = answer ?? dns.empty(message, question, query, dns.SERVFAIL)
    const records = pending.clients.length > 1 ? dns.readRecords(whole, question) : null
    const shared = records === null ? whole : (dns.withoutOptions(whole, records) ?? whole)
    for (const [i, client] of pending.clients.entries()) this.#reply(client, i === 0 ? whole : shared)
  }

  get #limit(): number {
    return this.#options.maxQuestions ?? MAX_QUESTIONS
  }

  #forward(client: Client, message: Buffer, query: dns.Query): void {
    // Another network, another view of the names.
    const version = this.#resolver.version
    if (version !== this.#version) this.#cache.clear()
    this.#version = version
    const known = query.key === '' ? null : this.#cache.get(query.key, this.#loop.now)
    if (known !== null) {
      this.counters.cached++
      this.#reply(client, known)
      return
    }
    const asked = this.#byKey.get(query.key)
    if (asked !== undefined) this.#join(asked, client)
    else this.#ask(new Pending(message, query, version), client)
  }

  #ask(pending: Pending, client: Client): void {
    const oldest = this.#pending.values().next().value
    if (oldest !== undefined && this.#pending.size >= this.#limit) {
      this.counters.dropped++
      this.#upstream.end(oldest)
      this.#remove(oldest)
    }
    this.counters.forwarded++
    this.#pending.add(pending)
    if (pending.query.key !== '') this.#byKey.set(pending.query.key, pending)
    pending.clients.push(client)
    this.#waiting++
    this.#upstream.ask(pending)
  }

  #join(pending: Pending, client: Client): void {
    const isSame = (other: Client) => other.id === client.id && other.port === client.port && other.address === client.address
    // It grew impatient; it has our word already.
    if (pending.clients.some(isSame)) return
    if (this.#waiting >= MAX_CLIENTS) {
      this.counters.dropped++
      return
    }
    this.counters.shared++
    pending.clients.push(client)
    this.#waiting++
  }

  #remove(pending: Pending): void {
    if (!this.#pending.delete(pending)) return
    this.#waiting -= pending.clients.length
    if (this.#byKey.get(pending.query.key) === pending) this.#byKey.delete(pending.query.key)
  }

  #isHost(question: dns.Question): boolean {
    return this.#options.hostLoopback && question.class === dns.CLASS_IN && question.name === HOST_NAME_KEY
  }

  // RFC 2308, 2.2: a name that is there without a record of that type is no error.
  #hostAnswer(message: Buffer, query: dns.Query): Buffer {
    if (query.question.type !== dns.TYPE_A && query.question.type !== dns.TYPE_ANY) {
      return dns.empty(message, query.question, query, dns.NOERROR)
    }
    const opt: OptAnswer = {
      type: 'OPT',
      name: '.',
      udpPayloadSize: query.payload,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    }
    const answer: Packet = {
      type: 'response',
      flags: dns.ownFlags(message) | dns.AA,
      // The client's own question takes its place, ANY included.
      questions: [{ name: HOST_NAME, type: 'A' }],
      answers: [{ name: HOST_NAME, type: 'A', ttl: HOST_TTL, data: format(this.#interface.addresses.gateway) }],
      additionals: query.opt === null ? [] : [opt],
    }
    return encode(answer)
  }

  /** Sends an answer as its client wants it: identifier, spelling, length. The answer itself stays as it is. */
  #reply(client: Client, answer: Buffer): void {
    let message = answer
    if (answer.length > Math.min(client.payload, MAX_PAYLOAD)) {
      this.counters.truncated++
      message = dns.truncated(answer)
    }
    const bytes = this.#interface.arena.bytes
    const at = this.#udp.payloadAt
    bytes.set(message, at)
    bytes[at] = client.id >>> 8
    bytes[at + 1] = client.id
    bytes.set(client.question, at + dns.HEADER_LENGTH)
    const source = this.#interface.addresses.dns
    this.#udp.send(client.macHigh, client.macLow, source, PORT_DNS, client.address, client.port, message.length)
  }
}

function clientOf(inbound: Inbound, message: Buffer, question: dns.Question | null, query: dns.Query | null): Client {
  return {
    macHigh: inbound.macHigh,
    macLow: inbound.macLow,
    address: inbound.source,
    port: inbound.ports >>> 16,
    id: dns.id(message),
    payload: query?.payload ?? dns.MIN_PAYLOAD,
    question: question === null ? Buffer.alloc(0) : message.subarray(dns.HEADER_LENGTH, question.end),
  }
}
