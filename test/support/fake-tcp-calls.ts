// The addon's calls for TCP in the fake kernel (fake-kernel.ts), over its sockets (fake-tcp.ts).
import assert from 'node:assert/strict'
import { EBADF, FakeEpoll } from './fake-epoll.js'
import { FakeTcp } from './fake-tcp.js'

const EAGAIN = 11
const EPIPE = 32
const ENOTCONN = 107

/** The second part of the kernel: each call has the name and the result (-errno) that the addon's has. */
export abstract class FakeTcpCalls extends FakeEpoll {
  /** A connect has begun. */
  onConnect: (socket: FakeTcp) => void = () => {}
  /** The kernel understands BIG TCP. */
  hasBigTcp = false
  /** Every TCP socket there ever was, the last one last. */
  readonly tcp: FakeTcp[] = []

  #tcp(descriptor: number): FakeTcp | null {
    const d = this.open.get(descriptor)
    return d instanceof FakeTcp ? d : null
  }

  tcpConnect(a0: number, a1: number, a2: number, a3: number, port: number, hops: number): number {
    if (this.openStatus < 0) return this.openStatus
    const socket = new FakeTcp(this, [a0, a1, a2, a3], port, hops)
    this.tcp.push(socket)
    const descriptor = this.openDescriptor(socket)
    this.onConnect(socket)
    return descriptor
  }
  socketError(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    const error = socket.error
    if (error === 0) return 0
    // Reading takes it; what follows is the end of the stream.
    socket.error = 0
    socket.isEnded = true
    return error
  }
  tcpSend(descriptor: number, at: number, length: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    if (socket.error !== 0) return -this.socketError(descriptor)
    if (!socket.isConnected || socket.isShut) return -EPIPE
    const taken = Math.min(length, Math.max(0, socket.sendBuffer - socket.queued))
    if (taken < length) socket.noSpace = true
    if (taken === 0) return -EAGAIN
    socket.sent.push(this.range(at, taken).slice())
    socket.sentLength += taken
    socket.queued += taken
    return taken
  }
  tcpPeek(descriptor: number, at: number, length: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    const got = this.#copy(socket, socket.front + Math.max(0, socket.peekOffset), at, length)
    if (got === -EAGAIN) socket.vainPeeks++
    if (got > 0 && socket.peekOffset >= 0) socket.peekOffset += got
    return got
  }
  tcpReceive(descriptor: number, at: number, length: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    const got = this.#copy(socket, socket.front, at, length)
    if (got > 0) socket.front += got
    return got
  }
  #copy(socket: FakeTcp, from: number, at: number, length: number): number {
    const untilMark = socket.mark > from ? socket.mark - from : length
    const got = Math.min(length, untilMark, socket.arrived - from)
    if (got > 0) {
      this.range(at, got).set(socket.incoming.subarray(from, from + got))
      return got
    }
    if (socket.error !== 0) {
      const error = socket.error
      socket.error = 0
      socket.isEnded = true
      return -error
    }
    return socket.isEnded ? 0 : -EAGAIN
  }
  tcpDiscard(descriptor: number, length: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    const gone = Math.min(length, socket.arrived - socket.front)
    assert.equal(gone, length, 'more was discarded than had arrived')
    socket.front += gone
    if (socket.peekOffset >= 0) socket.peekOffset = Math.max(0, socket.peekOffset - gone)
    return gone
  }
  tcpConnected(): number {
    return 0
  }
  tcpPeekOffset(descriptor: number, offset: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    assert.ok(offset >= 0, 'a negative peek offset')
    socket.peekOffset = offset
    return 0
  }
  probeBigTcp(): number {
    return this.hasBigTcp ? 1 : 0
  }
  tcpMakeRoom(descriptor: number, bytes: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    const wanted = Math.min(socket.queued + 2 * bytes, 425_984)
    if (wanted <= socket.sendBuffer) return 0
    socket.sendBuffer = wanted
    return 1
  }
  tcpSendUrgent(descriptor: number, at: number): number {
    const socket = this.#tcp(descriptor)
    const before = socket?.sentLength ?? 0
    const taken = this.tcpSend(descriptor, at, 1)
    if (taken === 1) socket?.urgent.push(before)
    return taken
  }
  tcpMark(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    return socket !== null && socket.mark >= socket.front && socket.mark < socket.arrived ? socket.mark - socket.front : -1
  }
  tcpSilence(descriptor: number): number {
    return this.#tcp(descriptor)?.silence ?? -EBADF
  }
  tcpStalled(descriptor: number): number {
    return this.#tcp(descriptor)?.isStalled === true ? 1 : 0
  }
  tcpReceiveBuffer(): number {
    return 0
  }
  /** Nobody answers DNS here. */
  streamPair(): number {
    return -EBADF
  }
  tcpRoom(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    return socket.isWritable ? Math.floor((socket.sendBuffer - socket.queued) / 4) * 3 : 0
  }
  tcpUnsent(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    return socket === null ? -EBADF : socket.unsent
  }
  tcpUnread(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    return socket === null ? -EBADF : socket.arrived - socket.front
  }
  tcpShutdown(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    if (socket === null) return -EBADF
    if (!socket.isConnected) return -ENOTCONN
    socket.isShut = true
    return 0
  }
  tcpReset(descriptor: number): number {
    const socket = this.#tcp(descriptor)
    if (socket !== null) socket.wasReset = true
    return this.closeDescriptor(descriptor)
  }

  abstract closeDescriptor(descriptor: number): number
}
