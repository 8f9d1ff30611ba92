/*
 * Questions under way to the host's name servers, by UDP: RFC 1035, 4.2.1; RFC 5452 (what makes an answer hard to forge).
 *
 *     ask --> server 1 --1 s--> server 2 --1 s--> server 3 --1 s--> server 1 again ... 5 s: given up
 *               |  refused, unreachable, SERVFAIL, REFUSED: the next one at once, and that one no more
 *               |  answer: done
 *
 * Every server is asked from a socket of its own, fresh for the question and connected, so that it has a random port, the kernel drops
 * what comes from anywhere else, and errors come back; and with a random identifier. All of a question's sockets stay open until it
 * ends: a server that took longer than a second may still be the one that knows.
 *
 *     token index   handle << 2 | number of the server; the generation is the handle's
 *
 * A message that is not the answer (identifier, question) is ignored: the wait goes on.
 */

import { randomInt } from 'node:crypto'
import { constants } from 'node:os'
import { EPOLLERR, EPOLLIN, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Nameserver, Resolver } from '../host/resolver.js'
import type { Arena } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'
import { TimerWheel } from '../util/timer-wheel.js'
import { PORT_DNS } from '../wire/numbers.js'
import * as dns from './dns-message.js'
import { PART_DNS_UDP, type ServiceEvents } from './service-events.js'

/** What is used of the addon. */
export type DnsSockets = Pick<
  NativeContext,
  'udpOpen' | 'udpConnect' | 'udpSend' | 'udpReceive' | 'errorReceive' | 'epollAdd' | 'closeDescriptor'
>

/** ms until the next server is asked: RFC 1035, 7.2 would wait longer, but whoever asks gives up after 5 s (resolv.conf(5)). */
const PATIENCE = 1_000
/** ms after which a question is given up, whatever the transport. */
export const DEADLINE = 5_000
/** The longest datagram there is, in bytes. */
const REGION_BYTES = 65_536
/** Messages read from one socket before others get their turn. */
const MESSAGES_PER_EVENT = 16
const SERVER_BITS = 2
const CLOSED = -1

const EAGAIN = constants.errno.EAGAIN
const EMSGSIZE = constants.errno.EMSGSIZE

/** One server and a question to it. */
class Attempt {
  readonly server: Nameserver
  readonly id: number
  descriptor = CLOSED
  sentAt = 0
  /** It will not answer any more. */
  isOver = false

  constructor(server: Nameserver, id: number) {
    this.server = server
    this.id = id
  }
}

/** A question under way. */
export class Exchange {
  readonly message: Buffer
  readonly question: dns.Question
  handle = 0
  startedAt = 0
  attempts: readonly Attempt[] = []
  /** The attempt that is waited for. */
  turn = -1
  /** The last answer that was an error which another server might not have. */
  refusal: Buffer | null = null

  constructor(message: Buffer, question: dns.Question) {
    this.message = message
    this.question = question
  }
}

/** Is told how questions end. */
export interface AnswerReceiver<E> {
  /** `answer`: with any identifier, null when there is none. The exchange is over. */
  concluded(exchange: E, answer: Buffer | null): void
}

export class DnsUpstream<E extends Exchange> implements ReadyHandler {
  readonly #native: DnsSockets
  readonly #events: ServiceEvents
  readonly #bytes: Uint8Array
  readonly #region: number
  readonly #resolver: Resolver
  readonly #receiver: AnswerReceiver<E>
  readonly #random: (limit: number) => number
  readonly #handles: HandlePool
  readonly #generations: Uint8Array
  readonly #exchanges: (E | undefined)[] = []
  readonly #timers: TimerWheel
  readonly #expiry = { expire: (handle: number): void => this.#waited(this.#exchanges[handle]) }

  /** At most `capacity` questions at a time. `random(limit)`: a number below `limit` that nobody can guess. */
  constructor(
    native: DnsSockets,
    events: ServiceEvents,
    arena: Arena,
    resolver: Resolver,
    receiver: AnswerReceiver<E>,
    capacity: number,
    random: (limit: number) => number = randomInt,
  ) {
    this.#native = native
    this.#events = events
    this.#bytes = arena.bytes
    this.#region = arena.allot(REGION_BYTES)
    this.#resolver = resolver
    this.#receiver = receiver
    this.#random = random
    this.#handles = new HandlePool(capacity)
    this.#generations = new Uint8Array(capacity + 1)
    this.#timers = new TimerWheel(capacity + 1, events.now)
    events.serve(PART_DNS_UDP, this)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#handles.inUse
  }

  /** Asks. The receiver may be told before this returns. */
  ask(exchange: E): void {
    exchange.handle = this.#handles.acquire()
    if (exchange.handle === 0) {
      this.#receiver.concluded(exchange, null)
      return
    }
    this.#exchanges[exchange.handle] = exchange
    exchange.startedAt = this.#events.now
    exchange.attempts = this.#resolver.servers().map((server) => new Attempt(server, this.#random(0x10000)))
    this.#next(exchange)
  }

  /** Ends a question; the receiver is not told. */
  end(exchange: E): void {
    const handle = exchange.handle
    if (handle === 0) return
    for (const attempt of exchange.attempts) this.#finish(attempt)
    this.#timers.cancel(handle)
    this.#exchanges[handle] = undefined
    this.#generations[handle]!++
    this.#handles.release(handle)
    exchange.handle = 0
  }

