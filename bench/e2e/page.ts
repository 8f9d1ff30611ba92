// `npm run bench -- page RESULTS.json`: puts a run into README.md, between two marks, with charts beside it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readReport } from '../compare.js'
import { repository } from '../support/machine.js'
import { UsageError } from '../support/options.js'
import { charts } from './charts.js'
import { costsText } from './costs.js'
import { headerText, type Report, tablesText } from './report.js'
import { scoreboard } from './scoreboard.js'
import { stacks } from './stacks.js'
import { workloads } from './workloads.js'

const FOLDER = join(repository, 'bench')
const README = join(FOLDER, 'README.md')
const BEGIN = '<!-- what is between these marks is written by `npm run bench -- page` -->'
const RESULTS = [BEGIN, '<!-- end -->'] as const
const COSTS = ['<!-- costs: what is between these marks is written by `npm run bench -- page` -->', '<!-- end of costs -->'] as const

const costsPart = (report: Report): string =>
  [`${report.date}, netloom ${report.revision}, kernel ${report.machine.kernel}, Node ${report.machine.node}.`, costsText(report)].join(
    '\n\n',
  )

function text(report: Report, images: readonly string[]): string {
  const order = stacks.map(({ name }) => name)
  return [
    headerText(report),
    scoreboard(report),
    ...images.map((name) => `![${name}](charts/${name}.svg)`),
    tablesText(report, workloads, order),
  ].join('\n\n')
}

/** What is between two marks is written anew. */
function between(whole: string, [begin, end]: readonly [string, string], content: string): string {
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)]
  if (from < 0 || to < from) throw new UsageError(`${README} has lost the marks that results go between`)
  return `${whole.slice(0, from)}${begin}\n\n${content}\n\n${whole.slice(to)}`
}

export function page(files: readonly string[]): number {
  const [file, costsFile] = files
  if (file === undefined || files.length > 2)
    throw new UsageError('page takes what --json has written: RESULTS.json, and COSTS.json of a run with --perf')
  const report = readReport(file)
  const before = readFileSync(README, 'utf8')
  const drawn = charts(report)
  mkdirSync(join(FOLDER, 'charts'), { recursive: true })
  for (const [name, svg] of drawn) writeFileSync(join(FOLDER, 'charts', `${name}.svg`), svg)
  const body = text(
    report,
    drawn.map(([name]) => name),
  )
  const written = between(before, RESULTS, body)
  writeFileSync(README, costsFile === undefined ? written : between(written, COSTS, costsPart(readReport(costsFile))))
  console.log(`${README} and ${drawn.length} charts are written`)
  return 0
}
