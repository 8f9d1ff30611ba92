// What a seed stands for: the link, both hosts, clocks and sizes of one simulated connection. Everything is drawn here, and before the first
// frame, so that a plan can be printed, and a table can be made from plans that nobody drew (see simulation-throughput.ts).
import { type Impairment, NO_IMPAIRMENT } from '../../src/link/impairment.js'
import { MINIMUM_MTU } from '../../src/wire/ipv6.js'
import { Random } from './random.js'

export const NEVER = Number.POSITIVE_INFINITY

/** How an application reads or writes: `bytes` at a time, `every` so many ms; and once, at `stallAt`, it does not for `stallFor` ms. */
export interface Pace {
  readonly bytes: number
  readonly every: number
  readonly stallAt: number
  readonly stallFor: number
}

/** What an application does. Times are ms since the simulation began. */
export interface HostPlan {
  /** Where in the pattern its text begins. */
  readonly key: number
  /** Bytes it sends. */
  readonly bytes: number
  readonly writes: Pace
  readonly reads: Pace
  /** What the kernel holds for it: sent and not acknowledged, received and not read. */
  readonly sendBuffer: number
  readonly receiveBuffer: number
  /** It ends when everything is written, or when in addition the other end has ended; and then so many ms later. */
  readonly endsAfterPeer: boolean
  readonly endsLater: number
  /** It resets the connection when it has read and written so many bytes in all. */
  readonly resetsAt: number
}

/** A link between two stacks; without impairments it has segmentation offload, and nothing is ever lost. */
export interface LinkPlan {
  /** IP version that both ends speak. */
  readonly family: 4 | 6
  /** Of either end. */
  readonly mtus: readonly [number, number]
  readonly impairments: readonly [aToB: Impairment, bToA: Impairment] | null
  readonly seed: number
}

/** How the connection begins: B connects to A's host, which takes so long to answer; or both connect to each other at once. */
type Opening = 'accepted' | 'refused' | 'simultaneous'

export interface EndPlan {
  readonly host: HostPlan
  /** Clock when it begins. null: such that the initial sequence number is `isn`. */
  readonly start: number | null
  readonly isn: number
  readonly largestSlab: number
  readonly keepAliveIdle: number
}

interface HandOver {
  readonly side: 0 | 1
  readonly frame: number
  /** Before what has arrived is acknowledged, or after. */
  readonly isEarly: boolean
}

/** Most hand-overs of one simulation: each takes another set of rings. */
const MOST_HAND_OVERS = 3

export interface Plan {
  readonly link: LinkPlan
  readonly opening: Opening
  /** ms that A's host takes to answer. */
  readonly answersAfter: number
  readonly ends: readonly [EndPlan, EndPlan]
  /** B connects once more from the same port, so many ms after the end of an orderly connection; -1: it does not. */
  readonly reopensAfter: number
  /** At these frames, counted both ways, the process of that side is replaced by another one. */
  readonly handOvers: readonly HandOver[]
  /** Options that something on the way takes out of every SYN. */
  readonly stripped: readonly ('scale' | 'sack' | 'timestamps')[]
  readonly ports: readonly [guest: number, remote: number]
}

const EAGER: Pace = { bytes: 1 << 20, every: 0, stallAt: NEVER, stallFor: 0 }

function drawImpairment(random: Random, mtu: number): Impairment {
  const loss = random.pick([0, 0, 1, 5, random.below(16), random.below(31)])
  const rate = random.chance(15) ? random.pick([64_000, 1e6, 10e6, 100e6]) : 0
  // A queue that does not hold a few packets is a loss of all but the first.
  const least = rate > 0 ? Math.ceil((3 * mtu * 8000) / rate) : 0
  return {
    ...NO_IMPAIRMENT,
    loss,
    duplication: random.pick([0, 0, 1, random.below(21)]),
    corruption: random.pick([0, 0, 0, 0, random.below(6)]),
    reordering: random.pick([0, 0, 1, random.below(31)]),
    reorderFrames: random.pick([0, 1, 3, 10, 100]),
    reorderDelay: random.pick([1, 10, 50, 300]),
    delay: random.pick([0, 0, 1, 5, 20, 100, 300]),
    jitter: random.pick([0, 0, 1, 20, 100]),
    rate,
    queue: Math.max(least, random.pick([20, 100, 1000])),
  }
}

