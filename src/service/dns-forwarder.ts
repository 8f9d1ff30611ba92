/*
 * DNS for the guest: what it sends by UDP or TCP to the DNS address, port 53. RFC 1035; RFC 5625 (what a DNS proxy should leave alone).
 *
 *     receive (UDP), query (TCP: dns-streams.ts)
 *         --> no query: dropped, or its stream is closed
 *         --> malformed: FORMERR
 *         --> a name that is ours, or its address (dns-names.ts): answered
 *         --> anything else: dns-questions.ts
 *
 * A message passes as it is, both ways: record types and EDNS options that nobody here has heard of work. Only the identifier is another
 * one; every client gets its own back, and its own spelling of the name (dns-client.ts).
 * An answer that is longer than the client can take by UDP is cut to one that makes it ask again by TCP.
 *
 * Off the packet path: one message a name, so objects are fine. No timers: `expire` is part of the turn.
 */

import type { Resolver } from '../host/resolver.js'
import type { Inbound } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import { type DatagramReceiver, MAX_PAYLOAD, type Udp } from '../udp/udp.js'
import { sooner } from '../util/wait.js'
import { PORT_DNS } from '../wire/numbers.js'
import { type Client, type DatagramClient, dress, type StreamClient } from './dns-client.js'
import * as dns from './dns-message.js'
import type { DnsNames } from './dns-names.js'
import { type DnsCounters, DnsQuestions, type QuestionOptions } from './dns-questions.js'
import { DnsStreams, type QueryReceiver, type StreamSockets } from './dns-streams.js'
import type { ConnectionSockets } from './dns-tcp-upstream.js'
import type { DnsSockets } from './dns-upstream.js'
import { ServiceEvents, type ServiceLoop } from './service-events.js'

/** Bytes. A query is a name and options; several times what one can need. */
const MAX_QUERY = 4_096

export interface DnsForwarderOptions extends QuestionOptions {
  /** What is answered here. */
  readonly names: DnsNames
}

/** What is used of the addon. */
export type ForwarderSockets = DnsSockets & ConnectionSockets & StreamSockets

/** A query by UDP. */
class Datagram implements DatagramClient {
  readonly transport = 'udp'
  readonly #udp: Udp
  readonly #macHigh: number
  readonly #macLow: number
  readonly #isIpv6: boolean
  /** Ours that was asked. */
  readonly #asked: Int32Array
  readonly address: Int32Array
  readonly port: number
  readonly id: number
  question: Buffer = Buffer.alloc(0)
  payload = dns.MIN_PAYLOAD

  constructor(udp: Udp, inbound: Inbound, message: Buffer) {
    this.#udp = udp
    this.#macHigh = inbound.macHigh
    this.#macLow = inbound.macLow
    this.#isIpv6 = inbound.isIpv6
    this.#asked = inbound.words.slice(4, 8)
    this.address = inbound.words.slice(0, 4)
    this.port = inbound.ports >>> 16
    this.id = dns.id(message)
  }

  take(answer: Buffer): void {
    const udp = this.#udp
    const { arena, out } = udp.interface
    const at = udp.begin()
    arena.bytes.set(answer, at)
    dress(this, arena.bytes, at)
    out.set(this.#macHigh, this.#macLow, this.#isIpv6, this.#asked, 0, this.address, 0)
    udp.send(PORT_DNS, this.port, answer.length)
  }
}

export class DnsForwarder implements DatagramReceiver, QueryReceiver {
  /** Serves the guest's TCP connections. */
  readonly streams: DnsStreams
  readonly #udp: Udp
  readonly #interface: Interface
  readonly #names: DnsNames
  readonly #questions: DnsQuestions
  #isClosed = false

  constructor(native: ForwarderSockets, loop: ServiceLoop, udp: Udp, resolver: Resolver, options: DnsForwarderOptions) {
    const events = new ServiceEvents(loop)
    this.#udp = udp
    this.#interface = udp.interface
    this.#names = options.names
    this.#questions = new DnsQuestions(native, events, this.#interface.arena, resolver, options)
    this.streams = new DnsStreams(native, events, this.#interface.arena, this)
  }

  get counters(): DnsCounters {
    return this.#questions.counters
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#questions.underWay
  }

  /** A datagram of the guest. */
  receive(inbound: Inbound, at: number, length: number): void {
    if (this.#isClosed) return
    const message = Buffer.from(this.#interface.arena.bytes.subarray(at, at + length))
    // There is nothing to answer to port 0.
    if (this.#isQuery(message) && inbound.ports >>> 16 !== 0) this.#serve(new Datagram(this.#udp, inbound, message), message)
    else this.counters.malformed++
  }

  /** A message of a stream. */
  query(message: Buffer, client: (id: number) => StreamClient): boolean {
    if (this.#isQuery(message)) {
      this.#serve(client(dns.id(message)), message)
      return true
    }
    this.counters.malformed++
    return false
  }

  /** Goes on where somebody was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    return sooner(this.#questions.expire(now), this.streams.expire(now))
  }

  /** Closes every socket; nobody is answered any more. */
  close(): void {
    this.#isClosed = true
    this.streams.close()
    this.#questions.close()
  }

  // An answer to an answer would have no end.
  #isQuery(message: Buffer): boolean {
    this.counters.queries++
    return message.length >= dns.HEADER_LENGTH && message.length <= MAX_QUERY && (dns.flags(message) & dns.QR) === 0
  }

  #serve(client: Client, message: Buffer): void {
    const question = dns.readQuestion(message)
    const query = question === null ? null : dns.readQuery(message, question)
    if (question !== null) client.question = message.subarray(dns.HEADER_LENGTH, question.end)
    if (query !== null && client.transport === 'udp') client.payload = Math.min(query.payload, MAX_PAYLOAD)
    const isQuery = (dns.flags(message) & dns.OPCODE) === 0
    if (query === null || !isQuery) {
      this.counters.malformed++
      this.#questions.reply(client, dns.empty(message, question, query, isQuery ? dns.FORMERR : dns.NOTIMP))
      return
    }
    const own = this.#names.answer(message, query)
    if (own !== null) this.#questions.reply(client, own)
    else this.#questions.ask(client, message, query)
  }
}
