// The host's stream sockets: connections to name servers, and the pairs that stand between the forwarder and a guest. What the
// forwarder's end has sent is kept, what it is to receive is put in by the test, and it takes as much as the test lets it.
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../../src/host/event-loop.js'
import { framed, MessageReader } from '../../../src/service/dns-framing.js'
import type { StreamSockets } from '../../../src/service/dns-streams.js'
import type { ConnectionSockets } from '../../../src/service/dns-tcp-upstream.js'
import { formatAny, type Words } from '../../../src/wire/address.js'

const { EAGAIN, EBADF, EPIPE } = constants.errno
const FIRST = 1_000_000
/** What the row's end of a pair has for a number: it is the relay's, and never used here. */
const ROW_END = 2_000_000

/** What a name server is called here: its address, and the interface that leads to it, if that was said. */
export const serverName = (address: Words, scope: number): string => `${formatAny(...address)}${scope === 0 ? '' : `%${scope}`}`

/** A stream socket of the forwarder's, and what is at its other end. */
export class HostStream {
  readonly descriptor: number
  /** The name server it leads to; '' for the guest. */
  readonly server: string
  token = 0
  isOpen = true
  isConnected = false
  /** Positive: what socketError tells. */
  error = 0
  /** Bytes it still takes. */
  room = Number.POSITIVE_INFINITY
  isEnded = false
  readonly inbox: Buffer[] = []
  readonly #reader = new MessageReader()

  constructor(descriptor: number, server: string) {
    this.descriptor = descriptor
    this.server = server
  }

  /** The other end sends bytes. */
  put(...bytes: readonly Uint8Array[]): void {
    for (const piece of bytes) if (piece.length > 0) this.inbox.push(Buffer.from(piece))
  }

  /** The other end sends messages. */
  send(...messages: readonly Uint8Array[]): void {
    this.put(...messages.map(framed))
  }

  /** The messages that came to the other end since the last time. */
  messages(): Buffer[] {
    const found: Buffer[] = []
    for (let next = this.#reader.next(); next !== null; next = this.#reader.next()) found.push(next)
    return found
  }

  /** Bytes of a message that has not come whole. */
  get partial(): number {
    return this.#reader.waiting
  }

  take(bytes: Buffer): number {
    const length = Math.min(bytes.length, this.room)
    this.room -= length
    this.#reader.push(bytes, 0, length)
    return length
  }
}

export class FakeStreams implements Omit<ConnectionSockets & StreamSockets, 'epollAdd'> {
  readonly scratch = new ArrayBuffer(64)
  readonly streams: HostStream[] = []
  /** -errno, by name server, of tcpConnectScoped. */
  readonly connectionErrors = new Map<string, number>()
  pairError = 0
  protected readonly bytes: Buffer

  constructor(arena: ArrayBuffer) {
    this.bytes = Buffer.from(arena)
  }

  streamPair(): number {
    if (this.pairError < 0) return this.pairError
    const made = this.#make('')
    made.isConnected = true
    new Int32Array(this.scratch).set([ROW_END + made.descriptor, made.descriptor])
    return 0
  }

  /** The forwarder's end of a pair. */
  behind(rowEnd: number): HostStream {
    return this.stream(rowEnd - ROW_END)
  }

  tcpConnectScoped(a0: number, a1: number, a2: number, a3: number, port: number, scope: number): number {
    const server = serverName([a0, a1, a2, a3], scope)
    assert.equal(port, 53)
    return this.connectionErrors.get(server) ?? this.#make(server).descriptor
  }

  socketError(descriptor: number): number {
    const stream = this.stream(descriptor)
    const { error } = stream
    stream.error = 0
    return error
  }

  tcpSend(descriptor: number, at: number, length: number): number {
    const stream = this.stream(descriptor)
    if (stream.error !== 0) return -EPIPE
    if (!stream.isConnected || stream.room === 0) return -EAGAIN
    return stream.take(this.bytes.subarray(at, at + length))
  }

  tcpReceive(descriptor: number, at: number, length: number): number {
    const stream = this.stream(descriptor)
    if (stream.error !== 0) return -this.socketError(descriptor)
    const first = stream.inbox.shift()
    if (first === undefined) return stream.isEnded ? 0 : -EAGAIN
    if (first.length > length) stream.inbox.unshift(first.subarray(length))
    return first.copy(this.bytes, at, 0, length)
  }

  closeDescriptor(descriptor: number): number {
    const stream = this.streams[descriptor - FIRST]
    if (descriptor >= ROW_END) return 0
    if (stream === undefined || !stream.isOpen) return -EBADF
    stream.isOpen = false
    return 0
  }

  protected isStream(descriptor: number): boolean {
    return descriptor >= FIRST
  }

  protected addStream(descriptor: number, token: number, events: number): number {
    this.stream(descriptor).token = token
    assert.equal(events, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
    return 0
  }

  protected stream(descriptor: number): HostStream {
    const stream = this.streams[descriptor - FIRST]
    assert.ok(stream?.isOpen, `descriptor ${descriptor} is not open`)
    return stream
  }

  #make(server: string): HostStream {
    const stream = new HostStream(FIRST + this.streams.length, server)
    this.streams.push(stream)
    return stream
  }
}
