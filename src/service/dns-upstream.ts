/*
 * Questions under way to the host's name servers, by UDP: RFC 1035, 4.2.1; RFC 5452 (what makes an answer hard to forge).
 *
 *     ask --> server 1 --1 s--> server 2 --1 s--> server 3 --1 s--> server 1 again ... 5 s: given up (resolv.conf may say otherwise)
 *               |  refused, unreachable, SERVFAIL, REFUSED: the next one at once, and that one no more
 *               |  answer: done
 *
 * Every server is asked from a socket of its own, fresh for the question and connected, so that it has a random port, the kernel drops
 * what comes from anywhere else, and errors come back; and with a random identifier. All of a question's sockets stay open until it
 * ends: a server that took longer than a second may still be the one that knows.
 *
 * The letters of the name are in random case (dns-spelling.ts). A server that changes them (its answer has identifier and question right, and
 * came to the right port) is asked again, from another port and plainly, and so from then on.
 *
 * A message that is not the answer (identifier, question) is ignored: the wait goes on.
 */

import { constants } from 'node:os'
import { isShortage } from '../flow/unreachable.js'
import { EPOLLERR, EPOLLIN, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Nameserver, Pace, Resolver } from '../host/resolver.js'
import { PORT_DNS } from '../wire/numbers.js'
import * as dns from './dns-message.js'
import { isSpelled, respelled } from './dns-spelling.js'
import { DnsTable } from './dns-table.js'
import { judge } from './dns-verdict.js'
import { PART_DNS_UDP, type ServiceEvents } from './service-events.js'

/** What is used of the addon. */
export type DnsSockets = Pick<
  NativeContext,
  'udpOpen' | 'udpConnect' | 'udpSend' | 'udpReceive' | 'errorReceive' | 'epollAdd' | 'closeDescriptor'
>

/** ms until the next server is asked: RFC 1035, 7.2 would wait longer, but whoever asks gives up after 5 s (resolv.conf(5)). */
const PATIENCE = 1_000
/** The longest datagram there is, in bytes. */
export const REGION_BYTES = 65_536
/** Messages read from one socket before others get their turn. */
const MESSAGES_PER_EVENT = 16
/** resolv.conf(5) has at most three servers. */
export const SERVER_BITS = 2
const CLOSED = -1

const EAGAIN = constants.errno.EAGAIN
const EMSGSIZE = constants.errno.EMSGSIZE

/** One server and a question to it. */
class Attempt {
  readonly server: Nameserver
  id: number
  /** The name as it is asked for; null: as the client spelled it. */
  name: Buffer | null
  descriptor = CLOSED
  sentAt = 0
  /** Times that it was asked. */
  rounds = 0
  /** It will not answer any more. */
  isOver = false

  constructor(server: Nameserver, id: number, name: Buffer | null) {
    this.server = server
    this.id = id
    this.name = name
  }
}

/** A question under way. */
export class Exchange {
  readonly message: Buffer
  readonly question: dns.Question
  pace: Pace
  handle = 0
  startedAt = 0
  attempts: readonly Attempt[] = []
  /** The attempt that is waited for. */
  turn = -1
  /** The last answer that was an error which another server might not have. */
  refusal: Buffer | null = null

  constructor(message: Buffer, question: dns.Question, pace: Pace) {
    this.message = message
    this.question = question
    this.pace = pace
  }
}

/** What questions are asked with, whatever the transport. */
export interface UpstreamParts {
  readonly events: ServiceEvents
  /** The arena, and where in it REGION_BYTES are for one message: nobody keeps it there. */
  readonly bytes: Uint8Array
  readonly region: number
  readonly resolver: Resolver
  /** Most questions at a time. */
  readonly capacity: number
  /** A number below `limit` that nobody can guess. */
  readonly random: (limit: number) => number
}

/** Is told how questions end. */
export interface AnswerReceiver<E> {
  /** `answer`: with any identifier, null when there is none. The exchange is over. */
  concluded(exchange: E, answer: Buffer | null): void
}

