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
 */

import { constants } from 'node:os'
import { isShortage } from '../flow/unreachable.js'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { PORT_DNS } from '../wire/numbers.js'
import { Attempt, Call, CLOSED, type ConnectionQuestion } from './dns-call.js'
import { DnsTable } from './dns-table.js'
import { type AnswerReceiver, REGION_BYTES, SERVER_BITS, type UpstreamParts } from './dns-upstream.js'
import { isResponse, judge } from './dns-verdict.js'
import { PART_DNS_TCP } from './service-events.js'

/** What is used of the addon. */
export type ConnectionSockets = Pick<
  NativeContext,
  'tcpConnectScoped' | 'socketError' | 'tcpSend' | 'tcpReceive' | 'epollAdd' | 'closeDescriptor'
>

/** ms until the next server is asked: a lost SYN is sent again after 1 s, and may be answered then. */
const PATIENCE = 1_500
/** ms for which a transfer may make no progress, whatever resolv.conf says of questions. */
const TRANSFER_PATIENCE = 5_000
const EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET

const { EAGAIN, EINPROGRESS, EMFILE } = constants.errno

/** Is told of answers. */
interface TransferReceiver<Q extends ConnectionQuestion> extends AnswerReceiver<Q> {
  /** A message of a transfer, with any identifier, that is not the last; false: no more until `resume`. */
  transferred(question: Q, message: Buffer): boolean
}

export class DnsTcpUpstream<Q extends ConnectionQuestion> implements ReadyHandler {
  readonly #native: ConnectionSockets
  readonly #parts: UpstreamParts
  readonly #receiver: TransferReceiver<Q>
  readonly #calls: DnsTable<Call<Q>>
  readonly #byQuestion = new Map<Q, Call<Q>>()

  constructor(native: ConnectionSockets, parts: UpstreamParts, receiver: TransferReceiver<Q>) {
    const { events, capacity } = parts
    this.#native = native
    this.#parts = parts
    this.#receiver = receiver
    this.#calls = new DnsTable(events, PART_DNS_TCP, capacity, SERVER_BITS, (call) => this.#waited(call))
    events.serve(PART_DNS_TCP, this)
  }

  /** Questions under way. */
  get underWay(): number {
    return this.#calls.size
  }

