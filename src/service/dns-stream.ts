/*
 * DNS over TCP, towards the guest: RFC 1035, 4.2.2; RFC 7766. TCP itself is tcp/'s work. What the guest's connection is joined to by the
 * relay (flow/tcp-relay.ts) is not a connection to some host here, but one end of a stream pair whose other end we hold: so what is
 * acknowledged to the guest is in a kernel, and the flow has a row, as everywhere.
 *
 *     guest <== TCP ==> row's end | kernel | our end <-- queries, each with its length in front; answers in any order (RFC 7766, 7)
 *
 *     reading     while fewer than 16 queries are under way and every answer has been written; else the kernel's buffer fills,
 *                 and the guest's window closes
 *     the end     of the guest: what is under way is answered, then ours follows
 *     silence     of 10 s without a query under way, or with an answer that is not read: closed (RFC 7766, 6.2.3)
 *     too many    the one that was silent longest is closed (RFC 7766, 6.1); with none, the new one is refused
 *     no query    closed: where the next message begins is not known for certain
 *
 * Registered once, edge-triggered: whoever stops reading has to read again by himself.
 */

import { constants } from 'node:os'
import type { StreamService } from '../flow/tcp-relay.js'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Arena } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'
import { TimerWheel } from '../util/timer-wheel.js'
import { dress, type StreamClient, type Transfer } from './dns-client.js'
import { framed, MAX_MESSAGE, MESSAGE_AT, MessageReader } from './dns-framing.js'
import * as dns from './dns-message.js'
import { PART_DNS_STREAM, type ServiceEvents } from './service-events.js'

/** Streams: each may hold two buffers of the kernel, and of us a query of 64 KiB and its answers. */
export const MAX_STREAMS = 64
/** Queries of one stream under way, and so answers of 64 KiB that may wait for their reader. */
const MAX_UNDER_WAY = 16
/** ms. RFC 7766, 6.2.3: in the order of a few seconds. */
const IDLE = 10_000
/** Bytes read or written at a time. */
const REGION_BYTES = 65_536
const EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET

const { EAGAIN, ECONNREFUSED } = constants.errno

/** What is used of the addon. */
export type StreamSockets = Pick<NativeContext, 'scratch' | 'streamPair' | 'tcpSend' | 'tcpReceive' | 'epollAdd' | 'closeDescriptor'>

/** Takes the messages of streams. */
export interface QueryReceiver {
  /** False when the message is no query; else `client`, which is told its identifier, will be given an answer, perhaps already now. */
  query(message: Buffer, client: (id: number) => StreamClient): boolean
}

/** One connection of the guest. */
class Stream {
  readonly handle: number
  readonly descriptor: number
  readonly reader = new MessageReader()
  /** What is to be written, the first one from `written` on. */
  readonly output: Buffer[] = []
  written = 0
  /** Queries. */
  underWay = 0
  transfer: Transfer | null = null
  isEnded = false
  isReading = false
  isClosed = false

  constructor(handle: number, descriptor: number) {
    this.handle = handle
    this.descriptor = descriptor
  }

  get mayRead(): boolean {
    return !this.isClosed && this.underWay < MAX_UNDER_WAY && this.output.length === 0 && this.transfer === null
  }

  get isIdle(): boolean {
    return this.underWay === 0 && this.output.length === 0
  }
}

/** A query of a stream. */
class Query implements StreamClient {
  readonly transport = 'tcp'
  readonly id: number
  question: Buffer = Buffer.alloc(0)
  payload = MAX_MESSAGE
  readonly #streams: DnsStreams
  readonly #stream: Stream
  #isTransfer = false
  #isAnswered = false

  constructor(streams: DnsStreams, stream: Stream, id: number) {
    this.#streams = streams
    this.#stream = stream
    this.id = id
  }

  take(answer: Buffer): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#stream.underWay--
    if (this.#isTransfer) this.#stream.transfer = null
    this.#streams.write(this.#stream, this.#dressed(answer))
  }

  begin(transfer: Transfer): void {
    this.#isTransfer = true
    this.#stream.transfer = transfer
  }

  part(message: Buffer): boolean {
    this.#streams.write(this.#stream, this.#dressed(message))
    return this.#stream.output.length === 0
  }

  abandon(): void {
    this.#streams.end(this.#stream)
  }

  // A later message of a transfer need not have the question.
  #dressed(answer: Buffer): Buffer {
    const copy = framed(answer)
    const hasQuestion = dns.readQuestion(answer)?.end === dns.HEADER_LENGTH + this.question.length
    if (hasQuestion) dress(this, copy, MESSAGE_AT)
    else copy.writeUInt16BE(this.id, MESSAGE_AT)
    return copy
  }
}

export class DnsStreams implements StreamService, ReadyHandler {
  readonly #native: StreamSockets
  readonly #scratch: Int32Array
  readonly #events: ServiceEvents
  readonly #bytes: Uint8Array
  readonly #region: number
  readonly #receiver: QueryReceiver
  readonly #handles = new HandlePool(MAX_STREAMS)
  readonly #generations = new Uint8Array(MAX_STREAMS + 1)
  readonly #streams: (Stream | undefined)[] = []
  /** The one that did something last is the last. */
  readonly #byUse = new Set<Stream>()
  readonly #timers: TimerWheel
  readonly #expiry = { expire: (handle: number): void => this.#idle(this.#streams[handle]) }
  #isClosed = false

