// One way of a link that is bad on purpose (see impaired-device.ts first).
//
//   enters -> lost? -> doubled? -> queue (rate) -> line (delay, jitter) -> held back? -> leaves
//                                  | full: lost |                          | until some frames have
//                                                                            overtaken it, or for a time
//
// Frames leave the line in the order in which they entered it, whatever the jitter: only one that is held back is overtaken. What leaves
// at once is passed on where it lies; what has to wait is copied into a pool in the arena. When the pool is used up frames are lost,
// as they are wherever a buffer is full.
import { type Arena, LINK_HEADROOM } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'
import { type TimerHandler, TimerWheel } from '../util/timer-wheel.js'
import * as checksum from '../wire/checksum.js'
import * as ethernet from '../wire/ethernet.js'
import * as icmpv6 from '../wire/icmpv6.js'
import * as ipv6 from '../wire/ipv6.js'
import * as ndp from '../wire/ndp.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_ICMPV6 } from '../wire/numbers.js'
import * as virtio from '../wire/virtio-net.js'
import type { FrameReceiver } from './device.js'
import type { Impairment } from './impairment.js'

/** Frames that a pool has room for at most: 100 ms of full Ethernet frames at 1 Gbit/s. */
const POOL_FRAMES = 8192
/** Memory that they take at most, bytes: of larger frames there are fewer. */
const POOL_BYTES = 16 << 20
/** Frames that wait to be overtaken at a time: each that passes looks at all of them. One more than that waits for its time only. */
const MOST_HELD_BACK = 64
const TWO_TO_32 = 0x1_0000_0000

const slotBytes = (mtu: number): number => (LINK_HEADROOM + mtu + 63) & ~63
const slotCount = (mtu: number): number => Math.min(POOL_FRAMES, Math.trunc(POOL_BYTES / slotBytes(mtu)))

/** Bytes of arena that the pool of a link with this MTU takes. */
export const poolBytes = (mtu: number): number => slotCount(mtu) * slotBytes(mtu)

/** Frames enter by `receive` and leave to the `exit`. */
export class ImpairedWay implements FrameReceiver, TimerHandler {
  /** Frames lost by chance, and for want of room in queue or pool. */
  lost = 0
  overflowed = 0
  duplicated = 0
  corrupted = 0
  heldBack = 0
  readonly #arena: Arena
  readonly #exit: FrameReceiver
  readonly #impairment: Impairment
  readonly #slotBytes: number
  readonly #poolAt: number
  readonly #pool: HandlePool
  /** By slot: when the frame leaves the line; for one that is held back, when it is free at the latest. */
  readonly #timers: TimerWheel
  readonly #lengths: Int32Array
  /** By slot: frames that are still to overtake this one. Negative while it is on the line, 0 when it is not to be held back. */
  readonly #overtakers: Int32Array
  readonly #heldBack = new Int32Array(MOST_HELD_BACK)
  #heldBackCount = 0
  #onLine = 0
  /** When the frame that entered last leaves the line; means something while one is on it. */
  #lastDue = 0
  /** Bytes in the queue at `#queuedAt`, fractions included. */
  readonly #queued = new Float64Array(1)
  #queuedAt: number
  #now: number
  #random: number

  constructor(arena: Arena, mtu: number, exit: FrameReceiver, impairment: Impairment, seed: number, now: number) {
    const slots = slotCount(mtu)
    this.#arena = arena
    this.#exit = exit
    this.#impairment = impairment
    this.#slotBytes = slotBytes(mtu)
    this.#poolAt = arena.allot(poolBytes(mtu))
    this.#pool = new HandlePool(slots)
    this.#timers = new TimerWheel(slots + 1, now)
    this.#lengths = new Int32Array(slots + 1)
    this.#overtakers = new Int32Array(slots + 1)
    this.#queuedAt = now
    this.#now = now
    this.#random = seed
  }

  /** Frames that have entered and not left. */
  get waiting(): number {
    return this.#pool.inUse
  }

  /** A frame enters, at the time last given to `advance`. */
  receive(at: number, length: number): void {
    if (this.#happens(this.#impairment.loss) && !this.#isOfTheLink(at, length)) {
      this.lost++
      return
    }
    this.#enter(at, length)
    if (!this.#happens(this.#impairment.duplication)) return
    this.duplicated++
    this.#enter(at, length)
  }

  /** ms from `now` until a frame is due, or less; -1: none waits. */
  next(now: number): number {
    return this.#timers.next(now)
  }

  /** The time has come to `now`: what is due leaves. */
  advance(now: number): void {
    this.#now = now
    this.#timers.advance(now, this)
  }

  #enter(at: number, length: number): void {
    const wait = this.#wait(length)
    const isCorrupted = this.#happens(this.#impairment.corruption)
    const isHeldBack = this.#happens(this.#impairment.reordering)
    if (wait === 0 && !isCorrupted && !isHeldBack) {
      this.#exit.receive(at, length)
      this.#overtake()
      return
    }
    const slot = wait < 0 || length > this.#slotBytes ? 0 : this.#pool.acquire()
    if (slot === 0) {
      this.overflowed++
      return
    }
    const copy = this.#slotAt(slot)
    this.#arena.bytes.copyWithin(copy, at, at + length)
    this.#lengths[slot] = length
    this.#overtakers[slot] = isHeldBack ? -1 - this.#below(this.#impairment.reorderFrames) : 0
    if (isCorrupted) this.#corrupt(copy, length)
    this.#onLine++
    this.#lastDue = (this.#now + wait) | 0
    if (wait === 0) this.expire(slot)
    else this.#timers.schedule(slot, this.#lastDue)
  }

