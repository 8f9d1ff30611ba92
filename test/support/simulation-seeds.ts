// Runs simulations seed by seed. One that fails is run again with a trace, and its message ends with the command that replays it alone.
import assert from 'node:assert/strict'
import type { Impairment } from '../../src/link/impairment.js'
import { type Outcome, Simulation } from './simulation.js'
import { draw, type HostPlan, NEVER, type Pace, type Plan } from './simulation-plan.js'
import { Trace } from './simulation-trace.js'

/** Lines before the failure that its message has. */
const TAIL = 60

export type Tally = Record<Outcome, number>

export const emptyTally = (): Tally => ({ orderly: 0, reset: 0, refused: 0, 'gave up': 0 })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs one seed; throws what a person needs to find the fault. */
export function runSeed(seed: number): Outcome {
  try {
    return new Simulation(draw(seed)).run()
  } catch (error) {
    const trace = new Trace(TAIL)
    const again = runTraced(seed, trace)
    const fate = again === messageOf(error) ? '' : `\nwith a trace it failed otherwise: ${again}`
    const replay = `replay: node dist/test/simulation/main.js ${seed}`
    throw new Error(`seed ${seed}: ${messageOf(error)}${fate}\n${describe(draw(seed))}\n${trace}\n${replay}`, { cause: error })
  }
}

/** Runs one seed, each step noted; what became of it. */
export function runTraced(seed: number, trace: Trace): string {
  try {
    return new Simulation(draw(seed), trace).run()
  } catch (error) {
    return messageOf(error)
  }
}

/** Every other seed of so many, from `first` on: what two test files run beside each other. */
const SEEDS = 10_000

/** Runs half of the seeds, and looks at what has come of them all in all. */
export function checkHalf(first: 1 | 2): void {
  const tally = emptyTally()
  const count = SEEDS / 2
  for (let i = 0; i < count; i++) tally[runSeed(first + 2 * i)]++
  const text = JSON.stringify(tally)
  assert.ok(tally.orderly > count * 0.8, text)
  assert.ok(tally.reset > count * 0.02 && tally.refused > count * 0.01, text)
  // A link that loses 30 % both ways may lose every copy of a segment.
  assert.ok(tally['gave up'] < count * 0.01, text)
}

/** A plan in a few lines. */
export function describe({ link, opening, answersAfter, reopensAfter, ends, stripped, ports }: Plan): string {
  const ways = link.impairments ?? []
  return [
    `  link: MTU ${link.mtus.join(' and ')}${ways.length === 0 ? ', good, with segmentation offload' : ''}`,
    ...ways.map((way, i) => `  ${i === 0 ? 'A -> B' : 'B -> A'}: ${describeWay(way)}`),
    `  opening: ${opening}, A answers after ${answersAfter} ms${reopensAfter < 0 ? '' : `, B opens again after ${reopensAfter} ms`}`,
    `  ports ${ports.join(' and ')}${stripped.length === 0 ? '' : `, SYNs without ${stripped.join(', ')}`}`,
    ...ends.map(({ host, largestSlab }, i) => `  host ${'AB'[i]}: ${describeHost(host)}, ring up to class ${largestSlab}`),
  ].join('\n')
}

function describeWay(way: Impairment): string {
  const { loss, duplication, corruption, reordering, reorderFrames, reorderDelay, delay, jitter, rate, queue } = way
  const late = reordering > 0 ? `, ${reordering} % held back for ${reorderFrames} frames or ${reorderDelay} ms` : ''
  const limit = rate > 0 ? `, ${rate / 1e6} Mbit/s with ${queue} ms` : ''
  return `lost ${loss} %, twice ${duplication} %, damaged ${corruption} %, delay ${delay} to ${delay + jitter} ms${late}${limit}`
}

function describeHost({ bytes, writes, reads, sendBuffer, receiveBuffer, endsAfterPeer, endsLater, resetsAt }: HostPlan): string {
  const end = `ends ${endsAfterPeer ? 'after the other, ' : ''}${endsLater} ms later`
  const reset = resetsAt === NEVER ? '' : `, resets after ${resetsAt} bytes`
  return `${bytes} bytes, writes ${describePace(writes)} into ${sendBuffer}, reads ${describePace(reads)} from ${receiveBuffer}, ${end}${reset}`
}

const describePace = ({ bytes, every, stallAt, stallFor }: Pace): string =>
  `${bytes} every ${every} ms${stallAt === NEVER ? '' : ` (not for ${stallFor} ms at ${stallAt})`}`
