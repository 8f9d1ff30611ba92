// Pictures of a run, as SVG: bars with their ratio to the best peer, and how latency is spread.
import { medianOf, timesAsGood } from '../support/results.js'
import { significant } from '../support/statistics.js'
import type { Report } from './report.js'
import { stacks } from './stacks.js'
import type { Metric, Workload } from './workload.js'
import { workloads } from './workloads.js'

const WIDTH = 760
const LEFT = 130 // where bars begin; the names of stacks are before that
const RIGHT = 210 // figures are behind the longest bar
const BAR = 16
const LINE = 20
const TITLE = 34
const FONT = 'font-family="sans-serif" font-size="12"'
const COLORS: Readonly<Record<string, string>> = {
  netloom: '#0a7d4b',
  'netloom-tap': '#0a7d4b',
  'netloom-direct': '#36b37e',
  slirp4netns: '#c2571a',
  pasta: '#7a5ccc',
  rootlesskit: '#2f7fc1',
  loopback: '#9aa0a6',
  veth: '#c0c4c9',
}
const PEERS = ['slirp4netns', 'pasta', 'rootlesskit']

interface Bar {
  readonly stack: string
  readonly value: number
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function svg(height: number, body: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ${FONT}>`
  return `${open}\n<rect width="100%" height="100%" fill="#fff"/>\n${body.join('\n')}\n</svg>\n`
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="#222" ${more}>${escaped(content)}</text>`
}

function barsOf(report: Report, { name }: Workload, { key }: Metric): Bar[] {
  return stacks.flatMap(({ name: stack }) => {
    const value = medianOf(report, name, stack, key)
    return value === undefined ? [] : [{ stack, value }]
  })
}

/** One workload: a title and a bar for each stack. */
function group(workload: Workload, metric: Metric, bars: readonly Bar[], top: number): string[] {
  const longest = Math.max(...bars.map(({ value }) => value))
  const peers = bars.filter(({ stack }) => PEERS.includes(stack)).map(({ value }) => value)
  const best = metric.better === 'more' ? Math.max(...peers) : Math.min(...peers)
  const title = `${workload.title}: ${metric.title}${metric.better === 'less' ? ' (less is better)' : ''}`
  return [
    text(8, top + 20, title, 'font-weight="bold"'),
    ...bars.flatMap(({ stack, value }, i) => {
      const y = top + TITLE + i * LINE
      const length = ((WIDTH - LEFT - RIGHT) * value) / longest
      const ratio = peers.length === 0 ? '' : `, ${significant(timesAsGood(value, best, metric.better))}x the best peer`
      return [
        text(LEFT - 8, y + 12, stack, 'text-anchor="end"'),
        `<rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${COLORS[stack] ?? '#666'}"/>`,
        text(LEFT + length + 6, y + 12, `${significant(value)}${ratio}`),
      ]
    }),
  ]
}

/** Bars of the first figure of each workload. */
function barChart(report: Report, chosen: readonly Workload[]): string | undefined {
  const body: string[] = []
  let top = 0
  for (const workload of chosen) {
    const metric = workload.metrics.find(({ ratio }) => ratio)
    const bars = metric === undefined ? [] : barsOf(report, workload, metric)
    if (metric === undefined || bars.length === 0) continue
    body.push(...group(workload, metric, bars, top))
    top += TITLE + bars.length * LINE + 8
  }
  return body.length === 0 ? undefined : svg(top, body)
}

const PERCENTILES = ['min', 'p50', 'p90', 'p99', 'p999'] as const
const PLOT = 180
const LEGEND = 560

/** One workload: a line for each stack over the percentiles; the scale of time is logarithmic. */
function spread(report: Report, workload: Workload, top: number): string[] {
  const lines = stacks.flatMap(({ name }) => {
    const values = PERCENTILES.map((key) => medianOf(report, workload.name, name, key) ?? 0)
    return values.every((value) => value > 0) ? [{ name, values }] : []
  })
  if (lines.length === 0) return []
  const all = lines.flatMap(({ values }) => values.map(Math.log10))
  const [low, high] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))]
  const x = (i: number) => 60 + (i * (LEGEND - 90)) / (PERCENTILES.length - 1)
  const y = (us: number) => top + TITLE + PLOT - ((Math.log10(us) - low) / Math.max(1, high - low)) * PLOT
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  return [
    text(8, top + 20, `${workload.title}: us`, 'font-weight="bold"'),
    ...decades.flatMap((us) => [
      `<line x1="60" x2="${x(PERCENTILES.length - 1)}" y1="${y(us)}" y2="${y(us)}" stroke="#ddd"/>`,
      text(52, y(us) + 4, String(us), 'text-anchor="end"'),
    ]),
    ...PERCENTILES.map((name, i) => text(x(i), top + TITLE + PLOT + 16, name === 'p999' ? 'p99.9' : name, 'text-anchor="middle"')),
    ...lines.flatMap(({ name, values }, i) => {
      const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
      const color = COLORS[name] ?? '#666'
      return [
        `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="2"/>`,
        `<rect x="${LEGEND}" y="${top + TITLE + i * LINE}" width="12" height="12" fill="${color}"/>`,
        text(LEGEND + 18, top + TITLE + i * LINE + 11, `${name}, p50 ${significant(values[1] ?? 0)}`),
      ]
    }),
  ]
}

function latencyChart(report: Report, chosen: readonly Workload[]): string | undefined {
  const body: string[] = []
  let top = 0
  for (const workload of chosen) {
    const drawn = spread(report, workload, top)
    if (drawn.length === 0) continue
    body.push(...drawn)
    top += TITLE + PLOT + 32
  }
  return body.length === 0 ? undefined : svg(top, body)
}

/** Name and SVG of every chart that the run has something for. */
export function charts(report: Report): readonly (readonly [string, string])[] {
  const of = (pattern: RegExp) => workloads.filter(({ name }) => pattern.test(name))
  const drawn: readonly (readonly [string, string | undefined])[] = [
    ['throughput', barChart(report, of(/^tcp-.*0$/))],
    ['published-ports', barChart(report, of(/^forward-(up|down|crr)/))],
    ['datagrams', barChart(report, of(/^udp-(up|down)-\d+$/))],
    ['connections', barChart(report, of(/^(crr|http|idle-connections)/))],
    ['latency', latencyChart(report, of(/^(rr-|forward-rr)/))],
  ]
  return drawn.flatMap(([name, content]) => (content === undefined ? [] : [[name, content] as const]))
}