export class DnsUpstream<E extends Exchange> implements ReadyHandler {
  readonly #native: DnsSockets
  readonly #parts: UpstreamParts
  readonly #receiver: AnswerReceiver<E>
  readonly #exchanges: DnsTable<E>

  constructor(native: DnsSockets, parts: UpstreamParts, receiver: AnswerReceiver<E>) {
    const { events, capacity } = parts
    this.#native = native
    this.#parts = parts
    this.#receiver = receiver
    this.#exchanges = new DnsTable(events, PART_DNS_UDP, capacity, SERVER_BITS, (exchange) => this.#waited(exchange))
    events.serve(PART_DNS_UDP, this)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#exchanges.size
  }

  /** Asks. The receiver may be told before this returns. */
  ask(exchange: E): void {
    if (!this.#exchanges.add(exchange)) {
      this.#receiver.concluded(exchange, null)
      return
    }
    exchange.startedAt = this.#parts.events.now
    exchange.turn = -1
    exchange.refusal = null
    const { resolver, random } = this.#parts
    exchange.attempts = resolver.servers().map((server) => {
      const name = server.changesCase ? null : respelled(exchange.message, exchange.question, random)
      return new Attempt(server, random(0x10000), name)
    })
    this.#next(exchange)
  }

  /** Ends a question; the receiver is not told. */
  end(exchange: E): void {
    if (this.#exchanges.remove(exchange)) for (const attempt of exchange.attempts) this.#finish(attempt)
  }

  ready(index: number, generation: number, events: number): void {
    const exchange = this.#exchanges.find(index, generation)
    const attempt = exchange?.attempts[this.#exchanges.number(index)]
    if (exchange === undefined || attempt === undefined || attempt.isOver) return
    for (let i = 0; i < MESSAGES_PER_EVENT && !attempt.isOver; i++) {
      const length = this.#native.udpReceive(attempt.descriptor, this.#parts.region, REGION_BYTES)
      if (length === -EAGAIN) {
        // The error has been told to a send already; queued it still is, and would wake us for ever.
        if ((events & EPOLLERR) !== 0 && this.#native.errorReceive(attempt.descriptor) !== 0) this.#unreachable(exchange, attempt)
        return
      }
      if (length >= 0)
        this.#receive(exchange, attempt, Buffer.from(this.#parts.bytes.subarray(this.#parts.region, this.#parts.region + length)))
      // No memory for us: not the server's failure.
      else if (isShortage(-length)) this.#over(exchange, attempt)
      else if (length !== -EMSGSIZE) this.#unreachable(exchange, attempt)
    }
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    return this.#exchanges.expire(now)
  }

  close(): void {
    for (const exchange of this.#exchanges.all()) this.end(exchange)
  }

  #receive(exchange: E, attempt: Attempt, message: Buffer): void {
    const verdict = judge(message, attempt.id, exchange.question)
    if (verdict === 'other') return
    if (verdict !== 'bare' && attempt.name !== null && !isSpelled(message, attempt.name)) {
      this.#askPlainly(exchange, attempt)
      return
    }
    this.#parts.resolver.answered(attempt.server)
    if (verdict === 'answer') {
      this.#conclude(exchange, message)
      return
    }
    if (verdict === 'refusal') exchange.refusal = message
    this.#over(exchange, attempt)
  }

  // It is no time lost: the server is there.
  #askPlainly(exchange: E, attempt: Attempt): void {
    attempt.server.changesCase = true
    attempt.name = null
    attempt.id = this.#parts.random(0x10000)
    this.#native.closeDescriptor(attempt.descriptor)
    attempt.descriptor = CLOSED
    if (!this.#send(exchange, attempt, exchange.attempts.indexOf(attempt))) this.#over(exchange, attempt)
  }

  #unreachable(exchange: E, attempt: Attempt): void {
    this.#parts.resolver.failed(attempt.server)
    this.#over(exchange, attempt)
  }

  #over(exchange: E, attempt: Attempt): void {
    this.#finish(attempt)
    if (exchange.attempts[exchange.turn] === attempt || exchange.attempts.every((one) => one.isOver)) this.#next(exchange)
  }

  #finish(attempt: Attempt): void {
    attempt.isOver = true
    if (attempt.descriptor !== CLOSED) this.#native.closeDescriptor(attempt.descriptor)
    attempt.descriptor = CLOSED
  }

