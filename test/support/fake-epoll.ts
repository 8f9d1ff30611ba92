// What turns the stack in the fake kernel (fake-kernel.ts): descriptors and epoll, time that only moves when told, and the TAP.
import assert from 'node:assert/strict'
import { EPOLLERR, EPOLLHUP, EPOLLIN } from '../../src/host/event-loop.js'
import { MAX_FRAME } from '../../src/packet/arena.js'
import { FakeDescriptor, type FakeWaker } from './fake-descriptor.js'

export const EBADF = 9
const ENOMEM = 12
const TIMER_TOKEN = -1

class FakeTap extends FakeDescriptor {
  readonly frames: Uint8Array[] = []
  override poll(): number {
    return this.frames.length > 0 ? EPOLLIN : 0
  }
}

/** The first part of the kernel. A test arms nothing and waits for nothing: it moves `time` and calls `run`. */
export class FakeEpoll implements FakeWaker {
  readonly arena: ArrayBuffer
  readonly scratch = new ArrayBuffer(4096 * 4)
  readonly tap = new FakeTap()
  /** Descriptor of the TAP. */
  readonly tapDescriptor = 3
  /** ms. */
  time: number
  /** A frame that the stack has sent: a copy. */
  onFrame: (frame: Uint8Array) => void = () => {}
  /** A longer frame finds no memory. */
  longestFrame = Number.POSITIVE_INFINITY
  /** Result of the next opens in place of a descriptor: -errno; 0 for none. */
  openStatus = 0
  readonly open = new Map<number, FakeDescriptor>()
  protected readonly words: Int32Array
  readonly #bytes: Uint8Array
  #callback: (() => void) | null = null
  #pending: FakeDescriptor[] = []
  #next = 10
  #deadline: number | null = null

  constructor(arenaBytes: number, time: number) {
    this.arena = new ArrayBuffer(arenaBytes)
    this.#bytes = new Uint8Array(this.arena)
    this.words = new Int32Array(this.scratch)
    this.time = time
    this.open.set(this.tapDescriptor, this.tap)
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
    return this.#pending.length > 0 || this.#hasFrames || this.untilTimer === 0
  }

  // Level-triggered, where it is asked for at all.
  get #hasFrames(): boolean {
    return (this.tap.poll() & this.tap.events) !== 0
  }

  protected openDescriptor(d: FakeDescriptor): number {
    const descriptor = this.#next++
    this.open.set(descriptor, d)
    return descriptor
  }

  protected range(at: number, length: number): Uint8Array {
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
    const w = this.words
    let count = 0
    if (this.untilTimer === 0) {
      w[2 * count] = TIMER_TOKEN
      w[2 * count++ + 1] = EPOLLIN
    }
    if (this.tap.isRegistered && this.#hasFrames) {
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
      this.range(offset, frame.length).set(frame)
      this.words[2 * count] = offset
      this.words[2 * count + 1] = frame.length
      offset = (offset + frame.length + 63) & ~63
    }
    return count
  }
  tapWrite(_descriptor: number, at: number, length: number): number {
    if (length > this.longestFrame) return -ENOMEM
    this.onFrame(this.range(at, length).slice())
    return length
  }
}
