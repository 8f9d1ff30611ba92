// Two devices back to back: what one transmits the other receives. For simulations and benchmarks, in which two stacks talk to each other
// in one process.
//
//   stack a -- transmit --> copied into b's receive region ... b.deliver() --> stack b
//
// Frames lie back to back in the receive region, as a TAP's reader packs them, until `deliver` hands them over: never while the other
// side is still sending, for then each stack would be called from within the other. Both stacks share one arena, so that the copy
// is one within it.
import { type Arena, MAX_DATAGRAM } from '../packet/arena.js'
import type { Device, FrameReceiver } from './device.js'

/** What a pipe carries. */
export interface PipeFeatures {
  /** Largest datagram without segmentation offload, bytes. */
  readonly mtu: number
  /** Whether frames may be super-segments with partial checksums; default false. */
  readonly hasOffload?: boolean
  /** Longest datagram of TCP, bytes; default 65,535. */
  readonly largestDatagram?: number
}

/** Frames that a receive region holds at most. */
const MOST_FRAMES = 4096

export class PipeDevice implements Device {
  readonly mtu: number
  readonly hasOffload: boolean
  readonly largestDatagram: number
  /** Frames for which the other side's receive region had no room. */
  framesLost = 0
  readonly #arena: Arena
  readonly #receiver: FrameReceiver
  readonly #regionAt: number
  readonly #regionBytes: number
  /** Offset and length of each frame. */
  readonly #frames = new Int32Array(2 * MOST_FRAMES)
  #count = 0
  #used = 0
  #peer: PipeDevice | null = null

  /** `arena`: that of both ends. `regionBytes`: of it, for frames that have arrived and are not delivered. */
  constructor(arena: Arena, regionBytes: number, receiver: FrameReceiver, features: PipeFeatures) {
    this.#arena = arena
    this.#receiver = receiver
    this.#regionAt = arena.allot(regionBytes)
    this.#regionBytes = regionBytes
    this.mtu = features.mtu
    this.hasOffload = features.hasOffload ?? false
    this.largestDatagram = features.largestDatagram ?? MAX_DATAGRAM
  }

  /** Joins two ends; what an end without another transmits is lost. */
  join(peer: PipeDevice): void {
    this.#peer = peer
    peer.#peer = this
  }

  /** Frames that have arrived and are not delivered. */
  get waiting(): number {
    return this.#count
  }

  transmit(at: number, length: number): boolean {
    const peer = this.#peer
    const isTaken = peer === null ? false : peer.#take(at, length)
    if (!isTaken) this.framesLost++
    return isTaken
  }

  /** Hands over what has arrived, in order. What arrives meanwhile waits for the next call. */
  deliver(): void {
    const count = this.#count
    const frames = this.#frames
    for (let i = 0; i < count; i++) this.#receiver.receive(frames[2 * i]!, frames[2 * i + 1]!)
    frames.copyWithin(0, 2 * count, 2 * this.#count)
    this.#count -= count
    if (this.#count === 0) this.#used = 0
  }

  #take(at: number, length: number): boolean {
    if (this.#count === MOST_FRAMES || this.#used + length > this.#regionBytes) return false
    const target = this.#regionAt + this.#used
    this.#arena.bytes.copyWithin(target, at, at + length)
    this.#frames[2 * this.#count] = target
    this.#frames[2 * this.#count + 1] = length
    this.#count++
    this.#used = (this.#used + length + 63) & ~63
    return true
  }
}
