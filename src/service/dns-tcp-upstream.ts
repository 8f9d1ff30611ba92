/*
 * Questions to the host's name servers by TCP: those whose answer is too long for UDP, and zone transfers. RFC 1035, 4.2.2; RFC 7766.
 *
 *     ask --> server 1 --1.5 s--> server 2 --1.5 s--> server 3 ... 5 s after the question came: given up
 *               |  refused, broken, no answer to what was asked, SERVFAIL, REFUSED: the next one at once, and that one no more
 *               |  answer: done
 *               |  first message of a transfer: from now on only this one, until its last message, or 5 s without any
 *
 * One connection for each server and question, all of them open until the question ends. It is rare enough that none is kept for the
 * next one. Registered once, edge-triggered: whoever stops reading has to read again by himself.
 *
 *     index of the part   handle << 2 | number of the server; the generation is the handle's
 */

import { randomInt } from 'node:crypto'
import { constants } from 'node:os'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Resolver } from '../host/resolver.js'
import type { Arena } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'
import { TimerWheel } from '../util/timer-wheel.js'
import { PORT_DNS } from '../wire/numbers.js'
import { Attempt, Call, CLOSED, type ConnectionQuestion } from './dns-call.js'
import * as dns from './dns-message.js'
import { type AnswerReceiver, DEADLINE } from './dns-upstream.js'
import { PART_DNS_TCP, type ServiceEvents } from './service-events.js'

/** What is used of the addon. */
export type ConnectionSockets = Pick<
  NativeContext,
  'tcpConnect' | 'socketError' | 'tcpSend' | 'tcpReceive' | 'epollAdd' | 'closeDescriptor'
>

/** ms until the next server is asked: a lost SYN is sent again after 1 s, and may be answered then. */
const PATIENCE = 1_500
/** Bytes read at a time. */
const REGION_BYTES = 65_536
const SERVER_BITS = 2
const EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET

const { EAGAIN, EINPROGRESS } = constants.errno

/** Is told of answers. */
export interface TransferReceiver<Q extends ConnectionQuestion> extends AnswerReceiver<Q> {
  /** A message of a transfer, with any identifier, that is not the last; false: no more until `resume`. */
  transferred(question: Q, message: Buffer): boolean
}

export class DnsTcpUpstream<Q extends ConnectionQuestion> implements ReadyHandler {
  readonly #native: ConnectionSockets
  readonly #events: ServiceEvents
  readonly #bytes: Uint8Array
  readonly #region: number
  readonly #resolver: Resolver
  readonly #receiver: TransferReceiver<Q>
  readonly #random: (limit: number) => number
  readonly #handles: HandlePool
  readonly #generations: Uint8Array
  readonly #calls: (Call<Q> | undefined)[] = []
  readonly #byQuestion = new Map<Q, Call<Q>>()
  readonly #timers: TimerWheel
  readonly #expiry = { expire: (handle: number): void => this.#waited(this.#calls[handle]) }

  /** As DnsUpstream. */
  constructor(
    native: ConnectionSockets,
    events: ServiceEvents,
    arena: Arena,
    resolver: Resolver,
    receiver: TransferReceiver<Q>,
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
    events.serve(PART_DNS_TCP, this)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#handles.inUse
  }

