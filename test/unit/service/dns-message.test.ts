import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from 'dns-packet'
import fc from 'fast-check'
import * as dns from '../../../src/service/dns-message.js'
import { a, answerTo, decoded, edns, query, soa, ttls, withOption } from './dns-messages.js'

const read = (message: Buffer): dns.Query | null => {
  const question = dns.readQuestion(message)
  return question === null ? null : dns.readQuery(message, question)
}

const key = (message: Buffer): string => read(message)?.key ?? 'malformed'

test('finds the question', () => {
  const message = query('Www.Example.COM', 'AAAA', 0x1234)
  assert.equal(dns.id(message), 0x1234)
  assert.deepEqual(dns.readQuestion(message), {
    name: '\u0003www\u0007example\u0003com\0',
    type: 28,
    class: 1,
    end: message.length,
  })
  assert.equal(dns.readQuestion(query('.'))?.name, '\0')
})

test('names are bytes: only ASCII letters have a case', () => {
  const message = query('abcd')
  message.set([0xc0, 0xe0, 0x5b, 0x41], 13)
  assert.equal(dns.readQuestion(message)?.name, '\u0004\u00c0\u00e0[a\0')
})

test('refuses names that are too long, compressed or cut short', () => {
  const label = (length: number): Buffer => Buffer.concat([Buffer.from([length]), Buffer.alloc(length, 'x')])
  const message = (name: Buffer): Buffer => Buffer.concat([query('.').subarray(0, 12), name, Buffer.from([0, 0, 1, 0, 1])])
  assert.notEqual(dns.readQuestion(message(Buffer.concat([label(63), label(63), label(63), label(61)]))), null) // 255 bytes
  assert.equal(dns.readQuestion(message(Buffer.concat([label(63), label(63), label(63), label(62)]))), null)
  assert.equal(dns.readQuestion(message(label(64))), null)
  assert.equal(dns.readQuestion(message(Buffer.from([0xc0, 0x0c]))), null)
  const whole = query('example.com')
  for (let length = 0; length < whole.length; length++) assert.equal(dns.readQuestion(whole.subarray(0, length)), null)
})

test('finds every record, as dns-packet does', () => {
  const answers: Answer[] = [
    a('example.com', '192.0.2.1', 11),
    { type: 'TXT', name: 'example.com', ttl: 22, data: 'text' },
    { type: 'MX', name: 'example.com', ttl: 33, data: { preference: 1, exchange: 'mail.example.com' } },
  ]
  const message = answerTo(query('example.com'), answers, { authorities: [soa('example.com', 44, 5)], additionals: [edns(1232)] })
  const records = dns.readRecords(message, dns.readQuestion(message)!)!
  assert.deepEqual(
    records.map((record) => [record.section, record.type, record.ttl]),
    [
      ['answer', 1, 11],
      ['answer', 16, 22],
      ['answer', 15, 33],
      ['authority', 6, 44],
      ['additional', 41, 0],
    ],
  )
  assert.equal(records.at(-1)?.end, message.length)
  for (const record of records.slice(0, 4)) message.writeUInt32BE(record.ttl + 1000, record.ttlAt)
  const packet = decoded(message)
  assert.deepEqual([...ttls(packet.answers), ...ttls(packet.authorities)], [1011, 1022, 1033, 1044])
})

test('a compressed name is two bytes, wherever it points', () => {
  const record = Buffer.from('ffff00010001000000010004c0000201', 'hex')
  const message = Buffer.concat([query('example.com'), record])
  message.writeUInt16BE(1, 6)
  assert.equal(dns.readRecords(message, dns.readQuestion(message)!)?.length, 1)
})

test('counts that the message cannot hold', () => {
  const message = query('example.com')
  message.writeUInt16BE(0xffff, 6)
  message.writeUInt16BE(0xffff, 10)
  assert.equal(dns.readRecords(message, dns.readQuestion(message)!), null)
})

test('one answer serves the queries that differ in identifier, case, cookie and padding only', () => {
  const plain = query('example.com', 'A', 1)
  assert.equal(key(plain), key(query('EXAMPLE.com', 'A', 2)))
  const opt = query('example.com', 'A', 1, { additionals: [edns(1232)] })
  assert.notEqual(key(opt), key(plain))
  assert.equal(key(withOption(opt, 10, Buffer.alloc(8))), key(opt))
  assert.equal(key(withOption(opt, 12, Buffer.alloc(100))), key(opt))
  assert.equal(key(query('example.com', 'A', 1, { additionals: [edns(4096)] })), key(opt))
})

test('a query with more than that is answered alone', () => {
  const opt = query('example.com', 'A', 1, { additionals: [edns(1232)] })
  assert.equal(key(withOption(opt, 8, Buffer.alloc(7))), '')
  assert.equal(key(query('example.com', 'A', 1, { additionals: [{ ...edns(1232), ednsVersion: 1 }] })), '')
  assert.equal(key(query('example.com', 'A', 1, { additionals: [a('x.example'), edns(1232)] })), '')
  assert.equal(key(query('example.com', 'A', 1, { answers: [a('x.example')] })), '')
  const cut = withOption(opt, 10, Buffer.alloc(8))
  cut.writeUInt16BE(20, cut.length - 10) // longer than its record
  assert.equal(key(cut), '')
})

test('how long an answer may be', () => {
  const payload = (size: number) => read(query('example.com', 'A', 1, { additionals: [edns(size)] }))?.payload
  assert.equal(read(query('example.com'))?.payload, 512)
  assert.deepEqual([100, 512, 513, 1232, 65_535].map(payload), [512, 512, 513, 1232, 65_535])
})

test('no bytes throw', () => {
  const model = answerTo(query('example.com'), [a('example.com')], { authorities: [soa('example', 1, 2)], additionals: [edns(1232)] })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((random) => Buffer.from(random)),
    fc.tuple(fc.nat(model.length), fc.uint8Array({ maxLength: 40 })).map(([at, random]) => {
      const message = Buffer.from(model)
      message.set(random.subarray(0, message.length - at), at)
      return message
    }),
  )
  fc.assert(
    fc.property(bytes, (message) => {
      const question = dns.readQuestion(message)
      if (question === null) return
      assert.ok(question.end <= message.length)
      dns.readQuery(message, question)
      assert.ok(dns.truncated(message).length <= 512)
      for (const record of dns.readRecords(message, question) ?? []) assert.ok(record.dataAt <= record.end && record.end <= message.length)
      const records = dns.readRecords(message, question)
      if (records === null) return
      assert.ok(dns.lifetime(message, question, records) >= 0)
      const bare = dns.withoutOptions(message, records)
      if (bare !== null) assert.ok(bare.length <= message.length && dns.readRecords(bare, question) !== null)
    }),
    { numRuns: 20_000 },
  )
})