  // Time is up for the server whose turn it was, or for the question.
  #waited(exchange: E): void {
    const attempt = exchange.attempts[exchange.turn]
    if (attempt !== undefined && !attempt.isOver) this.#parts.resolver.wasSilent(attempt.server, attempt.sentAt)
    if (((this.#parts.events.now - exchange.startedAt) | 0) >= exchange.pace.deadline) this.#conclude(exchange, exchange.refusal)
    else this.#next(exchange)
  }

  // Asks the next server that may still answer: the same one again when there is no other. When each has been asked as often as it may
  // be, what is left is to wait.
  #next(exchange: E): void {
    const { patience, rounds, deadline } = exchange.pace
    const end = (exchange.startedAt + deadline) | 0
    const count = exchange.attempts.length
    for (let i = 1; i <= count; i++) {
      const turn = (exchange.turn + i) % count
      const attempt = exchange.attempts[turn]!
      if (attempt.isOver || attempt.rounds >= rounds || !this.#send(exchange, attempt, turn)) continue
      exchange.turn = turn
      const next = (attempt.sentAt + (patience ?? PATIENCE)) | 0
      this.#exchanges.schedule(exchange, ((next - end) | 0) < 0 ? next : end)
      return
    }
    if (exchange.attempts.every((attempt) => attempt.isOver)) this.#conclude(exchange, exchange.refusal)
    else this.#exchanges.schedule(exchange, end)
  }

  #conclude(exchange: E, answer: Buffer | null): void {
    this.end(exchange)
    this.#receiver.concluded(exchange, answer)
  }

  /** False when the server cannot be reached: its attempt is over. */
  #send(exchange: E, attempt: Attempt, turn: number): boolean {
    if (attempt.descriptor === CLOSED && !this.#open(exchange, attempt, turn)) return false
    this.#parts.bytes.set(exchange.message, this.#parts.region)
    this.#parts.bytes[this.#parts.region] = attempt.id >>> 8
    this.#parts.bytes[this.#parts.region + 1] = attempt.id
    if (attempt.name !== null) this.#parts.bytes.set(attempt.name, this.#parts.region + dns.HEADER_LENGTH)
    attempt.sentAt = this.#parts.events.now
    attempt.rounds++
    const sent = this.#native.udpSend(attempt.descriptor, this.#parts.region, exchange.message.length, 0, 0, 0, 0, 0, 0)
    // A full queue on the way out is a lost datagram.
    if (sent >= 0 || sent === -EAGAIN) return true
    this.#parts.resolver.failed(attempt.server)
    this.#finish(attempt)
    return false
  }

  #open(exchange: E, attempt: Attempt, turn: number): boolean {
    const { scope } = attempt.server
    // No descriptor for us, here or below: not the server's failure.
    if (scope < 0) {
      this.#finish(attempt)
      return false
    }
    const [a0, a1, a2, a3] = attempt.server.address
    // Port 0: Linux takes a random one (RFC 5452, 9.2).
    const descriptor = this.#native.udpOpen(attempt.server.family, 0)
    attempt.descriptor = descriptor < 0 ? CLOSED : descriptor
    const outcome = descriptor < 0 ? descriptor : this.#native.udpConnect(descriptor, a0, a1, a2, a3, PORT_DNS, scope)
    // No route to it: the server's failure.
    if (descriptor >= 0 && outcome < 0) this.#parts.resolver.failed(attempt.server)
    if (outcome >= 0 && this.#exchanges.watch(this.#native, exchange, descriptor, EPOLLIN, turn) >= 0) return true
    this.#finish(attempt)
    return false
  }
}