  /** Asks. The receiver may be told before this returns. */
  ask(question: Q): void {
    const handle = this.#handles.acquire()
    if (handle === 0) {
      this.#receiver.concluded(question, null)
      return
    }
    const servers = this.#resolver.tcpServers()
    const attempts = servers.map((server) => new Attempt(server, this.#random(0x10000), question.message))
    const call = new Call(question, handle, attempts)
    this.#calls[handle] = call
    this.#byQuestion.set(question, call)
    this.#next(call)
  }

  /** Ends a question; the receiver is not told. */
  end(question: Q): void {
    const call = this.#byQuestion.get(question)
    if (call === undefined) return
    for (const attempt of call.attempts) this.#finish(attempt)
    this.#timers.cancel(call.handle)
    this.#byQuestion.delete(question)
    this.#calls[call.handle] = undefined
    this.#generations[call.handle]!++
    this.#handles.release(call.handle)
  }

  /** Goes on with a transfer. */
  resume(question: Q): void {
    const call = this.#byQuestion.get(question)
    if (call === undefined || call.source === null || !call.isPaused) return
    call.isPaused = false
    this.#timers.schedule(call.handle, (this.#events.now + DEADLINE) | 0)
    this.#read(call, call.source)
  }

  ready(index: number, generation: number, events: number): void {
    const handle = index >>> SERVER_BITS
    const call = this.#calls[handle]
    const attempt = call?.attempts[index & ((1 << SERVER_BITS) - 1)]
    if (call === undefined || attempt === undefined || attempt.isOver || this.#generations[handle] !== generation) return
    if (attempt.unsent.length > 0 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0 && !this.#send(attempt)) this.#broken(call, attempt)
    if (!attempt.isOver && attempt.unsent.length === 0) this.#read(call, attempt)
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    this.#timers.advance(now, this.#expiry)
    return this.#timers.next(now)
  }

  close(): void {
    for (const question of [...this.#byQuestion.keys()]) this.end(question)
  }

  /** False when the server cannot be reached. */
  #send(attempt: Attempt): boolean {
    const error = this.#native.socketError(attempt.descriptor)
    if (error === EINPROGRESS) return true
    if (error !== 0) return false
    this.#bytes.set(attempt.unsent, this.#region)
    const sent = this.#native.tcpSend(attempt.descriptor, this.#region, attempt.unsent.length)
    if (sent > 0) attempt.unsent = attempt.unsent.subarray(sent)
    return sent >= 0 || sent === -EAGAIN
  }

  #read(call: Call<Q>, attempt: Attempt): void {
    while (!attempt.isOver && !call.isPaused) {
      const message = attempt.reader.next()
      if (message !== null) {
        this.#receive(call, attempt, message)
        continue
      }
      const length = this.#native.tcpReceive(attempt.descriptor, this.#region, REGION_BYTES)
      if (length === -EAGAIN) return
      if (length > 0) attempt.reader.push(this.#bytes, this.#region, length)
      else this.#broken(call, attempt)
    }
  }

  // On a connection of our own nothing can come but the answer: who sends anything else is not asked any more.
  #receive(call: Call<Q>, attempt: Attempt, message: Buffer): void {
    const isResponse = message.length >= dns.HEADER_LENGTH && dns.id(message) === attempt.id && (dns.flags(message) & dns.QR) !== 0
    if (!isResponse) this.#broken(call, attempt)
    else if (call.source === attempt) this.#transfer(call, attempt, message)
    else this.#answer(call, attempt, message)
  }

  #answer(call: Call<Q>, attempt: Attempt, message: Buffer): void {
    const code = dns.rcode(message)
    const question = dns.readQuestion(message)
    const isAnswer = question !== null && dns.isSameQuestion(question, call.question.question)
    if (!isAnswer && (code === dns.NOERROR || !dns.isBare(message))) {
      this.#broken(call, attempt)
      return
    }
    this.#resolver.answeredByTcp(attempt.server)
    if (!isAnswer || code === dns.SERVFAIL || code === dns.REFUSED) {
      if (isAnswer) call.refusal = message
      this.#over(call, attempt)
    } else if (call.question.isTransfer) this.#transfer(call, attempt, message)
    else this.#conclude(call, message)
  }

  #transfer(call: Call<Q>, attempt: Attempt, message: Buffer): void {
    const isLast = call.progress.read(message)
    if (isLast === null) {
      this.#broken(call, attempt)
      return
    }
    if (call.source === null) for (const other of call.attempts) if (other !== attempt) this.#finish(other)
    call.source = attempt
    if (isLast) {
      this.#conclude(call, message)
      return
    }
    call.isPaused = !this.#receiver.transferred(call.question, message)
    if (attempt.isOver) return
    if (call.isPaused) this.#timers.cancel(call.handle)
    else this.#timers.schedule(call.handle, (this.#events.now + DEADLINE) | 0)
  }

  #broken(call: Call<Q>, attempt: Attempt): void {
    this.#resolver.failedByTcp(attempt.server)
    this.#over(call, attempt)
  }

  #over(call: Call<Q>, attempt: Attempt): void {
    this.#finish(attempt)
    if (call.source !== null) this.#conclude(call, null)
    else if (call.attempts[call.turn] === attempt || call.attempts.every((one) => one.isOver)) this.#next(call)
  }

  #finish(attempt: Attempt): void {
    attempt.isOver = true
    if (attempt.descriptor !== CLOSED) this.#native.closeDescriptor(attempt.descriptor)
    attempt.descriptor = CLOSED
    attempt.reader.clear()
  }

  // Time is up for the server whose turn it was, or for the question, or for the rest of a transfer.
  #waited(call: Call<Q> | undefined): void {
    if (call === undefined) return
    const attempt = call.source ?? call.attempts[call.turn]
    if (attempt !== undefined && !attempt.isOver) this.#resolver.failedByTcp(attempt.server)
    if (call.source !== null) this.#conclude(call, null)
    else if (((this.#events.now - call.question.startedAt) | 0) >= DEADLINE) this.#conclude(call, call.refusal)
    else this.#next(call)
  }

  // Asks the next server, once each; those asked before may still answer.
  #next(call: Call<Q>): void {
    const now = this.#events.now
    const deadline = (call.question.startedAt + DEADLINE) | 0
    while (((deadline - now) | 0) > 0 && call.turn + 1 < call.attempts.length) {
      call.turn++
      const attempt = call.attempts[call.turn]!
      if (!this.#open(call, attempt)) continue
      const next = (now + PATIENCE) | 0
      this.#timers.schedule(call.handle, ((next - deadline) | 0) < 0 ? next : deadline)
      return
    }
    if (call.attempts.every((attempt) => attempt.isOver || attempt.descriptor === CLOSED)) this.#conclude(call, call.refusal)
    else this.#timers.schedule(call.handle, deadline)
  }

  #conclude(call: Call<Q>, answer: Buffer | null): void {
    this.end(call.question)
    this.#receiver.concluded(call.question, answer)
  }

  #open(call: Call<Q>, attempt: Attempt): boolean {
    const [a0, a1, a2, a3] = attempt.server.address
    const descriptor = this.#native.tcpConnect(a0, a1, a2, a3, PORT_DNS, 0)
    if (descriptor < 0) {
      this.#resolver.failedByTcp(attempt.server)
      attempt.isOver = true
      return false
    }
    attempt.descriptor = descriptor
    const index = (call.handle << SERVER_BITS) | call.turn
    const status = this.#native.epollAdd(descriptor, this.#events.token(PART_DNS_TCP, this.#generations[call.handle]!, index), EVENTS)
    if (status < 0) this.#finish(attempt)
    return status >= 0
  }
}
