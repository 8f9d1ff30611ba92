// How fast one host's text comes to the other, by loss and delay of the link: a table that is kept in the repository. Everything in it is
// virtual and seeded, so it is the same on every machine, and what a change does to it is seen line by line.
import { fileURLToPath } from 'node:url'
import { type Impairment, NO_IMPAIRMENT } from '../../src/link/impairment.js'
import { Simulation } from './simulation.js'
import { type EndPlan, type HostPlan, NEVER, type Pace, type Plan } from './simulation-plan.js'

/** Beside the tests in the sources; this file runs from dist/test/support. */
export const TABLE_FILE = fileURLToPath(new URL('../../../test/simulation/throughput.md', import.meta.url))

/** Bytes that are sent for each figure. */
const BYTES = 4 << 20
/** The link's rate, bit/s, and the longest time a frame waits for its turn, ms. */
const RATE = 100e6
const QUEUE = 50
/** Each figure is that of so many transfers, one after the other. */
const SEEDS = 5

/** Time on the line, one way, ms. */
const DELAYS = [0, 5, 25, 100] as const

const TROUBLES: readonly (readonly [name: string, trouble: Partial<Impairment>])[] = [
  ['none', {}],
  ['0.1 % lost', { loss: 0.1 }],
  ['1 % lost', { loss: 1 }],
  ['5 % lost', { loss: 5 }],
  ['10 % lost', { loss: 10 }],
  ['20 % lost', { loss: 20 }],
  ['30 % lost', { loss: 30 }],
  ['5 % twice', { duplication: 5 }],
  ['5 % overtaken by up to 3 frames', { reordering: 5, reorderFrames: 3, reorderDelay: 10 }],
  ['5 % overtaken by up to 30 frames', { reordering: 5, reorderFrames: 30, reorderDelay: 10 }],
  ['1 % lost, 1 % twice, 1 % overtaken', { loss: 1, duplication: 1, reordering: 1, reorderFrames: 3, reorderDelay: 10 }],
]

const EAGER: Pace = { bytes: BYTES, every: 0, stallAt: NEVER, stallFor: 0 }

const hostOf = (bytes: number): HostPlan => ({
  key: bytes,
  bytes,
  writes: EAGER,
  reads: EAGER,
  sendBuffer: 4 << 20,
  receiveBuffer: 4 << 20,
  endsAfterPeer: false,
  endsLater: 0,
  resetsAt: NEVER,
})

const endOf = (bytes: number): EndPlan => ({ host: hostOf(bytes), start: 1000, isn: 0, largestSlab: 2, keepAliveIdle: 7_200_000 })

function planOf(trouble: Partial<Impairment>, delay: number, seed: number): Plan {
  const way: Impairment = { ...NO_IMPAIRMENT, rate: RATE, queue: QUEUE, delay, ...trouble }
  return {
    link: { family: 4, mtus: [1500, 1500], impairments: [way, way], seed },
    opening: 'accepted',
    answersAfter: 0,
    reopensAfter: -1,
    ends: [endOf(0), endOf(BYTES)],
    handOvers: [],
    stripped: [],
    ports: [40_000, 80],
  }
}

/** ms from the first SYN to the last byte. */
function duration(trouble: Partial<Impairment>, delay: number, seed: number): number {
  const simulation = new Simulation(planOf(trouble, delay, seed))
  simulation.run()
  return simulation.completeAt[0]!
}

/** Mbit/s. */
function throughput(trouble: Partial<Impairment>, delay: number): number {
  let sum = 0
  for (let seed = 1; seed <= SEEDS; seed++) sum += duration(trouble, delay, seed)
  return (SEEDS * BYTES * 8) / 1000 / sum
}

const HEAD = `# Throughput by loss and delay

Mbit/s in which one host's ${BYTES >> 20} MiB come to the other, from the first SYN to the last byte: ${SEEDS} transfers, one after the other, through
two stacks back to back (\`test/support/simulation.ts\`) over a link of ${RATE / 1e6} Mbit/s each way with a queue of ${QUEUE} ms and an MTU of 1500.
What is lost, doubled or overtaken is so both ways, acknowledgments too. Time is virtual: the figures are the same on every machine,
and say nothing about how fast the code is.

A test compares them exactly. When a change is meant to move them: \`node dist/test/simulation/main.js table --write\`.
`

/** The table as it stands in the repository. */
export function throughputTable(): string {
  const header = ['the link', ...DELAYS.map((delay) => `${delay} ms each way`)]
  const rows = TROUBLES.map(([name, trouble]) => [name, ...DELAYS.map((delay) => throughput(trouble, delay).toPrecision(3))])
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return `${HEAD}\n${[line(header), `|---|${'---:|'.repeat(DELAYS.length)}`, ...rows.map(line)].join('\n')}\n`
}
