// `npm run bench -- page RESULTS.json`: puts a run into README.md, between two marks, with charts beside it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readReport } from '../compare.js'
import { repository } from '../support/machine.js'
import { UsageError } from '../support/options.js'
import { charts } from './charts.js'
import { headerText, type Report, tablesText } from './report.js'
import { scoreboard } from './scoreboard.js'
import { stacks } from './stacks.js'
import { workloads } from './workloads.js'

const FOLDER = join(repository, 'bench')
const README = join(FOLDER, 'README.md')
const BEGIN = '<!-- what is between these marks is written by `npm run bench -- page` -->'
const END = '<!-- end -->'

function text(report: Report, images: readonly string[]): string {
  const order = stacks.map(({ name }) => name)
  return [
    headerText(report),
    scoreboard(report),
    ...images.map((name) => `![${name}](charts/${name}.svg)`),
    tablesText(report, workloads, order),
  ].join('\n\n')
}

export function page(files: readonly string[]): number {
  const [file] = files
  if (file === undefined || files.length > 1) throw new UsageError('page takes one file: what --json has written')
  const report = readReport(file)
  const before = readFileSync(README, 'utf8')
  const [begin, end] = [before.indexOf(BEGIN), before.indexOf(END)]
  if (begin < 0 || end < begin) throw new UsageError(`${README} has lost the marks that results go between`)
  const drawn = charts(report)
  mkdirSync(join(FOLDER, 'charts'), { recursive: true })
  for (const [name, svg] of drawn) writeFileSync(join(FOLDER, 'charts', `${name}.svg`), svg)
  const body = text(
    report,
    drawn.map(([name]) => name),
  )
  writeFileSync(README, `${before.slice(0, begin)}${BEGIN}\n\n${body}\n\n${before.slice(end)}`)
  console.log(`${README} and ${drawn.length} charts are written`)
  return 0
}
