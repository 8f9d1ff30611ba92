// Answers that name addresses which a guest is not to reach: they lose those, and nothing else, whatever is compressed into what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from 'dns-packet'
import fc from 'fast-check'
import { AddressSet } from '../../../src/net/address-set.js'
import { withoutClosed } from '../../../src/service/dns-closed.js'
import * as dns from '../../../src/service/dns-message.js'
import { parseAny } from '../../../src/wire/address.js'
import { a, answerTo, data, decoded, edns, query, soa } from './dns-messages.js'
import { scenario } from './dns-world.js'

const prefix = (text: string, length: number) => ({ words: parseAny(text)!, length })
const closed = new AddressSet([prefix('192.168.7.20', 128), prefix('169.254.0.0', 112), prefix('2001:db8:7::20', 128)])

const aaaa = (name: string, address: string): Answer => ({ type: 'AAAA', name, ttl: 60, data: address })

scenario(
  'an address that is closed is taken out of an answer, by UDP and from what is kept',
  (world) => {
    const answers = [
      { type: 'CNAME', name: 'nas.test', ttl: 60, data: 'real.test' } as const,
      a('real.test', '192.168.7.20'),
      a('real.test', '198.51.100.1'),
      a('real.test', '169.254.169.254'),
    ]
    world.ask('nas.test')
    world.answer(world.socket(), answers, { additionals: [edns(1232)] })
    assert.deepEqual(data(world.reply()), ['real.test', '198.51.100.1'])
    world.ask('nas.test')
    assert.deepEqual(data(world.reply()), ['real.test', '198.51.100.1'])
    assert.equal(world.forwarder.counters.cached, 1)
  },
  { closed },
)

scenario(
  'of a name with closed addresses alone nothing is left, which is no error',
  (world) => {
    world.ask('nas.test', 'AAAA')
    world.answer(world.socket(), [aaaa('nas.test', '2001:db8:7::20'), aaaa('nas.test', '::ffff:192.168.7.20')])
    const { rcode, answers } = world.reply()
    assert.deepEqual([rcode, answers], ['NOERROR', []])
  },
  { closed },
)

let isOpen = true
const later = { has: (words: Int32Array, at: number) => !isOpen && closed.has(words, at) }
scenario(
  'what is closed when an answer is given counts, not when it was kept',
  (world) => {
    world.ask('nas.test')
    world.answer(world.socket(), [a('nas.test', '192.168.7.20')])
    assert.deepEqual(data(world.reply()), ['192.168.7.20'])
    isOpen = false
    world.ask('nas.test')
    assert.deepEqual(data(world.reply()), [])
  },
  { closed: later },
)

scenario(
  'an answer by TCP loses them as well',
  (world) => {
    const stream = world.connect()
    world.write(stream, query('nas.test'))
    world.answer(world.socket(), [a('nas.test', '192.168.7.20'), a('nas.test', '198.51.100.1')])
    assert.deepEqual(data(decoded(stream.messages()[0]!)), ['198.51.100.1'])
    world.reset(stream)
  },
  { closed },
)

/** An answer by hand: records as bytes, so that names can be pointers. */
function message(question: Buffer, ...records: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([answerTo(question, []), ...records])
  bytes.writeUInt16BE(records.length, 6)
  return bytes
}

function record(name: readonly number[], type: number, bytes: readonly number[]): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(60, 4)
  fixed.writeUInt16BE(bytes.length, 8)
  return Buffer.concat([Buffer.from(name), fixed, Buffer.from(bytes)])
}

const label = (text: string): number[] => [text.length, ...Buffer.from(text)]
const pointer = (at: number): number[] => [0xc0 | (at >> 8), at & 0xff]

