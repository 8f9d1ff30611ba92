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
import type { StreamService } from '../flow/tcp-sockets.js'
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type ReadyHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Arena } from '../packet/arena.js'
import type { StreamClient } from './dns-client.js'
import { Query, Stream, type StreamWriter } from './dns-stream.js'
import { DnsTable } from './dns-table.js'
import { PART_DNS_STREAM, type ServiceEvents } from './service-events.js'

/** Streams: each may hold two buffers of the kernel, and of us a query of 64 KiB and its answers. */
export const MAX_STREAMS = 64
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

export class DnsStreams implements StreamService, StreamWriter, ReadyHandler {
  readonly #native: StreamSockets
  readonly #scratch: Int32Array
  readonly #events: ServiceEvents
  readonly #bytes: Uint8Array
  readonly #region: number
  readonly #receiver: QueryReceiver
  readonly #streams: DnsTable<Stream>
  /** The one that did something last is the last. */
  readonly #byUse = new Set<Stream>()
  #isClosed = false

  constructor(native: StreamSockets, events: ServiceEvents, arena: Arena, receiver: QueryReceiver) {
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#events = events
    this.#bytes = arena.bytes
    this.#region = arena.allot(REGION_BYTES)
    this.#receiver = receiver
    this.#streams = new DnsTable(events, PART_DNS_STREAM, MAX_STREAMS, 0, (stream) => this.#idle(stream))
    events.serve(PART_DNS_STREAM, this)
  }

  /** Streams open. */
  get inUse(): number {
    return this.#streams.size
  }

  /** A new stream: the descriptor of the other end, which is the caller's, or -errno. */
  open(): number {
    if (this.#isClosed || !this.#makeRoom()) return -ECONNREFUSED
    const status = this.#native.streamPair()
    if (status < 0) return status
    const theirs = this.#scratch[0]!
    const ours = this.#scratch[1]!
    const stream = new Stream(ours)
    this.#streams.add(stream)
    const watched = this.#streams.watch(this.#native, stream, ours, EVENTS)
    if (watched < 0) {
      this.#streams.remove(stream)
      this.#native.closeDescriptor(theirs)
      this.#native.closeDescriptor(ours)
      return watched
    }
    this.#touch(stream)
    return theirs
  }

  ready(index: number, generation: number, events: number): void {
    const stream = this.#streams.find(index, generation)
    if (stream === undefined) return
    // The row's end is closed: the guest has reset the connection, or is gone.
    if ((events & (EPOLLHUP | EPOLLERR)) !== 0) {
      this.end(stream)
      return
    }
    this.#proceed(stream)
  }

  /** Closes what is idle; returns the ms until there is more to do, -1 for never. */
  expire(now: number): number {
    return this.#streams.expire(now)
  }

  close(): void {
    this.#isClosed = true
    for (const stream of this.#streams.all()) this.end(stream)
  }

  write(stream: Stream, message: Buffer): void {
    if (stream.isClosed) return
    stream.output.push(message)
    this.#proceed(stream)
  }

  end(stream: Stream): void {
    if (stream.isClosed) return
    stream.isClosed = true
    stream.output.length = 0
    stream.reader.clear()
    this.#native.closeDescriptor(stream.descriptor)
    this.#byUse.delete(stream)
    this.#streams.remove(stream)
    const transfer = stream.transfer
    stream.transfer = null
    transfer?.cancel()
  }

  #touch(stream: Stream): void {
    this.#byUse.delete(stream)
    this.#byUse.add(stream)
    this.#streams.schedule(stream, (this.#events.now + IDLE) | 0)
  }

  #makeRoom(): boolean {
    if (this.#streams.size < MAX_STREAMS) return true
    for (const stream of this.#byUse) {
      if (!stream.isIdle) continue
      this.end(stream)
      return true
    }
    return false
  }

  // A query under way has a deadline of its own; an answer has only its reader.
  #idle(stream: Stream): void {
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
