// The host's kernel as far as the stack sees it: the addon's calls over a model of its sockets, with time that only moves when
// told. What matters is modelled as Linux does it (tcp_poll, tcp_sendmsg, tcp_recvmsg), above all when an edge-triggered epoll
// speaks and when it stays silent:
//
//     readable    each arrival of bytes, an end or an error is an edge
//     writable    is an edge only after somebody found the socket full (SOCK_NOSPACE: a short send, or a poll that said no)
//                 and then only once a third of its buffer is free
//
// A test plays the far end of each socket (`FakeTcp`), and the TAP's (`frames`, `onFrame`).
import assert from 'node:assert/strict'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../../src/host/event-loop.js'
import type { NativeContext } from '../../src/host/native.js'
import { MAX_FRAME } from '../../src/packet/arena.js'
import { mapped, type Words } from '../../src/wire/address.js'

/** An address of either family; a number is one of IPv4. */
export type FakeAddress = number | Words
const wordsOf = (address: FakeAddress): Words => (typeof address === 'number' ? mapped(address) : address)

const EAGAIN = 11
const EMSGSIZE = 90
const EINVAL = 22
const EBADF = 9
const EFAULT = 14
const ENOMEM = 12
const ENOTCONN = 107
const EPIPE = 32
const ECONNRESET = 104
const TIMER_TOKEN = -1
/** Of the addon's udpReceiveMany, bytes. */
const REST_BYTES = 68 << 10
const REST_HEADROOM = 2 << 10
/** IP and UDP, bytes. */
const DATAGRAM_HEADERS = { 4: 28, 6: 48 }

/** What every descriptor has: its place in the epoll set. */
class FakeDescriptor {
  token = 0
  events = 0
  isRegistered = false
  isPending = false
  /** The error queue (MSG_ERRQUEUE). */
  readonly errors: FakeError[] = []
  poll(): number {
    return 0
  }
}

/** One error of a queue: an ICMP message (origin 2), or the host's own word (1). */
export interface FakeError {
  readonly origin: number
  readonly type: number
  readonly code: number
  /** The next hop's MTU. */
  readonly info: number
  /** Where the packet went. */
  readonly address: FakeAddress
  readonly port: number
  /** Who says so. */
  readonly offender: FakeAddress
  /** Hop limit that the error came with. */
  readonly ttl: number
  readonly quote: Uint8Array
}

/** A TCP socket. The stack's side is in the kernel's methods; these are the far end's. */
export class FakeTcp extends FakeDescriptor {
  readonly kernel: FakeKernel
  /** The address it was connected to, its last word, and its port. */
  readonly words: Words
  readonly address: number
  readonly port: number
  /** Hop limit of its segments. */
  readonly hops: number
  isConnected = false
  isClosed = false
  /** The far end was told by a reset. */
  wasReset = false
  /** The stack has sent its FIN. */
  isShut = false
  error = 0
  /** Bytes the stack has sent: pieces as they came. */
  readonly sent: Uint8Array[] = []
  sentLength = 0
  /** Of those, how many the far end has not read yet, and how many of them the buffer holds. */
  queued = 0
  sendBuffer = 1 << 17
  noSpace = false
  /** Everything the far end will send, how much of it has arrived, and how much the stack has taken off. */
  incoming: Uint8Array = new Uint8Array()
  arrived = 0
  front = 0
  /** How many bytes are in front of the urgent one; -1: none is urgent. */
  mark = -1
  /** Peeks that found nothing. */
  vainPeeks = 0
  isEnded = false
  peekOffset = -1

  constructor(kernel: FakeKernel, words: Words, port: number, hops: number) {
    super()
    this.kernel = kernel
    this.words = words
    this.address = words[3]
    this.port = port
    this.hops = hops
  }

  /** sk_stream_is_writeable: half as much free as is queued. */
  get isWritable(): boolean {
    return this.isConnected && this.sendBuffer - this.queued >= this.queued >> 1 && this.queued < this.sendBuffer
  }

  override poll(): number {
    if (this.error !== 0) return EPOLLERR | EPOLLHUP | EPOLLIN | EPOLLOUT | EPOLLRDHUP
    // An ICMP error about a SYN that is still tried again.
    if (!this.isConnected) return this.errors.length > 0 ? EPOLLERR : 0
    let mask = 0
    if (this.arrived > this.front) mask |= EPOLLIN
    if (this.mark >= this.front && this.mark < this.arrived) mask |= EPOLLPRI
    if (this.isEnded) mask |= EPOLLIN | EPOLLRDHUP
    if (this.isEnded && this.isShut) mask |= EPOLLHUP
    if (this.isShut || this.isWritable) mask |= EPOLLOUT
    else this.noSpace = true
    return mask
  }