const MTUS = [68, 576, 1280, 1500, 1500, 1500, 9000, 65_520]
/** RFC 8200, 5. */
const MTUS6 = MTUS.filter((mtu) => mtu >= MINIMUM_MTU)

function drawLink(random: Random): LinkPlan {
  const family = random.pick([4, 4, 6] as const)
  const mtu = (): number => random.pick(family === 6 ? MTUS6 : MTUS)
  const first = mtu()
  const mtus = [first, random.chance(85) ? first : mtu()] as const
  const most = Math.max(...mtus)
  return {
    family,
    mtus,
    impairments: random.chance(15) ? null : [drawImpairment(random, most), drawImpairment(random, most)],
    seed: random.int32(),
  }
}

function drawPace(random: Random, bytes: number): Pace {
  const isStalling = random.chance(15)
  const stall = { stallAt: isStalling ? random.below(bytes + 1) : NEVER, stallFor: random.pick([100, 1000, 5000, 30_000, 1_800_000]) }
  // Some hundred steps at most, so that a slow application is slow in the simulation only.
  const least = Math.max(1, Math.trunc(bytes / 300))
  return random.pick<Pace>([
    { ...EAGER, ...stall },
    { ...EAGER, ...stall },
    { bytes: Math.max(least, random.between(1, 8000)), every: random.between(1, 5), ...stall },
    { bytes: Math.max(least, random.between(1, 50_000)), every: random.pick([10, 100, 1000]), ...stall },
  ])
}

function drawBytes(random: Random, most: number): number {
  return random.pick([0, 1, random.below(2000), random.below(30_000), random.below(100_000), random.below(most)])
}

function drawHost(random: Random, most: number, isLingering: boolean): HostPlan {
  const bytes = isLingering ? random.between(1, 30_000) : Math.min(drawBytes(random, most), most)
  const peer = drawBytes(random, most)
  return {
    key: random.below(1_000_000),
    bytes,
    writes: isLingering
      ? { bytes: Math.ceil(bytes / 12), every: random.pick([1000, 60_000, 900_000]), stallAt: NEVER, stallFor: 0 }
      : drawPace(random, bytes),
    reads: drawPace(random, peer),
    sendBuffer: random.pick([1000, 16_384, 87_040, 1 << 20]),
    receiveBuffer: random.pick([2304, 16_384, 131_072, 1 << 20]),
    endsAfterPeer: false,
    endsLater: random.pick([0, 0, 0, 1, 50, 2000]),
    resetsAt: random.chance(5) ? random.below(bytes + peer + 1) : NEVER,
  }
}

function drawEnd(random: Random, host: HostPlan): EndPlan {
  const isNearWrap = random.chance(40)
  return {
    host,
    start: isNearWrap ? null : random.pick([random.int32(), 0x7fffffff - random.below(60_000), -1000, 0]),
    isn: -random.below(100_000),
    largestSlab: random.below(3),
    keepAliveIdle: random.pick([10_000, 60_000, 7_200_000]),
  }
}

function drawHandOvers(random: Random): HandOver[] {
  if (!random.chance(20)) return []
  const draws = Array.from({ length: random.between(1, MOST_HAND_OVERS) }, (): HandOver => {
    return {
      side: random.chance(50) ? 0 : 1,
      frame: random.pick([random.below(6), random.below(50), random.below(500)]),
      isEarly: random.chance(50),
    }
  })
  return draws.sort((a, b) => a.frame - b.frame)
}