  /**
   * ARP and neighbor discovery: they find who is on the link, which on a real network is none of those that lose packets. Without their answers a
   * program would not see loss, but a host that is not there.
   */
  #isOfTheLink(at: number, length: number): boolean {
    const view = this.#arena.view
    const type = ethernet.etherType(view, at + virtio.HEADER_LENGTH)
    if (type !== ETHERTYPE_IPV6) return type === ETHERTYPE_ARP
    const ip = at + LINK_HEADROOM
    if (length < LINK_HEADROOM + ipv6.HEADER_LENGTH + 1 || ipv6.nextHeader(view, ip) !== PROTOCOL_ICMPV6) return false
    const message = view.getUint8(ip + ipv6.HEADER_LENGTH)
    return message >= ndp.ROUTER_SOLICITATION && message <= icmpv6.REDIRECT
  }

  /** ms until a frame that enters now leaves the line; -1 when it finds the queue full. */
  #wait(length: number): number {
    const { delay, jitter, rate, queue } = this.#impairment
    let wait = delay + this.#below(jitter + 1)
    if (rate > 0) {
      const bytesPerMs = rate / 8000
      const gone = ((this.#now - this.#queuedAt) >>> 0) * bytesPerMs
      const left = Math.max(0, this.#queued[0]! - gone)
      if (left > queue * bytesPerMs) return -1
      this.#queued[0] = left + length - virtio.HEADER_LENGTH
      this.#queuedAt = this.#now
      wait += Math.trunc(this.#queued[0] / bytesPerMs)
    }
    return this.#onLine > 0 ? Math.max(wait, (this.#lastDue - this.#now) | 0) : wait
  }

  /** A frame has come to the end of the line, or been held back for long enough. */
  expire(slot: number): void {
    const overtakers = this.#overtakers[slot]!
    if (overtakers < 0) {
      this.#onLine--
      this.#holdBack(slot, -overtakers)
    } else if (overtakers > 0) {
      this.#forget(slot)
      this.#leave(slot)
    } else {
      this.#onLine--
      this.#leave(slot)
      this.#overtake()
    }
  }

  #holdBack(slot: number, overtakers: number): void {
    this.heldBack++
    this.#overtakers[slot] = overtakers
    this.#timers.schedule(slot, (this.#now + this.#impairment.reorderDelay) | 0)
    if (this.#impairment.reorderFrames > 0 && this.#heldBackCount < MOST_HELD_BACK) this.#heldBack[this.#heldBackCount++] = slot
  }

  /** A frame has passed those that are held back. */
  #overtake(): void {
    const list = this.#heldBack
    for (let i = 0; i < this.#heldBackCount; ) {
      const slot = list[i]!
      this.#overtakers[slot]!--
      if (this.#overtakers[slot]! > 0) {
        i++
        continue
      }
      this.#forget(slot)
      this.#timers.cancel(slot)
      this.#leave(slot)
    }
  }

  #forget(slot: number): void {
    const list = this.#heldBack
    const i = list.indexOf(slot)
    if (i < 0 || i >= this.#heldBackCount) return
    list.copyWithin(i, i + 1, this.#heldBackCount)
    this.#heldBackCount--
  }

  #leave(slot: number): void {
    this.#exit.receive(this.#slotAt(slot), this.#lengths[slot]!)
    this.#pool.release(slot)
  }

  /**
   * Flips one bit of the datagram. Damage that the frame's check sequence finds is a loss; this is the damage that it does not find. A
   * checksum that was left open is computed first: whoever completed it later would make the damage right.
   */
  #corrupt(at: number, length: number): void {
    const view = this.#arena.view
    const bytes = length - LINK_HEADROOM
    if (bytes <= 0 || ethernet.etherType(view, at + virtio.HEADER_LENGTH) !== ETHERTYPE_IPV4) return
    this.corrupted++
    if ((virtio.flags(view, at) & virtio.FLAG_NEEDS_CSUM) !== 0) this.#completeChecksum(at, length)
    virtio.clear(view, at)
    const bit = this.#below(bytes * 8)
    const damaged = at + LINK_HEADROOM + (bit >>> 3)
    view.setUint8(damaged, view.getUint8(damaged) ^ (1 << (bit & 7)))
  }

  #completeChecksum(at: number, length: number): void {
    const view = this.#arena.view
    const start = at + virtio.HEADER_LENGTH + virtio.checksumStart(view, at)
    const field = start + virtio.checksumOffset(view, at)
    // What a guest wrote: it may point anywhere.
    if (field + 2 > at + length) return
    checksum.complete(view, start, field, at + length)
  }

  #slotAt(slot: number): number {
    return this.#poolAt + (slot - 1) * this.#slotBytes
  }

  /** True in so many of 100 cases. What never happens draws nothing. */
  #happens(percent: number): boolean {
    return percent > 0 && (this.#int32() >>> 0) * 100 < percent * TWO_TO_32
  }

  /** 0 to n - 1; 0 when n is 0. */
  #below(n: number): number {
    return n < 2 ? 0 : Math.trunc(((this.#int32() >>> 0) / TWO_TO_32) * n)
  }

  // mulberry32 (T. Ettinger): 32 bits of state, good enough for a link.
  #int32(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let t = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return t ^ (t >>> 14)
  }
}
