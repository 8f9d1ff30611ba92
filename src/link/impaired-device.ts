// A link that is bad on purpose: it stands between the stack and a device, and loses, doubles, damages, delays and reorders frames, each
// way by itself (impairment.ts says what, impaired-way.ts does it). It shows how a program, or the stack, fares on a network that is
// worse than a TAP.
//
//             transmit                  transmit
//   stack  ------------> | toGuest   | ------------> device
//          <------------ | fromGuest | <------------
//             receive                   receive
//
// Nothing here reads a clock. `advance` is told the time when a turn begins, and lets leave what is due; a frame that enters counts as
// sent at that time. Everything is drawn from the seed: the same frames at the same times meet the same fate.
//
// It stands for a network of packets, so it offers no segmentation offload: what is lost is one packet of the MTU, not a super-segment
// of 64 KiB. For the same reason the device should hand over none (a TAP without TSO); one that comes anyway is one packet, and is
// lost when it has to wait, for no place in the pool is that large.
import { type Arena, MAX_DATAGRAM } from '../packet/arena.js'
import type { Device, FrameReceiver } from './device.js'
import { ImpairedWay, poolBytes } from './impaired-way.js'
import type { Impairment } from './impairment.js'

/** Bytes of arena that an impaired device with this MTU takes: 32 MiB at most. Memory is used only as far as frames have to wait. */
export const impairedBytes = (mtu: number): number => 2 * poolBytes(mtu)

export class ImpairedDevice implements Device, FrameReceiver {
  readonly mtu: number
  readonly hasOffload = false
  readonly largestDatagram = MAX_DATAGRAM
  readonly toGuest: ImpairedWay
  readonly fromGuest: ImpairedWay
  #device: Device | null = null

  /** `receiver`: the stack. `seed`: any int32. `now`: ms, as `advance` will be told. */
  constructor(arena: Arena, mtu: number, receiver: FrameReceiver, toGuest: Impairment, fromGuest: Impairment, seed: number, now: number) {
    this.mtu = mtu
    const exit = { receive: (at: number, length: number) => void this.#device?.transmit(at, length) }
    this.toGuest = new ImpairedWay(arena, mtu, exit, toGuest, seed, now)
    this.fromGuest = new ImpairedWay(arena, mtu, receiver, fromGuest, ~seed, now)
  }

  /** Names the device below; frames before that are lost. */
  connect(device: Device): void {
    this.#device = device
  }

  /** A frame of the stack. True: what becomes of it on the way its sender cannot know. */
  transmit(at: number, length: number): boolean {
    this.toGuest.receive(at, length)
    return true
  }

  /** A frame of the device. */
  receive(at: number, length: number): void {
    this.fromGuest.receive(at, length)
  }

  /** ms from `now` until `advance` has something to do, at the latest when the next frame is due; -1: no frame waits. */
  next(now: number): number {
    const out = this.toGuest.next(now)
    const back = this.fromGuest.next(now)
    return out < 0 || (back >= 0 && back < out) ? back : out
  }

  /** The time has come to `now`: frames that are due leave, those of the stack first, for what it is given it may answer. */
  advance(now: number): void {
    this.toGuest.advance(now)
    this.fromGuest.advance(now)
  }
}
