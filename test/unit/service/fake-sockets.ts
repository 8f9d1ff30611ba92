// The host's UDP sockets (fake-streams.ts has the others) as lists: what was sent is kept, what is to be received is put in by the test.
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { EPOLLIN } from '../../../src/host/event-loop.js'
import type { ForwarderSockets } from '../../../src/service/dns-forwarder.js'
import { FakeStreams, serverName } from './fake-streams.js'

const { EAGAIN, EBADF } = constants.errno

/** A socket of the host's, and the name server at its other end. */
export class HostSocket {
  readonly descriptor: number
  readonly family: number
  server = ''
  token = 0
  isOpen = true
  readonly sent: Buffer[] = []
  /** What udpReceive finds: messages and negative errnos. */
  readonly inbox: (Buffer | number)[] = []
  hasQueuedError = false

  constructor(descriptor: number, family: number) {
    this.descriptor = descriptor
    this.family = family
  }

  /** The message that was sent last. */
  get query(): Buffer {
    const last = this.sent.at(-1)
    assert.ok(last, 'nothing was sent')
    return last
  }
}

export class FakeSockets extends FakeStreams implements ForwarderSockets {
  readonly all: HostSocket[] = []
  /** -errno, by name server, of connect and of send. */
  readonly connectErrors = new Map<string, number>()
  readonly sendErrors = new Map<string, number>()
  openError = 0

  get open(): HostSocket[] {
    return this.all.filter((socket) => socket.isOpen)
  }

  udpOpen(family: number, port: number): number {
    assert.equal(port, 0, 'the port is the kernel’s choice')
    if (this.openError < 0) return this.openError
    this.all.push(new HostSocket(this.all.length + 100, family))
    return this.all.length + 99
  }

  udpConnect(descriptor: number, a0: number, a1: number, a2: number, a3: number, port: number, scope: number): number {
    const socket = this.#find(descriptor)
    socket.server = serverName([a0, a1, a2, a3], scope)
    assert.equal(port, 53)
    return this.connectErrors.get(socket.server) ?? 0
  }

  epollAdd(descriptor: number, token: number, events: number): number {
    if (this.isStream(descriptor)) return this.addStream(descriptor, token, events)
    this.#find(descriptor).token = token
    assert.equal(events, EPOLLIN)
    return 0
  }

  udpSend(descriptor: number, at: number, length: number, segment: number, a0: number, a1: number, a2: number, a3: number, port: number) {
    const socket = this.#find(descriptor)
    assert.deepEqual([segment, a0, a1, a2, a3, port], [0, 0, 0, 0, 0, 0])
    const error = this.sendErrors.get(socket.server)
    if (error !== undefined) return error
    socket.sent.push(Buffer.from(this.bytes.subarray(at, at + length)))
    return length
  }

  udpReceive(descriptor: number, at: number, length: number): number {
    const next = this.#find(descriptor).inbox.shift()
    if (next === undefined) return -EAGAIN
    if (typeof next === 'number') return next
    assert.ok(next.length <= length)
    next.copy(this.bytes, at)
    return next.length
  }

  errorReceive(descriptor: number): number {
    const socket = this.#find(descriptor)
    const had = socket.hasQueuedError
    socket.hasQueuedError = false
    return had ? 1 : 0
  }

  override closeDescriptor(descriptor: number): number {
    if (this.isStream(descriptor)) return super.closeDescriptor(descriptor)
    const socket = this.all[descriptor - 100]
    if (socket === undefined || !socket.isOpen) return -EBADF
    socket.isOpen = false
    return 0
  }

  #find(descriptor: number): HostSocket {
    const socket = this.all[descriptor - 100]
    assert.ok(socket?.isOpen, `descriptor ${descriptor} is not open`)
    return socket
  }
}