  /** The connect has succeeded. */
  accepts(): void {
    this.isConnected = true
    this.kernel.wake(this)
  }

  /** The connect has failed, or the connection broke. */
  fails(errno: number): void {
    this.error = errno
    this.kernel.wake(this)
  }

  /** The far end resets. */
  resets(): void {
    this.fails(ECONNRESET)
  }

  /** The far end's next `length` bytes arrive. */
  delivers(length: number): void {
    if (length === 0) return
    this.arrived += length
    assert.ok(this.arrived <= this.incoming.length)
    this.kernel.wake(this)
  }

  /** The far end's FIN arrives. */
  ends(): void {
    this.isEnded = true
    this.kernel.wake(this)
  }

  /** The far end reads what the stack has sent. */
  reads(length: number): void {
    this.queued = Math.max(0, this.queued - length)
    if (!this.noSpace || !this.isWritable) return
    this.noSpace = false
    this.kernel.wake(this)
  }
}

/** What a socket puts into the IP header. */
export interface FakeHeader {
  readonly ttl: number
  readonly tos: number
  readonly dontFragment: boolean
}

/** A UDP or ping socket: what was sent through it, and what has come back. */
export class FakeDatagram extends FakeDescriptor {
  readonly kernel: FakeKernel
  readonly sent: { bytes: Uint8Array; segment: number; words: Words; address: number; port: number; header: FakeHeader }[] = []
  readonly incoming: { bytes: Uint8Array; address: FakeAddress; port: number; ttl: number; tos: number; segment: number }[] = []
  readonly family: 4 | 6
  /** What it sends with: Linux's defaults. */
  header: FakeHeader = { ttl: 64, tos: 0, dontFragment: true }
  /** MTU of the path, for what may not be cut. */
  mtu = 65_535

  constructor(kernel: FakeKernel, family: 4 | 6) {
    super()
    this.kernel = kernel
    this.family = family
  }

  /** A datagram arrives, or a train of such of `segment` bytes. */
  delivers(bytes: Uint8Array, address: FakeAddress, port: number, ttl = 63, tos = 0, segment = 0): void {
    this.incoming.push({ bytes, address, port, ttl, tos, segment })
    this.kernel.wake(this)
  }

  /** An error arrives about what was sent. */
  fails(error: FakeError): void {
    this.errors.push(error)
    this.kernel.wake(this)
  }

  override poll(): number {
    return EPOLLOUT | (this.incoming.length > 0 ? EPOLLIN : 0) | (this.errors.length > 0 ? EPOLLERR : 0)
  }
}

class FakeTap extends FakeDescriptor {
  readonly frames: Uint8Array[] = []
  override poll(): number {
    return this.frames.length > 0 ? EPOLLIN : 0
  }
}

export class FakeKernel {
  readonly arena: ArrayBuffer
  readonly scratch = new ArrayBuffer(4096 * 4)
  readonly tap = new FakeTap()
  /** Descriptor of the TAP. */
  readonly tapDescriptor = 3
  /** ms. */
  time: number
  /** A frame that the stack has sent: a copy. */
  onFrame: (frame: Uint8Array) => void = () => {}
  /** A connect has begun. */
  onConnect: (socket: FakeTcp) => void = () => {}
  /** The kernel understands BIG TCP. */
  hasBigTcp = false
  /** A longer frame finds no memory. */
  longestFrame = Number.POSITIVE_INFINITY
  /** Result of the next opens in place of a descriptor: -errno; 0 for none. */
  openStatus = 0
  /** Result of the next datagrams that are sent: -errno; 0 for none. */
  sendStatus = 0
  readonly open = new Map<number, FakeDescriptor>()
  /** Every TCP socket there ever was, the last one last. */
  readonly tcp: FakeTcp[] = []
  readonly datagrams: FakeDatagram[] = []
  readonly #bytes: Uint8Array
  readonly #words: Int32Array
  #callback: (() => void) | null = null
  #pending: FakeDescriptor[] = []
  #next = 10
  #deadline: number | null = null

  constructor(arenaBytes: number, time: number) {
    this.arena = new ArrayBuffer(arenaBytes)
    this.#bytes = new Uint8Array(this.arena)
    this.#words = new Int32Array(this.scratch)
    this.time = time
    this.open.set(this.tapDescriptor, this.tap)
  }

  /** As the addon: the calls that the stack makes are here, and no others. */
  get native(): NativeContext {
    return this as unknown as NativeContext
  }

  /** Descriptors the stack has open, the TAP's not counted. */
  get inUse(): number {
    return this.open.size - 1
  }

