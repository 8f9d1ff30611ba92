// Text of the host on its way to the guest. It stays in the receive queue of the host's socket until the guest has acknowledged it, and is
// peeked at from there: native/src/tcp.c draws the queue. Where the kernel's TCP has no peek offset the bytes wait in a ring instead
// (send-ring.ts).
//
// A peek that brings less than was asked for has emptied the queue, and edge-triggered epoll tells of what comes later: no call is made only to
// hear that there is nothing. There are two exceptions, and an event has told of both (READS_ON): the end of the text, behind which no event
// comes, and an urgent mark, at which the kernel stops (tcp_recvmsg). At the end it is read on at once, and so it is known with the last text; what
// is behind a mark belongs to another segment (tcp/urgent.ts).
//
// With a peek offset that cannot be set, or acknowledged bytes that stay in the queue, bytes would come to a wrong place of the stream: the caller
// ends the connection.
import type { NativeContext } from '../host/native.js'
import { HOST_EOF, HOST_READABLE, HOST_URGENT, READS_ON } from '../tcp/columns.js'
import type { Connection } from '../tcp/connection.js'
import { END } from '../tcp/stack.js'
import { EAGAIN } from './host-errors.js'
import type { TcpSockets } from './tcp-sockets.js'

export class HostText {
  readonly #native: NativeContext
  readonly #sockets: TcpSockets

  constructor(native: NativeContext, sockets: TcpSockets) {
    this.#native = native
    this.#sockets = sockets
  }

  /** See Relay.receive. */
  receive(c: Connection, at: number, length: number): number {
    const ring = this.#sockets.ringOf(c.base)
    if (ring !== null) return ring.receive(c, at, length)
    const got = this.#native.tcpPeek(c.socket, at, length)
    if (got === length) return got
    if (got > 0) {
      // Up to a mark, maybe: the next read is another segment.
      if (c.has(HOST_URGENT)) return got
      if (c.has(READS_ON)) return this.#readOn(c, at, length, got)
      c.lower(HOST_READABLE)
      return got
    }
    if (got < 0) return got === -EAGAIN ? 0 : got
    c.raise(READS_ON)
    return END
  }

  // Behind `got` bytes of `length`. An error is told by the next read.
  #readOn(c: Connection, at: number, length: number, got: number): number {
    let all = got
    while (all < length) {
      const more = this.#native.tcpPeek(c.socket, at + all, length - all)
      if (more > 0) {
        all += more
        continue
      }
      if (more === 0) c.raise(HOST_EOF)
      if (more === 0 || more === -EAGAIN) c.lower(HOST_READABLE)
      return all
    }
    return all
  }

  /** See Relay.mark. */
  mark(c: Connection): number {
    const mark = this.#native.tcpMark(c.socket)
    // What the ring has read is in front of it.
    return mark >= 0 && c.sendSlab !== 0 ? mark + c.sendHeld : mark
  }

  /** See Relay.rewind. False: the next read would bring other bytes. */
  rewind(c: Connection, offset: number): boolean {
    const ring = this.#sockets.ringOf(c.base)
    if (ring !== null) ring.rewind(c, offset)
    else return this.#native.tcpPeekOffset(c.socket, offset) >= 0
    return true
  }

  /** See Relay.consume. False: the bytes have not gone. */
  consume(c: Connection, length: number): boolean {
    this.#sockets.bound(c.base, length)
    const ring = this.#sockets.ringOf(c.base)
    if (ring !== null) ring.consume(c, length)
    else return this.#native.tcpDiscard(c.socket, length) >= length
    return true
  }
}
