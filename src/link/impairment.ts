// What a link that is bad on purpose does to frames (see impaired-device.ts): one way of it.

export interface Impairment {
  /** Frames that are lost, each by itself: percent. */
  readonly loss: number
  /** Frames that come twice, one copy right behind the other: percent. */
  readonly duplication: number
  /** IPv4 datagrams of which one bit is flipped: percent. Other frames (ARP) have no checksum that could tell, and are left alone. */
  readonly corruption: number
  /** Frames that are held back at the end of the line, and overtaken: percent. */
  readonly reordering: number
  /** Most frames that overtake one that is held back: 1 to this many, drawn. 0: only time frees it. */
  readonly reorderFrames: number
  /** Longest time that a frame is held back, ms. */
  readonly reorderDelay: number
  /** Time on the line, ms. */
  readonly delay: number
  /** Longest time that a frame stays on the line beyond that, evenly drawn, ms. Frames keep their order. */
  readonly jitter: number
  /** Bits that enter the line in a second, Ethernet headers included. 0: no limit. */
  readonly rate: number
  /** With a rate: longest time that a frame waits for its turn, ms. One that would have to wait longer is lost (drop-tail). */
  readonly queue: number
}

/** A link that does nothing to frames: what an impairment is where nothing else is said. */
export const NO_IMPAIRMENT: Impairment = {
  loss: 0,
  duplication: 0,
  corruption: 0,
  reordering: 0,
  reorderFrames: 3,
  reorderDelay: 10,
  delay: 0,
  jitter: 0,
  rate: 0,
  queue: 100,
}

/** Least and greatest value of each, both possible. A rate may also be 0. Those in percent and the rate may be fractions, the others are whole. */
export const IMPAIRMENT_RANGES: Readonly<Record<keyof Impairment, readonly [least: number, most: number]>> = {
  loss: [0, 100],
  duplication: [0, 100],
  corruption: [0, 100],
  reordering: [0, 100],
  reorderFrames: [0, 1000],
  reorderDelay: [1, 60_000],
  delay: [0, 60_000],
  jitter: [0, 60_000],
  rate: [8000, 100e9],
  queue: [1, 60_000],
}