  ready(index: number, generation: number, events: number): void {
    const handle = index >>> SERVER_BITS
    const exchange = this.#exchanges[handle]
    const attempt = exchange?.attempts[index & ((1 << SERVER_BITS) - 1)]
    if (exchange === undefined || attempt === undefined || attempt.isOver || this.#generations[handle] !== generation) return
    for (let i = 0; i < MESSAGES_PER_EVENT && !attempt.isOver; i++) {
      const length = this.#native.udpReceive(attempt.descriptor, this.#region, REGION_BYTES)
      if (length === -EAGAIN) {
        // The error has been told to a send already; queued it still is, and would wake us for ever.
        if ((events & EPOLLERR) !== 0 && this.#native.errorReceive(attempt.descriptor) !== 0) this.#unreachable(exchange, attempt)
        return
      }
      if (length >= 0) this.#receive(exchange, attempt, Buffer.from(this.#bytes.subarray(this.#region, this.#region + length)))
      else if (length !== -EMSGSIZE) this.#unreachable(exchange, attempt)
    }
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    this.#timers.advance(now, this.#expiry)
    return this.#timers.next(now)
  }

  close(): void {
    for (const exchange of this.#exchanges) if (exchange !== undefined) this.end(exchange)
  }

  #receive(exchange: E, attempt: Attempt, message: Buffer): void {
    if (message.length < dns.HEADER_LENGTH || dns.id(message) !== attempt.id || (dns.flags(message) & dns.QR) === 0) return
    const code = dns.rcode(message)
    const question = dns.readQuestion(message)
    const isAnswer = question !== null && dns.isSameQuestion(question, exchange.question)
    if (!isAnswer && (code === dns.NOERROR || !dns.isBare(message))) return
    this.#resolver.answered(attempt.server)
    if (isAnswer && code !== dns.SERVFAIL && code !== dns.REFUSED) {
      this.#conclude(exchange, message)
      return
    }
    if (isAnswer) exchange.refusal = message
    this.#over(exchange, attempt)
  }

  #unreachable(exchange: E, attempt: Attempt): void {
    this.#resolver.failed(attempt.server)
    this.#over(exchange, attempt)
  }

  #over(exchange: E, attempt: Attempt): void {
    this.#finish(attempt)
    if (exchange.attempts[exchange.turn] === attempt) this.#next(exchange)
  }

  #finish(attempt: Attempt): void {
    attempt.isOver = true
    if (attempt.descriptor !== CLOSED) this.#native.closeDescriptor(attempt.descriptor)
    attempt.descriptor = CLOSED
  }

  // Time is up for the server whose turn it was, or for the question.
  #waited(exchange: E | undefined): void {
    if (exchange === undefined) return
    const attempt = exchange.attempts[exchange.turn]
    if (attempt !== undefined && !attempt.isOver) this.#resolver.wasSilent(attempt.server, attempt.sentAt)
    if (((this.#events.now - exchange.startedAt) | 0) >= DEADLINE) this.#conclude(exchange, exchange.refusal)
    else this.#next(exchange)
  }

  // Asks the next server that may still answer: the same one again when there is no other.
  #next(exchange: E): void {
    const count = exchange.attempts.length
    for (let i = 1; i <= count; i++) {
      const turn = (exchange.turn + i) % count
      const attempt = exchange.attempts[turn]!
      if (attempt.isOver || !this.#send(exchange, attempt, turn)) continue
      exchange.turn = turn
      const deadline = (exchange.startedAt + DEADLINE) | 0
      const next = (attempt.sentAt + PATIENCE) | 0
      this.#timers.schedule(exchange.handle, ((next - deadline) | 0) < 0 ? next : deadline)
      return
    }
    this.#conclude(exchange, exchange.refusal)
  }

  #conclude(exchange: E, answer: Buffer | null): void {
    this.end(exchange)
    this.#receiver.concluded(exchange, answer)
  }

  /** False when the server cannot be reached: its attempt is over. */
  #send(exchange: E, attempt: Attempt, turn: number): boolean {
    if (attempt.descriptor === CLOSED && !this.#open(exchange, attempt, turn)) return false
    this.#bytes.set(exchange.message, this.#region)
    this.#bytes[this.#region] = attempt.id >>> 8
    this.#bytes[this.#region + 1] = attempt.id
    attempt.sentAt = this.#events.now
    const sent = this.#native.udpSend(attempt.descriptor, this.#region, exchange.message.length, 0, 0, 0, 0, 0, 0)
    // A full queue on the way out is a lost datagram.
    if (sent >= 0 || sent === -EAGAIN) return true
    this.#resolver.failed(attempt.server)
    this.#finish(attempt)
    return false
  }

  #open(exchange: E, attempt: Attempt, turn: number): boolean {
    const [a0, a1, a2, a3] = attempt.server.address
    // Port 0: Linux takes a random one (RFC 5452, 9.2).
    const descriptor = this.#native.udpOpen(attempt.server.family, 0)
    attempt.descriptor = descriptor < 0 ? CLOSED : descriptor
    const outcome = descriptor < 0 ? descriptor : this.#native.udpConnect(descriptor, a0, a1, a2, a3, PORT_DNS)
    // No route to it: the server's failure. No descriptor for us: not.
    if (descriptor >= 0 && outcome < 0) this.#resolver.failed(attempt.server)
    const index = (exchange.handle << SERVER_BITS) | turn
    const generation = this.#generations[exchange.handle]!
    if (outcome >= 0 && this.#native.epollAdd(descriptor, this.#events.token(PART_DNS_UDP, generation, index), EPOLLIN) >= 0) return true
    this.#finish(attempt)
    return false
  }
}
