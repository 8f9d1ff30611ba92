// What is counted of a port forward's flows, from their first packet until their rows are gone, and when the rule goes before them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RuleCounts } from '../../../src/flow/rule-counts.js'
import { BYTES_IN, BYTES_OUT, count, KIND, KIND_TCP, PACKETS_IN, PACKETS_OUT, ROW_SHIFT } from '../../../src/net/flow-row.js'

const FLOWS = 4
const RULE = 3

class Rows {
  readonly words = new Int32Array((FLOWS + 1) << ROW_SHIFT)
  readonly counts = new RuleCounts()

  begin(row: number): number {
    const base = row << ROW_SHIFT
    this.words[base + KIND] = KIND_TCP
    this.counts.begin(this.words, base, RULE)
    return base
  }

  carry(base: number, bytesIn: number, bytesOut: number): void {
    this.words[base + PACKETS_IN]!++
    this.words[base + PACKETS_OUT]!++
    count(this.words, base + BYTES_IN, bytesIn)
    count(this.words, base + BYTES_OUT, bytesOut)
  }

  end(base: number, isRefused = false): void {
    this.counts.end(this.words, base, isRefused)
    this.words[base + KIND] = 0
  }

  get shown(): number[] {
    const c = this.counts
    c.tally(this.words, FLOWS)
    return [c.current[RULE]!, c.packetsIn[RULE]!, c.packetsOut[RULE]!, c.bytesIn[RULE]!, c.bytesOut[RULE]!]
  }
}

test('open and ended flows are added up', () => {
  const r = new Rows()
  const first = r.begin(1)
  const second = r.begin(2)
  r.carry(first, 100, 5_000_000_000)
  r.carry(second, 7, 8)
  assert.deepEqual(r.shown, [2, 2, 2, 107, 5_000_000_008])
  r.counts.over(r.words, first)
  r.end(first)
  assert.deepEqual(r.shown, [1, 2, 2, 107, 5_000_000_008])
  assert.deepEqual(r.shown, [1, 2, 2, 107, 5_000_000_008])
})

test('a flow in TIME-WAIT is not current, but again when it is taken up', () => {
  const r = new Rows()
  const base = r.begin(1)
  r.counts.over(r.words, base)
  assert.equal(r.shown[0], 0)
  assert.ok(r.counts.isUsed(RULE))
  r.counts.again(r.words, base)
  assert.equal(r.shown[0], 1)
})

test('one that never came to a connection is refused', () => {
  const r = new Rows()
  const base = r.begin(1)
  r.counts.over(r.words, base)
  r.end(base, true)
  assert.equal(r.counts.refused[RULE], 1)
  assert.ok(!r.counts.isUsed(RULE))
})

test('what a rule leaves behind is not counted for the next one with its handle', () => {
  const r = new Rows()
  const base = r.begin(1)
  r.carry(base, 1, 1)
  r.counts.forget(r.words, base)
  r.counts.reset(RULE)
  r.carry(base, 1, 1)
  r.counts.over(r.words, base)
  r.end(base)
  assert.deepEqual(r.shown, [0, 0, 0, 0, 0])
})