  constructor(native: StreamSockets, events: ServiceEvents, arena: Arena, receiver: QueryReceiver) {
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#events = events
    this.#bytes = arena.bytes
    this.#region = arena.allot(REGION_BYTES)
    this.#receiver = receiver
    this.#timers = new TimerWheel(MAX_STREAMS + 1, events.now)
    events.serve(PART_DNS_STREAM, this)
  }

  /** Streams open. */
  get inUse(): number {
    return this.#handles.inUse
  }

  /** A new stream: the descriptor of the other end, which is the caller's, or -errno. */
  open(): number {
    if (this.#isClosed || !this.#makeRoom()) return -ECONNREFUSED
    const status = this.#native.streamPair()
    if (status < 0) return status
    const theirs = this.#scratch[0]!
    const ours = this.#scratch[1]!
    const handle = this.#handles.acquire()
    const added = this.#native.epollAdd(ours, this.#events.token(PART_DNS_STREAM, this.#generations[handle]!, handle), EVENTS)
    if (added < 0) {
      this.#handles.release(handle)
      this.#native.closeDescriptor(theirs)
      this.#native.closeDescriptor(ours)
      return added
    }
    const stream = new Stream(handle, ours)
    this.#streams[handle] = stream
    this.#touch(stream)
    return theirs
  }

  ready(index: number, generation: number, events: number): void {
    const stream = this.#streams[index]
    if (stream === undefined || this.#generations[index] !== generation) return
    // The row's end is closed: the guest has reset the connection, or is gone.
    if ((events & (EPOLLHUP | EPOLLERR)) !== 0) {
      this.end(stream)
      return
    }
    this.#proceed(stream)
  }

  /** Closes what is idle; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    this.#timers.advance(now, this.#expiry)
    return this.#timers.next(now)
  }

  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#byUse]) this.end(stream)
  }

  /** Writes an answer, now or when there is room, and goes on reading. */
  write(stream: Stream, message: Buffer): void {
    if (stream.isClosed) return
    stream.output.push(message)
    this.#proceed(stream)
  }

  /** Closes a stream at once. What the kernel has of its answers still reaches the guest. */
  end(stream: Stream): void {
    if (stream.isClosed) return
    stream.isClosed = true
    stream.output.length = 0
    stream.reader.clear()
    this.#native.closeDescriptor(stream.descriptor)
    this.#timers.cancel(stream.handle)
    this.#byUse.delete(stream)
    this.#streams[stream.handle] = undefined
    this.#generations[stream.handle]!++
    this.#handles.release(stream.handle)
    const transfer = stream.transfer
    stream.transfer = null
    transfer?.cancel()
  }

  #touch(stream: Stream): void {
    this.#byUse.delete(stream)
    this.#byUse.add(stream)
    this.#timers.schedule(stream.handle, (this.#events.now + IDLE) | 0)
  }

  #makeRoom(): boolean {
    if (this.#handles.inUse < MAX_STREAMS) return true
    for (const stream of this.#byUse) {
      if (!stream.isIdle) continue
      this.end(stream)
      return true
    }
    return false
  }

  // A query under way has a deadline of its own; an answer has only its reader.
  #idle(stream: Stream | undefined): void {
    if (stream === undefined) return
    if (stream.underWay > 0 && stream.output.length === 0) this.#touch(stream)
    else this.end(stream)
  }

  #proceed(stream: Stream): void {
    if (!this.#flush(stream)) return
    stream.transfer?.resume()
    this.#read(stream)
  }

  #read(stream: Stream): void {
    if (stream.isReading) return
    stream.isReading = true
    while (stream.mayRead) {
      const message = stream.reader.next()
      if (message !== null) this.#ask(stream, message)
      else if (!this.#fill(stream)) break
    }
    stream.isReading = false
    if (stream.isEnded && stream.isIdle) this.end(stream)
  }

  #ask(stream: Stream, message: Buffer): void {
    this.#touch(stream)
    const isQuery = this.#receiver.query(message, (id) => {
      stream.underWay++
      return new Query(this, stream, id)
    })
    if (!isQuery) this.end(stream)
  }

  /** False when there is nothing more now, or ever. */
  #fill(stream: Stream): boolean {
    if (stream.isEnded) return false
    const length = this.#native.tcpReceive(stream.descriptor, this.#region, REGION_BYTES)
    if (length > 0) {
      stream.reader.push(this.#bytes, this.#region, length)
      return true
    }
    if (length === 0) stream.isEnded = true
    else if (length !== -EAGAIN) this.end(stream)
    return false
  }

  /** True when everything is written. */
  #flush(stream: Stream): boolean {
    for (let first = stream.output[0]; first !== undefined; first = stream.output[0]) {
      const piece = first.subarray(stream.written, stream.written + REGION_BYTES)
      this.#bytes.set(piece, this.#region)
      const sent = this.#native.tcpSend(stream.descriptor, this.#region, piece.length)
      if (sent < 0) {
        if (sent !== -EAGAIN) this.end(stream)
        return false
      }
      this.#touch(stream)
      stream.written += sent
      if (stream.written < first.length) continue
      stream.output.shift()
      stream.written = 0
    }
    return true
  }
}
