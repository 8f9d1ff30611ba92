// What is measured: each impairment at each round trip, up and down.

export interface Cell {
  readonly name: string
  readonly title: string
  /** For --impair. */
  readonly spec: string
}

const IMPAIRMENTS = [
  ['loss-0.1', 'loss 0.1 %', 'loss=0.1%'],
  ['loss-1', 'loss 1 %', 'loss=1%'],
  ['loss-5', 'loss 5 %', 'loss=5%'],
  ['reorder-5', 'reordering 5 %', 'reorder=5%'],
  ['duplicate-1', 'duplication 1 %', 'duplicate=1%'],
] as const

/** In ms; half of it is the delay of each way. */
const ROUND_TRIPS = [2, 10, 40] as const

export const cells: readonly Cell[] = IMPAIRMENTS.flatMap(([name, title, spec]) =>
  ROUND_TRIPS.map((ms) => ({ name: `${name}-${ms}ms`, title: `${title}, ${ms} ms`, spec: `${spec},delay=${ms / 2}ms` })),
)
