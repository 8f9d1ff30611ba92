// Two ends, turn by turn, with a clock for each part of the work: what the sender of text does, what its receiver does, and what the sender does
// with acknowledgments.
import { ImpairedDevice, impairedBytes } from '../../src/link/impaired-device.js'
import { NO_IMPAIRMENT } from '../../src/link/impairment.js'
import { Arena, BIG_FRAME, MAX_FRAME } from '../../src/packet/arena.js'
import { slabBytes } from '../../src/packet/slab-pool.js'
import { End, FLOWS, REGION } from './end.js'

const A = 0x0a000264
const B = 0xc0000207 | 0
const OF_A = { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: A }
const OF_B = { network: 0xc0000200 | 0, prefix: 24, gateway: 0xc0000202 | 0, dns: 0xc0000203 | 0, guest: B }
const SERVER_PORT = 80
const FIRST_PORT = 1024

/** Parts of the work. */
export const SENDING = 0
export const RECEIVING = 1
export const ACKNOWLEDGED = 2
const PARTS = 3

/** How the two ends are joined. */
export interface LinkFeatures {
  readonly mtu: number
  readonly hasOffload: boolean
  /** Percent of frames that are lost, each way. */
  readonly loss: number
}

/** B sends, A receives. */
export class Link {
  readonly a: End
  readonly b: End
  /** ms spent on each part while `isTimed`. */
  readonly spent = new Float64Array(PARTS)
  isTimed = false
  readonly #impaired: ImpairedDevice | null = null
  #now = 1
  #port = FIRST_PORT

  constructor({ mtu, hasOffload, loss }: LinkFeatures) {
    const arena = new Arena(new ArrayBuffer(impairedBytes(mtu) + 2 * (REGION + MAX_FRAME + BIG_FRAME + slabBytes(FLOWS))))
    const features = { mtu, hasOffload }
    let arrivals: ImpairedDevice | null = null
    if (loss > 0) {
      const way = { ...NO_IMPAIRMENT, loss }
      arrivals = new ImpairedDevice(arena, mtu, { receive: (at, length) => this.a.receive(at, length) }, way, way, 1, this.#now)
    }
    this.#impaired = arrivals
    this.a = new End(arena, OF_A, features, arrivals)
    this.b = new End(arena, OF_B, features, null)
    this.a.pipe.join(this.b.pipe)
    if (arrivals !== null) {
      arrivals.connect(this.a.pipe)
      this.a.sendBy(arrivals)
    }
  }

  /** B's host connects to A's. B's row. */
  open(): number {
    this.#port = this.#port === 65_535 ? FIRST_PORT : this.#port + 1
    return this.b.open(B, A, (SERVER_PORT << 16) | this.#port, this.a)
  }

  /** One host of B writes. */
  write(row: number, bytes: number): void {
    this.b.hosts.writes(row, bytes)
    this.b.demux.hostReadable(row, false)
  }

  /** One host of B ends. */
  end(row: number): void {
    this.b.hosts.ends(row)
    this.b.demux.hostReadable(row, true)
  }

  /** Lets both work, turn by turn, until neither has anything to do. */
  run(): void {
    this.pass(1)
    do {
      this.#clock(SENDING, 0)
      this.b.settle()
      this.#clock(SENDING, 1)
      this.#clock(RECEIVING, 0)
      this.a.receives()
      this.a.settle()
      this.#clock(RECEIVING, 1)
      this.#clock(ACKNOWLEDGED, 0)
      this.b.receives()
      this.#clock(ACKNOWLEDGED, 1)
    } while (this.a.hasWork || this.b.hasWork)
  }

  /** Runs until A's hosts have `bytes` more than before, however often something is lost. */
  runUntil(bytes: number): void {
    const goal = this.a.hosts.received + bytes
    this.run()
    while (this.a.hosts.received < goal) {
      const [a, b] = [this.a.untilTimer, this.b.untilTimer]
      this.pass(a < 0 || (b >= 0 && b < a) ? b : a)
      this.run()
    }
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    this.#now = (this.#now + ms) | 0
    this.#impaired?.advance(this.#now)
    this.a.begin(this.#now)
    this.b.begin(this.#now)
  }

  #clock(part: number, isEnd: 0 | 1): void {
    if (!this.isTimed) return
    const now = performance.now()
    this.spent[part]! += isEnd === 1 ? now : -now
  }

  get frames(): number {
    return this.a.frames + this.b.frames
  }
}
