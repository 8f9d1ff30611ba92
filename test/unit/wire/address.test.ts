import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import * as address from '../../../src/wire/address.js'
import { MAPPED } from '../../../src/wire/numbers.js'

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
/** Zero often enough that runs of zeros occur. */
const sparse = fc.oneof(word, fc.constantFrom(0, 0, 0, 1, 0x10000))

test('IPv4: text and back', () => {
  assert.equal(address.parse('10.0.2.100'), 0x0a000264)
  assert.equal(address.parse('255.255.255.255'), -1)
  assert.equal(address.parse('0.0.0.0'), 0)
  fc.assert(fc.property(word, (value) => assert.equal(address.parse(address.format(value)), value)))
})

test('IPv4: takes what Node takes and nothing else', () => {
  for (const text of [
    '',
    '1',
    '1.2',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.1.1.1',
    '1.1.1.999',
    '01.2.3.4',
    '1.2.3.00',
  ]) {
    assert.equal(address.parse(text), null, text)
  }
  for (const text of [
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '1.2.3.-4',
    '+1.2.3.4',
    '0x1.2.3.4',
    '1e0.2.3.4',
    'a.b.c.d',
    '::1',
    '1.2.3.4/8',
    '١.2.3.4',
  ]) {
    assert.equal(address.parse(text), null, text)
  }
  fc.assert(fc.property(fc.stringMatching(/^[0-9.]{0,15}$/), (text) => assert.equal(address.parse(text) !== null, isIPv4(text))))
})

test('IPv6: the canonical text of RFC 5952', () => {
  for (const [text, canonical] of [
    ['2001:0db8::0001', '2001:db8::1'], // 4.1
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'], // 4.2.1
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // 4.2.2: not one group
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // 4.2.3: the longest
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // 4.2.3: the first of equals
    ['0:0:1:0:0:1:1:1', '::1:0:0:1:1:1'],
    ['2001:DB8::A', '2001:db8::a'], // 4.3
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'], // 5
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['fd00::192.0.2.1', 'fd00::c000:201'],
    ['::1.2.3.4', '::102:304'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ] as const) {
    const words = address.parse6(text)
    assert.ok(words, text)
    assert.equal(address.format6(...words), canonical)
  }
})

test('IPv6: text and back', () => {
  fc.assert(
    fc.property(sparse, sparse, sparse, sparse, (a, b, c, d) => {
      assert.deepEqual(address.parse6(address.format6(a, b, c, d)), [a, b, c, d])
    }),
  )
})

test('IPv6: takes what Node takes, but no zone', () => {
  for (const text of ['', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::g', '[::1]', '::1%eth0', '1.2.3.4']) {
    assert.equal(address.parse6(text), null, text)
  }
  for (const text of ['::1.2.3', '::256.1.1.1', '::01.2.3.4', '::0x1.2.3.4', '1.2.3.4::', '::1 ', '1:2:3:4:5:6:7:1.2.3.4', '1:', ':1']) {
    assert.equal(address.parse6(text), null, text)
  }
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f:]{0,20}$/), (text) => assert.equal(address.parse6(text) !== null, isIPv6(text), text)),
    { numRuns: 2_000 },
  )
})

test('either family as four words', () => {
  assert.deepEqual(address.parseAny('10.0.2.2'), [0, 0, MAPPED, 0x0a000202])
  assert.deepEqual(address.parseAny('::ffff:10.0.2.2'), [0, 0, MAPPED, 0x0a000202])
  assert.deepEqual(address.parseAny('fd00::2'), [0xfd000000 | 0, 0, 0, 2])
  assert.equal(address.parseAny('localhost'), null)
  assert.equal(address.formatAny(0, 0, MAPPED, 0x0a000202), '10.0.2.2')
  assert.equal(address.formatAny(0xfd000000, 0, 0, 2), 'fd00::2')
  assert.deepEqual(address.mapped(-1), [0, 0, MAPPED, -1])
  assert.equal(address.isMapped(0, 0, MAPPED), true)
  assert.equal(address.isMapped(0, 0, 0), false)
  assert.equal(address.isMapped(1, 0, MAPPED), false)
  assert.equal(address.isMapped(0, -1, MAPPED), false)
})

test('IPv4 networks', () => {
  assert.deepEqual(address.parseCidr('10.0.2.0/24'), { address: 0x0a000200, network: 0x0a000200, prefix: 24 })
  assert.deepEqual(address.parseCidr('10.0.2.100/24'), { address: 0x0a000264, network: 0x0a000200, prefix: 24 })
  assert.deepEqual(address.parseCidr('255.255.255.255/0'), { address: -1, network: 0, prefix: 0 })
  assert.deepEqual(address.parseCidr('1.2.3.4/32'), { address: 0x01020304, network: 0x01020304, prefix: 32 })
  for (const text of [
    '',
    '/',
    '10.0.2.0',
    '10.0.2.0/',
    '/24',
    '10.0.2.0/33',
    '10.0.2.0/-1',
    '10.0.2.0/024',
    '10.0.2.0/24/8',
    '10.0.2/24',
    '10.0.2.0/2a',
    '10.0.2.0/ 24',
  ]) {
    assert.equal(address.parseCidr(text), null, text)
  }
  assert.equal(address.mask(24), 0xffffff00 | 0)
  assert.equal(address.mask(0), 0)
  assert.equal(address.mask(32), -1)
  assert.equal(address.broadcast(0x0a000200, 24), 0x0a0002ff)
  assert.equal(address.contains(0x0a000200, 24, 0x0a0002fe), true)
  assert.equal(address.contains(0x0a000200, 24, 0x0a000302), false)
  assert.equal(address.contains(0, 0, -1), true)
})

test('IPv6 networks', () => {
  const found = address.parseCidr6('fd00:1:2:3:4:5:6:7/72')
  assert.ok(found)
  assert.equal(found.prefix, 72)
  assert.equal(address.format6(...found.network), 'fd00:1:2:3::')
  assert.equal(address.format6(...address.parseCidr6('ffff:ffff::/20')!.network), 'ffff:f000::')
  assert.equal(address.format6(...address.parseCidr6('fd00::7/128')!.network), 'fd00::7')
  assert.equal(address.format6(...address.parseCidr6('fd00::7/0')!.network), '::')
  for (const text of ['fd00::', 'fd00::/', 'fd00::/129', '10.0.2.0/24', 'fd00::/64/64']) assert.equal(address.parseCidr6(text), null, text)
})

test('MAC addresses', () => {
  assert.deepEqual(address.parseMac('52:55:0a:00:02:02'), { high: 0x5255, low: 0x0a000202 })
  assert.deepEqual(address.parseMac('FF:ff:FF:ff:FF:ff'), { high: 0xffff, low: -1 })
  assert.equal(address.formatMac(0x5255, 0x0a000202), '52:55:0a:00:02:02')
  assert.equal(address.formatMac(0x0001, -1), '00:01:ff:ff:ff:ff')
  for (const text of [
    '',
    '52:55:0a:00:02',
    '52:55:0a:00:02:02:02',
    '5255.0a00.0202',
    '52:55:0a:00:02:0g',
    '52-55-0a-00-02-02',
    '5:55:0a:00:02:02',
  ]) {
    assert.equal(address.parseMac(text), null, text)
  }
})
