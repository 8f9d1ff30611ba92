import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Packet } from 'dns-packet'
import { DnsCache } from '../../../src/service/dns-cache.js'
import * as dns from '../../../src/service/dns-message.js'
import { a, answerTo, decoded, edns, query, soa, ttls } from './dns-messages.js'

const KEY = 'key'
const TOP = 0x80000000

function put(cache: DnsCache, now: number, answers: readonly Answer[], more: Packet = {}, key = KEY): void {
  const message = answerTo(query('example.com', 'A', 1), answers, more)
  cache.put(key, message, dns.readQuestion(message)!, now)
}

/** Seconds for which an answer is kept. */
function kept(answers: readonly Answer[], more: Packet = {}): number {
  const cache = new DnsCache(0)
  put(cache, 0, answers, more)
  let low = 0
  let high = 200_000
  // Nothing is taken out before its time, and nothing comes back after it.
  while (low < high) {
    const middle = (low + high) >> 1
    const probe = new DnsCache(0)
    put(probe, 0, answers, more)
    if (probe.get(KEY, middle * 1000) === null) high = middle
    else low = middle + 1
  }
  return low
}

test('an answer lives as long as its shortest record', () => {
  assert.equal(kept([a('example.com', '192.0.2.1', 60), a('example.com', '192.0.2.2', 30)]), 30)
  assert.equal(kept([a('example.com', '192.0.2.1', 60)], { additionals: [a('x.example', '192.0.2.2', 7)] }), 7)
  assert.equal(kept([a('example.com', '192.0.2.1', 60)], { additionals: [edns(1232)] }), 60)
})

test('no longer than a day', () => {
  assert.equal(kept([a('example.com', '192.0.2.1', 1_000_000)]), 86_400)
})

test('TTL 0, and one with the top bit set, are not kept', () => {
  assert.equal(kept([a('example.com', '192.0.2.1', 0)]), 0)
  assert.equal(kept([a('example.com', '192.0.2.1', TOP + 100)]), 0)
})

test('a negative answer lives as long as its SOA says, an hour at most', () => {
  const nameError = { flags: 0x0183 }
  assert.equal(kept([], { ...nameError, authorities: [soa('example.com', 900, 300)] }), 300)
  assert.equal(kept([], { ...nameError, authorities: [soa('example.com', 200, 300)] }), 200)
  assert.equal(kept([], { ...nameError, authorities: [soa('example.com', 86_400, 86_400)] }), 3_600)
  assert.equal(kept([], { ...nameError, authorities: [soa('example.com', 900, 0)] }), 0)
  assert.equal(kept([], { ...nameError }), 0)
})

test('no data is a negative answer, after an alias, too', () => {
  const alias: Answer = { type: 'CNAME', name: 'example.com', ttl: 500, data: 'b.example' }
  assert.equal(kept([], { authorities: [soa('example.com', 900, 300)] }), 300)
  assert.equal(kept([], { authorities: [{ type: 'NS', name: 'example.com', ttl: 900, data: 'ns.example' }] }), 0)
  assert.equal(kept([alias], { authorities: [soa('example', 900, 300)] }), 300)
  assert.equal(kept([alias]), 0)
  assert.equal(kept([alias, a('b.example', '192.0.2.1', 400)]), 400)
})

test('errors and truncated answers are not kept', () => {
  const more = { authorities: [soa('example.com', 900, 300)] }
  for (const code of [1, 2, 4, 5, 6, 9]) assert.equal(kept([a('example.com')], { ...more, flags: 0x0180 | code }), 0, `code ${code}`)
  assert.equal(kept([a('example.com')], { flags: 0x0380 }), 0)
  assert.equal(kept([a('example.com')], { additionals: [{ ...edns(1232), extendedRcode: 1 }] }), 0)
})

test('what is given out counts down and is nobody else’s', () => {
  const cache = new DnsCache(0)
  put(cache, 0, [a('example.com', '192.0.2.1', 60)], { flags: 0x0580, authorities: [soa('example.com', 7_000, 300)] })
  const first = cache.get(KEY, 10_999)
  assert.deepEqual(ttls(decoded(first!).answers), [50])
  first!.fill(0)
  const second = decoded(cache.get(KEY, 20_000)!)
  assert.deepEqual(ttls(second.answers), [40])
  assert.equal(second.flag_aa, false)
})

test('the SOA of a negative answer says how long that is kept', () => {
  const cache = new DnsCache(0)
  put(cache, 0, [], { flags: 0x0183, authorities: [soa('example.com', 86_400, 7_200)] })
  const packet = decoded(cache.get(KEY, 600_000)!)
  assert.deepEqual(ttls(packet.authorities), [3_000])
})

test('an OPT record loses its options; one that is not the last keeps an answer out', () => {
  const cache = new DnsCache(0)
  put(cache, 0, [a('example.com')], { additionals: [a('x.example'), edns(1400)] })
  assert.equal(cache.size, 1)
  put(cache, 0, [a('example.com')], { additionals: [edns(1400), a('x.example')] }, 'other')
  assert.equal(cache.size, 1)
})

test('a malformed answer is not kept', () => {
  const cache = new DnsCache(0)
  const message = answerTo(query('example.com'), [a('example.com')])
  const question = dns.readQuestion(message)!
  for (let length = question.end; length < message.length; length++) cache.put(KEY, message.subarray(0, length), question, 0)
  cache.put(KEY, Buffer.concat([message, Buffer.alloc(1)]), question, 0)
  assert.equal(cache.size, 0)
})

test('bounded in number and in bytes: the least recently used goes', () => {
  const few = new DnsCache(0, 2)
  for (const key of ['1', '2', '1', '3']) put(few, 0, [a('example.com')], {}, key)
  assert.deepEqual(
    ['1', '2', '3'].map((key) => few.get(key, 0) !== null),
    [true, false, true],
  )
  const small = new DnsCache(0, 1_000, 10_000)
  for (let i = 0; i < 1_000; i++) put(small, 0, [a('example.com')], {}, `${i}`)
  assert.ok(small.bytes <= 10_000 && small.bytes > 9_000, `${small.bytes}`)
  assert.equal(small.get('0', 0), null)
  assert.notEqual(small.get('999', 0), null)
})

test('across the wrap of the clock, and after a long sleep', () => {
  const start = 0x7fffffff - 10_000
  const cache = new DnsCache(start)
  put(cache, start, [a('example.com', '192.0.2.1', 60)])
  assert.deepEqual(ttls(decoded(cache.get(KEY, (start + 20_000) | 0)!).answers), [40])
  assert.equal(cache.get(KEY, (start + 60_000) | 0), null)
  put(cache, 0, [a('example.com', '192.0.2.1', 60)])
  assert.equal(cache.get(KEY, -1), null)
})

test('sets no timer', () => {
  const before = process.getActiveResourcesInfo().length
  const cache = new DnsCache(0)
  put(cache, 0, [a('example.com')])
  cache.get(KEY, 1)
  assert.equal(process.getActiveResourcesInfo().length, before)
})