test('names that point into what is taken out stay what they were', () => {
  const question = query('x.test')
  const at = question.length
  // The first record, which goes, is the only one that spells b.example; all behind it point there.
  const first = record([...label('b'), ...label('example'), 0], dns.TYPE_A, [192, 168, 7, 20])
  const mx = record(pointer(at), 15, [0, 10, ...label('mail'), ...pointer(at + 2)])
  const srv = record(pointer(12), 33, [0, 1, 0, 2, 0, 53, ...pointer(at)])
  const soaRecord = record(pointer(at + 2), dns.TYPE_SOA, [...pointer(at), ...label('who'), ...pointer(at), ...Buffer.alloc(20, 1)])
  const open = record(pointer(at), dns.TYPE_A, [198, 51, 100, 1])
  const before = message(question, first, mx, srv, soaRecord, open)
  const after = withoutClosed(before, closed)
  assert.deepEqual(decoded(after).answers, decoded(before).answers!.slice(1))
  // Into the question a name may go on pointing: that is where the client finds its own spelling.
  assert.ok(after.includes(Buffer.from([...pointer(12), 0, 33])))
})

test('hints at closed addresses go with their record', () => {
  const hint = (key: number, bytes: readonly number[]) => [0, key, 0, bytes.length, ...bytes]
  const question = query('x.test')
  const good = record(pointer(12), 65, [0, 1, 0, ...hint(1, [2, 104, 50]), ...hint(4, [198, 51, 100, 1])])
  const bad = record(pointer(12), 65, [0, 1, 0, ...hint(1, [2, 104, 50]), ...hint(4, [198, 51, 100, 1, 192, 168, 7, 20])])
  const bad6 = record(pointer(12), 64, [0, 1, 0, ...hint(6, [0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20])])
  assert.deepEqual(withoutClosed(message(question, bad, good, bad6), closed), message(question, good))
})

test('an answer without closed addresses is the same one', () => {
  const plain = answerTo(query('x.test'), [a('x.test')], { authorities: [soa('test', 10, 20)], additionals: [edns(1232)] })
  assert.equal(withoutClosed(plain, closed), plain)
})

test('what cannot be read is an error, not let through', () => {
  const whole = answerTo(query('x.test'), [a('x.test', '192.168.7.20')])
  const behind = withoutClosed(Buffer.concat([whole, Buffer.of(0)]), closed)
  assert.deepEqual([decoded(behind).rcode, decoded(behind).answers], ['SERVFAIL', []])
  // A name that never ends, by pointers to itself.
  const at = query('x.test').length
  const loop = message(
    query('x.test'),
    record([0], dns.TYPE_A, [192, 168, 7, 20]),
    record([...label('a'), ...pointer(at + 15)], 16, [1, 65]),
  )
  assert.equal(decoded(withoutClosed(loop, closed)).rcode, 'SERVFAIL')
})

/** A text of pointers, each to the one before it, and thousands of records with two names at its end. */
function chained(pointers: number): Buffer {
  const at = query('x.test').length + 11
  const chain = [0]
  for (let target = at; chain.length < 1 + 2 * pointers; target = at + chain.length - 2) chain.push(...pointer(target))
  const last = pointer(at + 1 + 2 * (pointers - 1))
  const first = [record([0], 65_280, chain), record([0], dns.TYPE_A, [192, 168, 7, 20])]
  return message(query('x.test'), ...first, ...Array.from({ length: 2_000 }, () => record([0], 14, [...last, ...last])))
}

test('names that share a long chain of pointers are not followed for ever', () => {
  const rcodeOf = (pointers: number) => dns.rcode(withoutClosed(chained(pointers), closed))
  assert.deepEqual([rcodeOf(8), rcodeOf(7_000)], [dns.NOERROR, dns.SERVFAIL])
})

test('whatever the bytes, nothing throws, and what is left has no closed address', () => {
  const base = answerTo(query('x.test'), [a('x.test', '192.168.7.20'), aaaa('y.test', '2001:db8:7::20'), a('x.test')], {
    authorities: [soa('test', 10, 20)],
    additionals: [edns(1232)],
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(base.length), (changes, cut) => {
      const bytes = Buffer.from(base.subarray(0, Math.max(dns.HEADER_LENGTH, base.length - (cut % 5))))
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
      const left = withoutClosed(bytes, closed)
      assert.ok(left.length >= dns.HEADER_LENGTH)
      const question = dns.readQuestion(left)
      for (const found of question === null ? [] : (dns.readRecords(left, question) ?? []))
        if (found.class === 1 && found.type === dns.TYPE_A)
          assert.notEqual(left.toString('hex', found.dataAt, found.dataAt + 4), 'c0a80714')
    }),
    { numRuns: 3_000 },
  )
})
