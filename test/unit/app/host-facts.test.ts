import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DESCRIPTOR_RESERVE, descriptorsForOthers, fitOptions, probeHost } from '../../../src/app/host-facts.js'
import type { NetworkOptions } from '../../../src/app/options.js'
import { Log, type LogLevel } from '../../../src/util/log.js'

function fitted(options: NetworkOptions, descriptors: number, level: LogLevel = 'normal') {
  const lines: string[] = []
  const log = new Log(level, (text) => lines.push(text))
  const { maxFlows, maxHalfOpen } = fitOptions({ ...options, log }, { descriptors, hasIpv6: true })
  return { maxFlows, maxHalfOpen, lines }
}

test('with descriptors enough there are as many flows as were asked for', () => {
  assert.deepEqual(fitted({ maxFlows: 5000 }, 5000 + DESCRIPTOR_RESERVE), { maxFlows: 5000, maxHalfOpen: 1250, lines: [] })
  assert.deepEqual(fitted({}, 0x7fffffff), { maxFlows: 4096, maxHalfOpen: 1024, lines: [] })
})

test('with fewer there are fewer flows, and limits that follow from them; who asked for more is told in one line', () => {
  const { maxFlows, maxHalfOpen, lines } = fitted({ maxFlows: 32_768 }, 1000 + DESCRIPTOR_RESERVE)
  assert.deepEqual([maxFlows, maxHalfOpen, lines.length], [1000, 250, 1])
  assert.match(lines[0]!, /^netloom: warning: maxFlows is 1000, not 32768.* 1256 open files; raise `ulimit -Hn`\n$/)
  assert.equal(fitted({ maxFlows: 2000, maxHalfOpen: 1500 }, 1000 + DESCRIPTOR_RESERVE).maxHalfOpen, 1000)
})

test('a default is lowered without a word, unless many are wanted', () => {
  assert.deepEqual(fitted({}, 1024), { maxFlows: 768, maxHalfOpen: 192, lines: [] })
  assert.equal(fitted({}, 1024, 'verbose').lines.length, 1)
})

test('a limit below the reserve leaves a few flows all the same; one that is not known leaves all', () => {
  assert.equal(fitted({ maxFlows: 100 }, 64).maxFlows, 16)
  assert.equal(fitted({ maxFlows: 8 }, 64).maxFlows, 8)
  assert.deepEqual(fitted({ maxFlows: 100 }, -1).lines, [])
})

test('of its descriptors this process keeps some for itself', () => {
  assert.deepEqual([1024, 524_288, 128, -1].map(descriptorsForOthers), [928, 524_192, 96, 0])
})

test('the facts of this machine', () => {
  const { hostRead, descriptors, mayPing } = probeHost()
  assert.match(hostRead, /^(peek|ring)$/)
  assert.ok(descriptors > 0)
  assert.equal(typeof mayPing, 'boolean')
})