  /** An edge. */
  wake(d: FakeDescriptor): void {
    if (!d.isRegistered || d.isPending) return
    d.isPending = true
    this.#pending.push(d)
  }

  /** Ms until the armed timer fires, -1 when it is not armed. */
  get untilTimer(): number {
    return this.#deadline === null ? -1 : Math.max(0, (this.#deadline - this.time) | 0)
  }

  /** Calls the event loop back for as long as anything is ready. */
  run(): void {
    for (let turns = 0; this.#isReady; turns++) {
      assert.ok(turns < 10_000, 'the event loop never rests')
      this.#callback?.()
    }
  }

  get #isReady(): boolean {
    return this.#pending.length > 0 || this.tap.frames.length > 0 || this.untilTimer === 0
  }

  #tcp(descriptor: number): FakeTcp | null {
    const d = this.open.get(descriptor)
    return d instanceof FakeTcp ? d : null
  }

  #open(d: FakeDescriptor): number {
    const descriptor = this.#next++
    this.open.set(descriptor, d)
    return descriptor
  }

  #range(at: number, length: number): Uint8Array {
    assert.ok(at >= 0 && length >= 0 && at + length <= this.#bytes.length, `[${at}, ${at + length}) is not in the arena`)
    return this.#bytes.subarray(at, at + length)
  }

  start(callback: () => void): number {
    this.#callback = callback
    return 0
  }
  stop(): number {
    this.#callback = null
    return 0
  }

  epollAdd(descriptor: number, token: number, events: number): number {
    const d = this.open.get(descriptor)
    if (d === undefined) return -EBADF
    d.isRegistered = true
    return this.epollModify(descriptor, token, events)
  }
  epollModify(descriptor: number, token: number, events: number): number {
    const d = this.open.get(descriptor)
    if (d?.isRegistered !== true) return -EBADF
    d.token = token
    d.events = events
    if (d !== this.tap && d.poll() !== 0) this.wake(d)
    return 0
  }
  epollDelete(descriptor: number): number {
    const d = this.open.get(descriptor)
    if (d !== undefined) d.isRegistered = false
    return 0
  }
  epollWait(max: number): number {
    const w = this.#words
    let count = 0
    if (this.untilTimer === 0) {
      w[2 * count] = TIMER_TOKEN
      w[2 * count++ + 1] = EPOLLIN
    }
    if (this.tap.isRegistered && this.tap.poll() !== 0) {
      w[2 * count] = this.tap.token
      w[2 * count++ + 1] = EPOLLIN
    }
    const pending = this.#pending
    this.#pending = pending.slice(max - count)
    for (const d of pending.slice(0, max - count)) {
      d.isPending = false
      const mask = d.poll() & (d.events | EPOLLERR | EPOLLHUP)
      if (!d.isRegistered || mask === 0) continue
      w[2 * count] = d.token
      w[2 * count++ + 1] = mask
    }
    return count
  }
  timerArm(ms: number): number {
    this.#deadline = ms < 0 ? null : (this.time + ms) | 0
    return 0
  }
  timerRead(): number {
    const isFired = this.untilTimer === 0
    if (isFired) this.#deadline = null
    return isFired ? 1 : 0
  }
  now(): number {
    return this.time
  }

  tapRead(_descriptor: number, at: number, size: number, maxFrames: number): number {
    let count = 0
    for (let offset = at; count < maxFrames && at + size - offset >= MAX_FRAME; count++) {
      const frame = this.tap.frames.shift()
      if (frame === undefined) break
      this.#range(offset, frame.length).set(frame)
      this.#words[2 * count] = offset
      this.#words[2 * count + 1] = frame.length
      offset = (offset + frame.length + 63) & ~63
    }
    return count
  }
  tapWrite(_descriptor: number, at: number, length: number): number {
    if (length > this.longestFrame) return -ENOMEM
    this.onFrame(this.#range(at, length).slice())
    return length
  }

  tcpConnect(a0: number, a1: number, a2: number, a3: number, port: number, hops: number): number {
    if (this.openStatus < 0) return this.openStatus
    const socket = new FakeTcp(this, [a0, a1, a2, a3], port, hops)
    this.tcp.push(socket)
    const descriptor = this.#open(socket)
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
    socket.sent.push(this.#range(at, taken).slice())
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
      this.#range(at, got).set(socket.incoming.subarray(from, from + got))
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

  #openDatagram(family: 4 | 6): number {
    if (this.openStatus < 0) return this.openStatus
    const d = new FakeDatagram(this, family)
    this.datagrams.push(d)
    return this.#open(d)
  }
  udpOpen(family: 4 | 6): number {
    return this.#openDatagram(family)
  }
  pingOpen(family: 4 | 6): number {
    return this.#openDatagram(family)
  }
  udpSend(
    descriptor: number,
    at: number,
    length: number,
    segment: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    port: number,
  ): number {
    return this.#sendDatagram(this.open.get(descriptor), this.#range(at, length).slice(), segment, [a0, a1, a2, a3], port)
  }
  #sendDatagram(d: FakeDescriptor | undefined, bytes: Uint8Array, segment: number, to: Words, port: number): number {
    if (!(d instanceof FakeDatagram)) return -EBADF
    if (this.sendStatus < 0) return this.sendStatus
    // udp(7), UDP_SEGMENT: what would have to be cut cannot be a train.
    if (segment > 0 && !d.header.dontFragment && segment + DATAGRAM_HEADERS[d.family] > d.mtu) return -EINVAL
    if (d.header.dontFragment && (segment > 0 ? segment : bytes.length) + DATAGRAM_HEADERS[d.family] > d.mtu) {
      const none = { type: 0, code: 0, address: to, port: 0, offender: 0, ttl: -1, quote: new Uint8Array() }
      d.fails({ origin: 1, info: d.mtu, ...none })
      return -EMSGSIZE
    }
    assert.equal(to[0] === 0 && to[1] === 0 && to[2] === 0xffff, d.family === 4, 'a destination of the other family')
    d.sent.push({ bytes, segment, words: to, address: to[3], port, header: d.header })
    return bytes.length
  }
  udpSendMany(descriptor: number, word: number, count: number): number {
    const w = this.#words
    let at = word
    for (let i = 0; i < count; i++) {
      const pieces = w[at + 6]!
      const gathered = Array.from({ length: pieces }, (_, k) => [...this.#range(w[at + 7 + 2 * k]!, w[at + 8 + 2 * k]!)])
      const to: Words = [w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!]
      const status = this.#sendDatagram(this.open.get(descriptor), Uint8Array.from(gathered.flat()), w[at + 5]!, to, w[at + 4]!)
      if (status < 0) return i > 0 ? i : status
      at += 7 + 2 * pieces
    }
    return count
  }
  udpTrains(): number {
    return 0
  }
  udpReceiveMany(descriptor: number, at: number, stride: number, rest: number, max: number): number {
    const d = this.open.get(descriptor)
    if (!(d instanceof FakeDatagram)) return -EBADF
    const taken = d.incoming.splice(0, max)
    taken.forEach(({ bytes, address, port, ttl, tos, segment }, i) => {
      const place = bytes.length <= stride ? at + i * stride : rest + i * REST_BYTES + REST_HEADROOM
      this.#range(place, bytes.length).set(bytes)
      this.#words.set([place, bytes.length, segment, port, ttl, tos, ...wordsOf(address)], i * 10)
    })
    return taken.length === 0 ? -EAGAIN : taken.length
  }
  udpReceive(descriptor: number, at: number, length: number): number {
    const d = this.open.get(descriptor)
    if (!(d instanceof FakeDatagram)) return -EBADF
    const datagram = d.incoming.shift()
    if (datagram === undefined) return -EAGAIN
    if (datagram.bytes.length > length) return -EFAULT
    this.#range(at, datagram.bytes.length).set(datagram.bytes)
    this.#words.set([...wordsOf(datagram.address), datagram.port, datagram.ttl, datagram.tos])
    return datagram.bytes.length
  }
  errorReceive(descriptor: number): number {
    const error = this.open.get(descriptor)?.errors.shift()
    if (error === undefined) return 0
    const { origin, type, code, info, address, port, offender, ttl, quote } = error
    this.#words.set([0, origin, type, code, info, ...wordsOf(address), port, ...wordsOf(offender), quote.length, ttl])
    new Uint8Array(this.scratch, 64).set(quote)
    return 1
  }
  datagramHeader(descriptor: number, family: number, ttl: number, tos: number, dontFragment: number): number {
    const d = this.open.get(descriptor)
    assert.ok(d instanceof FakeDatagram && family === d.family && ttl >= 1 && ttl <= 255 && tos >= 0 && tos <= 255)
    d.header = { ttl, tos, dontFragment: dontFragment === 1 }
    return 0
  }

  closeDescriptor(descriptor: number): number {
    const d = this.open.get(descriptor)
    assert.ok(d !== undefined, `descriptor ${descriptor} was closed twice`)
    this.open.delete(descriptor)
    d.isRegistered = false
    if (d instanceof FakeTcp) {
      d.isClosed = true
      // tcp(7): closing with unread bytes, or before the connect has ended, is a reset; else the other end is told of the end.
      if (d.arrived > d.front) d.wasReset = true
      else d.isShut = true
    }
    return 0
  }
}
