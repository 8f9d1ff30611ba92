// What the stack needs of a link: a way out for frames, and a way in. A frame is a virtio-net header, an Ethernet
// header and a datagram, one after the other in the arena. Devices are synchronous: after `transmit` returns, the
// memory is the caller's again, so one transmit slot serves every flow.

/** A frame's way out. */
export interface Device {
  /** Largest datagram without segmentation offload, in bytes. */
  readonly mtu: number
  /** True when frames may be super-segments with partial checksums (virtio-net `gso_type`, `NEEDS_CSUM`). */
  readonly hasOffload: boolean
  /** True when a frame may stand for many datagrams of UDP as well (USO); not said: it may not. */
  readonly hasDatagramOffload?: boolean
  /** Between these offsets of the arena a frame received stays as it is until the turn ends; not said: it is borrowed for the call. */
  readonly lastingFrom?: number
  readonly lastingTo?: number
  /** Longest datagram of TCP that a frame may hold, in bytes: 65,535, or more where the receiver understands BIG TCP. */
  readonly largestDatagram: number
  /** Sends one frame; false when the device could not take it: it is then lost, as on any link. */
  transmit(at: number, length: number): boolean
}

/** Where a device delivers frames: borrowed for the call. */
export interface FrameReceiver {
  receive(at: number, length: number): void
}
