// The arena: the one fixed buffer that every packet of a network lives in.
//
//   +---------+--------------------------+------------------------------+
//   | receive | transmit: slots of one   | slabs: receive rings of the  |
//   | batch   | largest frame + headroom | flows (see slab-pool.ts)     |
//   +---------+--------------------------+------------------------------+
//
// Code passes offsets into it, never views of it: one DataView serves every reader and writer, so that nothing is
// allocated per packet and the native calls take plain integers. Regions are allotted once, while a network is built.
import { NetloomError } from '../util/errors.js'

/** Largest IP datagram a super-segment can hold (bytes): the total length field has 16 bits. */
export const MAX_DATAGRAM = 65_535
/**
 * Largest datagram of BIG TCP (bytes): TCP over IPv4 whose total length field says 0, and whose length is the frame's. It has to fit the 17
 * fragments of an sk_buff, and the transmit slot the second-level cache.
 */
export const BIG_DATAGRAM = 192 << 10
/** virtio-net header and Ethernet header in front of a datagram (bytes); 24 keeps the IP header 8-byte aligned. */
export const LINK_HEADROOM = 24
/** One largest frame of the guest, rounded up to whole 64-byte lines. */
export const MAX_FRAME = (MAX_DATAGRAM + LINK_HEADROOM + 63) & ~63
/** One largest frame of ours. */
export const BIG_FRAME = (BIG_DATAGRAM + LINK_HEADROOM + 63) & ~63

export class Arena {
  readonly view: DataView
  readonly bytes: Uint8Array
  #used: number

  /** `from`: the first byte of the buffer that is this arena's. */
  constructor(buffer: ArrayBuffer, from = 0) {
    this.#used = from
    this.view = new DataView(buffer)
    this.bytes = new Uint8Array(buffer)
  }

  /** Total size in bytes. */
  get size(): number {
    return this.bytes.length
  }

  /** Sets a region of `bytes` aside for good and returns its offset, a multiple of 64. */
  allot(bytes: number): number {
    const at = this.#used
    this.#used = (at + bytes + 63) & ~63
    if (this.#used > this.size)
      throw new NetloomError(
        'ERR_ARENA',
        `the arena has ${this.size} bytes and ${this.#used} are asked for`,
        'make it larger or allow fewer flows',
      )
    return at
  }
}
