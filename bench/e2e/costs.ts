// The largest costs of each workload, by perf(1), and what was done about them: `npm run bench -- e2e --only costs --perf`.
import type { Cost, Share } from '../support/perf.js'
import { markdownTable } from '../support/table.js'
import { remedies } from './remedies.js'
import type { Report } from './report.js'

export const COSTS: readonly string[] = [
  'tcp-up-1500',
  'tcp-down-1500',
  'rr-tcp',
  'rr-tcp-x32',
  'crr',
  'http',
  'udp-up-64',
  'udp-down-64',
  'forward-up-1500',
]

/** forward-up-1500 is the direct driver's here: the tap driver's costs are those of the others. */
export const COSTLY = ['netloom', 'netloom-direct']

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const shareText = ({ name, share }: Share): string => `${name.replaceAll('|', '\\|')} ${percent(share)}`

export function costTable(workload: string, costs: readonly Cost[]): string {
  const rows = costs.map(({ name, share, mostly }) => [
    name,
    percent(share),
    mostly.map(shareText).join(', '),
    remedies[`${workload} ${name}`] ?? remedies[name] ?? '',
  ])
  return markdownTable(['cost', 'of the CPU time', 'most of it itself', 'what was done'], rows)
}

/** Every table of a run. */
export function costsText({ runs }: Pick<Report, 'runs'>): string {
  const recorded = runs.filter(({ costs, round }) => round === 1 && costs !== undefined && costs.length > 0)
  return recorded.map(({ workload, stack, costs }) => `### ${workload}, ${stack}\n\n${costTable(workload, costs ?? [])}`).join('\n\n')
}