  /** Asks. The receiver may be told before this returns. */
  ask(question: Q): void {
    const servers = this.#parts.resolver.tcpServers()
    const attempts = servers.map((server) => new Attempt(server, this.#parts.random(0x10000), question.message))
    const call = new Call(question, attempts)
    if (!this.#calls.add(call)) {
      this.#receiver.concluded(question, null)
      return
    }
    this.#byQuestion.set(question, call)
    this.#next(call)
  }

  /** Ends a question; the receiver is not told. */
  end(question: Q): void {
    const call = this.#byQuestion.get(question)
    if (call === undefined) return
    for (const attempt of call.attempts) this.#finish(attempt)
    this.#byQuestion.delete(question)
    this.#calls.remove(call)
  }

  /** Goes on with a transfer. */
  resume(question: Q): void {
    const call = this.#byQuestion.get(question)
    if (call === undefined || call.source === null || !call.isPaused) return
    call.isPaused = false
    this.#calls.schedule(call, (this.#parts.events.now + TRANSFER_PATIENCE) | 0)
    this.#read(call, call.source)
  }

  ready(index: number, generation: number, events: number): void {
    const call = this.#calls.find(index, generation)
    const attempt = call?.attempts[this.#calls.number(index)]
    if (call === undefined || attempt === undefined || attempt.isOver) return
    if (attempt.unsent.length > 0 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0 && !this.#send(attempt)) this.#broken(call, attempt)
    if (!attempt.isOver && attempt.unsent.length === 0) this.#read(call, attempt)
  }

  /** Goes on where a server was silent; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    return this.#calls.expire(now)
  }

  close(): void {
    for (const question of [...this.#byQuestion.keys()]) this.end(question)
  }

  /** False when the server cannot be reached. */
  #send(attempt: Attempt): boolean {
    const error = this.#native.socketError(attempt.descriptor)
    if (error === EINPROGRESS) return true
    if (error !== 0) return false
    this.#parts.bytes.set(attempt.unsent, this.#parts.region)
    const sent = this.#native.tcpSend(attempt.descriptor, this.#parts.region, attempt.unsent.length)
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
      const length = this.#native.tcpReceive(attempt.descriptor, this.#parts.region, REGION_BYTES)
      if (length === -EAGAIN) return
      if (length > 0) attempt.reader.push(this.#parts.bytes, this.#parts.region, length)
      else this.#broken(call, attempt)
    }
  }

  // On a connection of our own nothing can come but the answer: who sends anything else is not asked any more.
  #receive(call: Call<Q>, attempt: Attempt, message: Buffer): void {
    if (call.source !== attempt) this.#answer(call, attempt, message)
    else if (isResponse(message, attempt.id)) this.#transfer(call, attempt, message)
    else this.#broken(call, attempt)
  }

  #answer(call: Call<Q>, attempt: Attempt, message: Buffer): void {
    const verdict = judge(message, attempt.id, call.question.question)
    if (verdict === 'other') {
      this.#broken(call, attempt)
      return
    }
    this.#parts.resolver.answeredByTcp(attempt.server)
    if (verdict !== 'answer') {
      if (verdict === 'refusal') call.refusal = message
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
    if (call.isPaused) this.#calls.unschedule(call)
    else this.#calls.schedule(call, (this.#parts.events.now + TRANSFER_PATIENCE) | 0)
  }

  #broken(call: Call<Q>, attempt: Attempt): void {
    this.#parts.resolver.failedByTcp(attempt.server)
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
  #waited(call: Call<Q>): void {
    const attempt = call.source ?? call.attempts[call.turn]
    if (attempt !== undefined && !attempt.isOver) this.#parts.resolver.failedByTcp(attempt.server)
    if (call.source !== null) this.#conclude(call, null)
    else if (((this.#parts.events.now - call.question.startedAt) | 0) >= call.question.pace.deadline) this.#conclude(call, call.refusal)
    else this.#next(call)
  }

  // Asks the next server, once each; those asked before may still answer.
  #next(call: Call<Q>): void {
    const now = this.#parts.events.now
    const { startedAt, pace } = call.question
    const deadline = (startedAt + pace.deadline) | 0
    while (((deadline - now) | 0) > 0 && call.turn + 1 < call.attempts.length) {
      call.turn++
      const attempt = call.attempts[call.turn]!
      if (!this.#open(call, attempt)) continue
      const next = (now + (pace.patience ?? PATIENCE)) | 0
      this.#calls.schedule(call, ((next - deadline) | 0) < 0 ? next : deadline)
      return
    }
    if (call.attempts.every((attempt) => attempt.isOver || attempt.descriptor === CLOSED)) this.#conclude(call, call.refusal)
    else this.#calls.schedule(call, deadline)
  }

  #conclude(call: Call<Q>, answer: Buffer | null): void {
    this.end(call.question)
    this.#receiver.concluded(call.question, answer)
  }

  #open(call: Call<Q>, attempt: Attempt): boolean {
    const [a0, a1, a2, a3] = attempt.server.address
    const { scope } = attempt.server
    const descriptor = scope < 0 ? -EMFILE : this.#native.tcpConnectScoped(a0, a1, a2, a3, PORT_DNS, scope)
    if (descriptor < 0) {
      // No route to it: the server's failure. No descriptor for us: not.
      if (!isShortage(-descriptor)) this.#parts.resolver.failedByTcp(attempt.server)
      attempt.isOver = true
      return false
    }
    attempt.descriptor = descriptor
    const status = this.#calls.watch(this.#native, call, descriptor, EVENTS, call.turn)
    if (status < 0) this.#finish(attempt)
    return status >= 0
  }
}
