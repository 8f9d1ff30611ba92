// A TCP socket of the fake kernel (fake-kernel.ts), and its far end, which a test plays. The stack's side is in fake-tcp-calls.ts.
import assert from 'node:assert/strict'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../../src/host/event-loop.js'
import type { Words } from '../../src/wire/address.js'
import { FakeDescriptor, type FakeWaker } from './fake-descriptor.js'

const ECONNRESET = 104

/** A TCP socket. Its methods are the far end's. */
export class FakeTcp extends FakeDescriptor {
  readonly kernel: FakeWaker
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
  /** Bytes that the far end's kernel has not acknowledged. */
  unsent = 0
  /** Everything the far end will send, how much of it has arrived, and how much the stack has taken off. */
  incoming: Uint8Array = new Uint8Array()
  arrived = 0
  front = 0
  /** How many bytes are in front of the urgent one; -1: none is urgent. */
  mark = -1
  /** Peeks that found nothing. */
  vainPeeks = 0
  isEnded = false
  /** Which of the bytes that the stack has sent were urgent. */
  readonly urgent: number[] = []
  /** ms since the far end was heard, as the kernel tells it. */
  silence = 0
  /** The kernel sends in vain. */
  isStalled = false
  peekOffset = -1

  constructor(kernel: FakeWaker, words: Words, port: number, hops: number) {
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
