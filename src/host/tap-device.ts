// The TAP device, from our side: tun(4), with virtio-net headers when the kernel offers them (IFF_VNET_HDR), so that
// one frame can be a super-segment of 64 KiB with a partial checksum, at any MTU.
//
// Reading is level-triggered and in batches: one call packs as many frames as fit back to back into the receive
// region, so that small frames share cache lines. Without virtio-net headers the device writes an empty one in
// front of each frame, and the layers above see no difference but `hasOffload`.

import type { Device, FrameReceiver } from '../link/device.js'
import { type Arena, BIG_DATAGRAM, MAX_DATAGRAM, MAX_FRAME } from '../packet/arena.js'
import { NetloomError } from '../util/errors.js'
import * as virtio from '../wire/virtio-net.js'
import { EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_TAP, token } from './event-loop.js'
import type { NativeContext } from './native.js'

/**
 * Bytes of one receive batch: four largest frames, or some hundred small ones. A batch is sent on before the next is read, so it should
 * still be in the second-level cache: with sixteen frames uploads were a tenth slower.
 */
export const RECEIVE_BATCH = 4 * MAX_FRAME
/** Frames of one call into the kernel. */
const FRAMES_PER_CALL = 256
/** Room in front of the first frame for the virtio-net header that a plain TAP does not write (bytes). */
const HEADROOM = 64
/** Bytes of arena that a device reads into. */
export const RECEIVE_REGION = HEADROOM + RECEIVE_BATCH

/** What the launcher managed to switch on. */
export interface TapFeatures {
  readonly vnetHeader: boolean
  readonly checksum: boolean
  readonly tso: boolean
  readonly uso: boolean
}

/** errno(3). */
const ENOMEM = 12
const ENOBUFS = 105

export class TapDevice implements Device, ReadyHandler {
  readonly mtu: number
  readonly hasOffload: boolean
  readonly hasDatagramOffload: boolean
  readonly lastingFrom: number
  readonly lastingTo: number
  readonly largestDatagram: number
  readonly features: TapFeatures
  /** Called once when the interface is gone (deleted, or its namespace torn down): -errno of the read. */
  onGone: (errno: number) => void = () => {}
  framesIn = 0
  framesOut = 0
  framesLost = 0
  #descriptor: number
  #native: NativeContext
  #loop: EventLoop
  #frames: Int32Array
  #batch = new Int32Array(FRAMES_PER_CALL * 2)
  #view: DataView
  #receiveAt: number
  #receiver: FrameReceiver
  #skip: number

  /** Takes over `descriptor` (non-blocking) and listens on `loop`. `region`: RECEIVE_REGION bytes of the arena. */
  constructor(
    native: NativeContext,
    loop: EventLoop,
    arena: Arena,
    region: number,
    descriptor: number,
    mtu: number,
    features: TapFeatures,
    receiver: FrameReceiver,
  ) {
    this.#native = native
    this.#loop = loop
    this.#frames = new Int32Array(native.scratch)
    this.#descriptor = descriptor
    this.#view = arena.view
    this.#receiveAt = region + HEADROOM
    this.#receiver = receiver
    this.#skip = features.vnetHeader ? 0 : virtio.HEADER_LENGTH
    this.mtu = mtu
    this.features = features
    this.hasOffload = features.vnetHeader && features.checksum && features.tso
    this.hasDatagramOffload = this.hasOffload && features.uso
    this.lastingFrom = region
    this.lastingTo = region + RECEIVE_REGION
    this.largestDatagram = this.hasOffload && native.probeBigTcp() === 1 ? BIG_DATAGRAM : MAX_DATAGRAM
    loop.serve(TOKEN_TAP, this)
    const status = native.epollAdd(descriptor, token(TOKEN_TAP, 0, 0), EPOLLIN)
    if (status < 0) throw NetloomError.system('epoll_ctl', -status)
  }

  // One batch a turn: what is left makes the descriptor ready again.
  ready(): void {
    const count = this.#native.tapRead(this.#descriptor, this.#receiveAt, RECEIVE_BATCH, FRAMES_PER_CALL)
    // For want of memory it is only later: the frames are there still, and tell of themselves, but not at once, and again and again.
    if (count === -ENOMEM || count === -ENOBUFS) this.#loop.rest(this.#descriptor, token(TOKEN_TAP, 0, 0), EPOLLIN)
    else if (count < 0) this.#gone(count)
    if (count <= 0) return
    this.framesIn += count
    const batch = this.#batch
    for (let i = 0; i < count * 2; i++) batch[i] = this.#frames[i]!
    for (let i = 0; i < count; i++) this.#deliver(batch[2 * i]!, batch[2 * i + 1]!)
  }

  // Without virtio-net headers an empty one is put in front; the frame before, whose tail it may touch, is done with.
  #deliver(at: number, length: number): void {
    const skip = this.#skip
    if (skip !== 0) virtio.clear(this.#view, at - skip)
    this.#receiver.receive(at - skip, length + skip)
  }

  transmit(at: number, length: number): boolean {
    const skip = this.#skip
    if (this.#native.tapWrite(this.#descriptor, at + skip, length - skip) < 0) {
      this.framesLost++
      return false
    }
    this.framesOut++
    return true
  }

  /** Closes the descriptor: the interface goes when it is not persistent. */
  close(): void {
    if (this.#descriptor < 0) return
    this.#loop.forget(this.#descriptor)
    this.#native.epollDelete(this.#descriptor)
    this.#native.closeDescriptor(this.#descriptor)
    this.#descriptor = -1
  }

  #gone(status: number): void {
    this.#loop.forget(this.#descriptor)
    this.#native.epollDelete(this.#descriptor)
    this.onGone(-status)
  }
}
