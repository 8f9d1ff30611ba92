import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparison } from '../../../bench/compare.js'
import { goals } from '../../../bench/e2e/goals.js'
import { parseWrk } from '../../../bench/e2e/http.js'
import type { Report, Run } from '../../../bench/e2e/report.js'
import { score, scoreboard } from '../../../bench/e2e/scoreboard.js'
import { stacks, takesPart } from '../../../bench/e2e/stacks.js'
import { findStalls, rates } from '../../../bench/e2e/throughput.js'
import { choose } from '../../../bench/e2e/workloads.js'

const interval = (start: number, gbit: number) => ({ sum: { start, seconds: 0.1, bytes: (gbit * 1e9 * 0.1) / 8 } })

function report(figures: Readonly<Record<string, readonly number[]>>, workload: string, key: string): Report {
  const runs = Object.entries(figures).flatMap(([stack, values]) =>
    values.map((value, i): Run => ({ workload, stack, round: i + 1, background: 0, figures: { [key]: value } })),
  )
  return { date: '', revision: '', runs } as unknown as Report
}

test('the first second of a stream is told from what follows', () => {
  const cold = Array.from({ length: 10 }, (_, i) => interval(i / 10, 1))
  const warm = Array.from({ length: 20 }, (_, i) => interval(1 + i / 10, 20))
  const { firstGbit, gbit } = rates([...cold, ...warm])
  assert.deepEqual([firstGbit.toFixed(6), gbit.toFixed(6)], ['1.000000', '20.000000'])
})

test('a stall is the longest row of intervals without a byte', () => {
  const { longestGapMs, slowestGbit } = findStalls([interval(0, 1), interval(0.1, 0), interval(0.2, 0), interval(0.3, 2), interval(0.4, 0)])
  assert.equal(Math.round(longestGapMs), 200)
  assert.equal(slowestGbit, 0)
})

test('wrk: latencies are in us, and whatever was not answered well has failed', () => {
  const output = '  50%  172.00us\n  99%    1.23ms\n  Socket errors: connect 0, read 2, write 0, timeout 1\nRequests/sec:  73494.10\n'
  assert.deepEqual(parseWrk(output), { perSecond: 73494.1, p50: 172, p99: 1230, failures: 3 })
  assert.throws(() => parseWrk('unable to connect'), /no request was answered/)
})

test('a goal is measured against the best of the stacks that it names', () => {
  const goal = goals.find(({ workload, than }) => workload === 'crr' && than !== undefined)!
  const { isReached, measured } = score(report({ netloom: [900, 1100, 1000], pasta: [990], slirp4netns: [200] }, 'crr', 'perSecond'), goal)
  assert.equal(isReached, true)
  assert.match(measured, /^1\.01x pasta/)
})

test('beside what becomes of a figure with 64 streams stands what becomes of it without a stack', () => {
  const goal = goals.find(({ workload }) => workload === 'tcp-up-1500-x64')!
  const one = report({ netloom: [20], loopback: [40] }, 'tcp-up-1500', 'gbit')
  const many = report({ netloom: [15], loopback: [30] }, 'tcp-up-1500-x64', 'gbit')
  const { isReached, measured } = score({ ...one, runs: [...one.runs, ...many.runs] }, goal)
  assert.equal(isReached, false)
  assert.match(measured, /^0\.750x tcp-up-1500 \(15\.0 against 20\.0 Gbit\/s; loopback itself 0\.750x\)/)
})

test('one failure in one round is one too many', () => {
  const goal = goals.find(({ workload, key }) => workload === 'crr' && key === 'failures')!
  assert.equal(score(report({ netloom: [0, 0, 1] }, 'crr', 'failures'), goal).isReached, false)
})

test('what the first second is worth stands below the goals', () => {
  assert.match(
    scoreboard(report({ netloom: [50], pasta: [100] }, 'crr', 'firstPerSecond')),
    /\| crr +\| +0\.500x pasta \| 50\.0 against 100 1\/s \|/,
  )
})

test('a comparison says what is better, what is worse and what only looks so', () => {
  const before = report({ netloom: [100, 101, 102], pasta: [100, 150, 90] }, 'crr', 'perSecond')
  const after = report({ netloom: [200, 201, 202], pasta: [140, 95, 120] }, 'crr', 'perSecond')
  const text = comparison(before, after)
  assert.match(text, /netloom .*1\.99x .* better/)
  assert.match(text, /pasta .* no difference/)
})

test('every goal is of a workload that its stack takes part in, and that --only figures runs', () => {
  const figures = choose(['figures'])
  for (const { workload: name, stack: own = 'netloom', than, title } of goals) {
    const workload = figures.find((one) => one.name === name)
    assert.ok(workload, title)
    for (const needed of [own, ...(than?.stacks ?? [])]) {
      const stack = stacks.find((one) => one.name === needed)
      assert.ok(stack !== undefined && takesPart(workload, stack), `${title}: ${needed}`)
    }
  }
})

test('limits take part where there is one, and nobody waits for a published port of veth', () => {
  const takers = (workload: string) =>
    stacks.filter((stack) => choose([workload]).every((one) => takesPart(one, stack))).map(({ name }) => name)
  assert.ok(takers('rr-tcp').includes('veth'))
  assert.ok(!takers('forward-rr').includes('veth'))
  assert.ok(!takers('rr-tcp').includes('netloom-slirp4netns'))
  assert.ok(takers('startup').includes('node'))
})
