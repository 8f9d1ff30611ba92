// The link between the two sides of a simulation: two pipes, and on A's side an impaired device for both ways, unless the link is good.
import type { Device, FrameReceiver } from '../../src/link/device.js'
import { ImpairedDevice, impairedBytes } from '../../src/link/impaired-device.js'
import { PipeDevice } from '../../src/link/pipe-device.js'
import type { Arena } from '../../src/packet/arena.js'
import type { LinkPlan } from './simulation-plan.js'

/** Frames on their way to one side, bytes: more than a good link gets in one turn. */
const REGION = 8 << 20

/** Bytes of arena that a link takes. */
export const linkBytes = (plan: LinkPlan): number => impairedBytes(Math.max(...plan.mtus)) + 2 * REGION

/** Sees a frame of side `from` come to the link, and lets it pass. */
type Passage = (from: 0 | 1, at: number, length: number, passes: () => void) => void

export class SimulatedLink {
  /** Where the frames of each side go. */
  readonly ends: readonly [Device, Device]
  readonly impaired: ImpairedDevice | null = null
  readonly #pipes: readonly [PipeDevice, PipeDevice]

  /** `sides`: where frames arrive. */
  constructor(arena: Arena, plan: LinkPlan, sides: readonly [FrameReceiver, FrameReceiver], passage: Passage) {
    const isGood = plan.impairments === null
    const features = (i: 0 | 1) => ({ mtu: plan.mtus[i], hasOffload: isGood })
    const fromB: FrameReceiver = {
      receive: (at, length) => passage(1, at, length, () => (this.impaired ?? sides[0]).receive(at, length)),
    }
    const pipes = [new PipeDevice(arena, REGION, fromB, features(0)), new PipeDevice(arena, REGION, sides[1], features(1))] as const
    pipes[0].join(pipes[1])
    let below: Device = pipes[0]
    if (plan.impairments !== null) {
      const [aToB, bToA] = plan.impairments
      this.impaired = new ImpairedDevice(arena, Math.max(...plan.mtus), sides[0], aToB, bToA, plan.seed, 0)
      this.impaired.connect(pipes[0])
      below = this.impaired
    }
    const transmit = (at: number, length: number): boolean => {
      let isTaken = false
      passage(0, at, length, () => {
        isTaken = below.transmit(at, length)
      })
      return isTaken
    }
    this.#pipes = pipes
    this.ends = [{ ...features(0), largestDatagram: below.largestDatagram, transmit }, pipes[1]]
  }

  /** Frames that have been sent and not received. */
  get waiting(): number {
    const { toGuest, fromGuest } = this.impaired ?? { toGuest: { waiting: 0 }, fromGuest: { waiting: 0 } }
    return this.inPipes + toGuest.waiting + fromGuest.waiting
  }

  /** Frames that `deliver` hands over. */
  get inPipes(): number {
    return this.#pipes[0].waiting + this.#pipes[1].waiting
  }

  deliver(): void {
    for (const pipe of this.#pipes) pipe.deliver()
  }
}