/** The plan of a seed. */
export function draw(seed: number): Plan {
  const random = new Random(seed)
  const link = drawLink(random)
  const smallest = Math.min(...link.mtus)
  const most = smallest < 100 ? 5000 : smallest < 1000 ? 100_000 : random.chance(10) ? 2_000_000 : 400_000
  const lingers = random.chance(10) ? random.below(2) : -1
  const waits = random.chance(25) ? random.below(2) : -1
  const hosts = [0, 1].map((i) => drawHost(random, most, lingers === i))
  const hasPlan = (i: number): HostPlan => ({ ...hosts[i]!, endsAfterPeer: lingers === i || (lingers < 0 && waits === i) })
  const opening = random.chance(3) ? 'refused' : random.chance(10) ? 'simultaneous' : 'accepted'
  return {
    link,
    opening,
    answersAfter: random.pick([0, 0, 1, 50, 3000]),
    ends: [drawEnd(random, hasPlan(0)), drawEnd(random, hasPlan(1))],
    reopensAfter: random.chance(10) ? random.pick([0, 1, 100, 10_000]) : -1,
    handOvers: drawHandOvers(random),
    stripped: (['scale', 'sack', 'timestamps'] as const).filter(() => random.chance(15)),
    ports: [random.between(1024, 65_535), random.between(1, 65_535)],
  }
}

/** ms that the hosts spend waiting, by their own will. */
function plannedTime({ answersAfter, reopensAfter, ends }: Plan): number {
  let sum = answersAfter
  for (const [i, { host }] of ends.entries()) {
    const steps = (pace: Pace, bytes: number, buffer: number): number => Math.ceil(bytes / Math.min(pace.bytes, buffer)) * pace.every
    const stalls = [host.writes, host.reads].map((pace) => (pace.stallAt === NEVER ? 0 : pace.stallFor))
    sum += steps(host.writes, host.bytes, host.sendBuffer) + steps(host.reads, ends[1 - i]!.host.bytes, host.receiveBuffer)
    sum += stalls[0]! + stalls[1]! + host.endsLater
  }
  return reopensAfter < 0 ? sum : 2 * sum + reopensAfter
}

/** ms beyond what the hosts planned and the link takes: for the opening, and TIME-WAIT. */
const LEAST_LIMIT = 15 * 60_000
/** And for each percent of frames that do not arrive: the last retransmissions of a segment are a minute apart. */
const LIMIT_PER_PERCENT = 4 * 60_000
/** Time in which keep-alive probes find out that nobody is there (RFC 9293, 3.8.4), once there was silence. */
const KEEP_ALIVE = 12 * 60_000

/** The window that a receive ring begins with, bytes. */
const LEAST_WINDOW = 16_384

/** ms that the link takes for the text of both, window by window. */
function transferTime({ link, ends, reopensAfter }: Plan): number {
  const ways = link.impairments ?? []
  const roundTrip = ways.reduce((sum, { delay, jitter, reorderDelay }) => sum + delay + jitter + reorderDelay, 0)
  let sum = 0
  for (const [i, { host }] of ends.entries()) {
    const window = Math.min(host.sendBuffer, ends[1 - i]!.host.receiveBuffer, LEAST_WINDOW)
    sum += Math.ceil(host.bytes / window) * roundTrip
    // Headers, and acknowledgments of the other way.
    if (ways.length > 0 && ways[i]!.rate > 0) sum += (2 * host.bytes * 8000) / ways[i]!.rate
  }
  return reopensAfter < 0 ? sum : 2 * sum
}

/** ms after which a simulation must be over. */
export function timeLimit(plan: Plan): number {
  const ways = plan.link.impairments ?? []
  const lost = Math.max(0, ...ways.map(({ loss, corruption }) => loss + corruption))
  // A reset is sent once: when it is lost, the other end finds out when it next sends something.
  const isReset = plan.ends.some(({ host }) => host.resetsAt !== NEVER)
  const silence = isReset ? Math.max(...plan.ends.map(({ keepAliveIdle }) => keepAliveIdle)) + KEEP_ALIVE : 0
  return plannedTime(plan) + transferTime(plan) + LEAST_LIMIT + lost * LIMIT_PER_PERCENT + silence
}
