import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as address from '../../../src/wire/address.js'
import { encode } from '../../../src/wire/domain-names.js'
import * as ndp from '../../../src/wire/ndp.js'
import * as options from '../../../src/wire/ndp-options.js'
import { assertBytes, bytes, JUNK, viewOf, written } from './captured.js'
import { ROUTER_ADVERTISEMENT6 } from './captured6.js'
import { nameAt } from './dns-name.js'

const MESSAGE = bytes(ROUTER_ADVERTISEMENT6).subarray(54)
const HEAD = ndp.ROUTER_ADVERTISEMENT_LENGTH

/** Parses options behind a head that is none, into columns full of what the message before may have left. */
function parse(hex: string): { whole: boolean; found: Int32Array; view: DataView } {
  const content = bytes(`ffffffffffffffff ${hex}`)
  const found = new Int32Array(options.COLUMNS).fill(0x5a5a5a5a)
  const view = viewOf(content)
  return { whole: options.parse(view, JUNK, 8, content.length, found), found, view }
}

const NOTHING = new Int32Array(options.COLUMNS)

function wordsOf(read: (word: number) => number): string {
  return address.format6(read(0), read(1), read(2), read(3))
}

test('reads every option of a captured router advertisement', () => {
  const view = viewOf(MESSAGE)
  const found = new Int32Array(options.COLUMNS).fill(0x5a5a5a5a)
  assert.equal(options.parse(view, JUNK, HEAD, MESSAGE.length, found), true)
  assert.deepEqual([...found.subarray(options.HAS_SOURCE_LINK, 4)], [1, 0x5255, 0x0a000202, 0])
  assert.equal(found[options.MTU], 1500)
  assert.equal(found[options.REDIRECTED_AT], 0)

  const prefix = JUNK + found[options.PREFIX_AT]!
  assert.equal(options.prefixLength(view, prefix), 64)
  assert.equal(options.prefixFlags(view, prefix), options.ON_LINK | options.AUTONOMOUS)
  assert.equal(options.validLifetime(view, prefix), 86_400)
  assert.equal(options.preferredLifetime(view, prefix), 14_400)
  assert.equal(
    wordsOf((word) => options.prefix(view, prefix, word)),
    'fd00::',
  )

  const servers = JUNK + found[options.RDNSS_AT]!
  assert.equal(options.lifetime(view, servers), 600)
  assert.equal(options.serverCount(view, servers), 2)
  assert.deepEqual(
    [0, 1].map((i) => wordsOf((word) => options.server(view, servers, i, word))),
    ['fd00::3', 'fd00::4'],
  )

  const names = found[options.DNSSL_AT]!
  assert.equal(options.lifetime(view, JUNK + names), 600)
  assert.equal(options.namesLength(view, JUNK + names), 32)
  const list = MESSAGE.subarray(names + 8, names + 8 + 32)
  assert.equal(nameAt(list, 0), 'lan.example')
  assert.equal(nameAt(list, 13), 'netloom.internal')
})

test('writes the options of the captured router advertisement byte for byte', () => {
  const names = encode(['lan.example', 'netloom.internal'], options.MAX_NAMES)
  const servers = Int32Array.of(0xfd000000, 0, 0, 3, 0xfd000000, 0, 0, 4, 0x5a5a5a5a)
  const block = written(MESSAGE.length - HEAD, (view, at) => {
    let i = at
    i += options.writePrefix(view, i, 64, options.ON_LINK | options.AUTONOMOUS, 86_400, 14_400, 0xfd000000 | 0, 0, 0, 0)
    i += options.writeRdnss(view, i, 600, servers, 2)
    i += options.writeDnssl(view, i, 600, names)
    i += options.writeMtu(view, i, 1500)
    i += options.writeSourceLinkAddress(view, i, 0x5255, 0x0a000202)
    assert.equal(i - at, MESSAGE.length - HEAD)
  })
  assertBytes(block, MESSAGE.subarray(HEAD))
})

test('a prefix that never ends', () => {
  const option = written(options.PREFIX_LENGTH, (view, at) =>
    options.writePrefix(view, at, 128, 0, options.INFINITY, options.INFINITY, 1, 2, 3, -1),
  )
  assertBytes(option, bytes('03048000 ffffffff ffffffff 00000000 00000001 00000002 00000003 ffffffff'))
})

test('the longest lists that an option holds', () => {
  const servers = new Int32Array(4 * options.MAX_SERVERS).fill(7)
  const rdnss = written(8 + 16 * options.MAX_SERVERS, (view, at) => {
    assert.equal(options.writeRdnss(view, at, -1, servers, options.MAX_SERVERS), 2040)
  })
  assert.equal(rdnss[1], 255)
  const { whole, found, view } = parse(Buffer.from(rdnss).toString('hex'))
  assert.equal(whole, true)
  assert.equal(options.serverCount(view, JUNK + found[options.RDNSS_AT]!), options.MAX_SERVERS)

  const dnssl = written(2040, (view, at) => {
    assert.equal(options.writeDnssl(view, at, -1, new Uint8Array(options.MAX_NAMES)), 2040)
  })
  assertBytes(dnssl.subarray(0, 8), bytes('1fff0000ffffffff'))
})

test('names are filled up with zeros to 8 bytes, and not further', () => {
  for (let length = 1; length <= 24; length++) {
    const size = 8 + 8 * Math.ceil(length / 8)
    const option = written(size, (view, at) => {
      assert.equal(options.writeDnssl(view, at, 1, new Uint8Array(length).fill(0x61)), size)
    })
    assert.equal(option[1], size / 8)
    assert.equal(Buffer.from(option.subarray(8)).toString('latin1'), 'a'.repeat(length).padEnd(size - 8, '\0'))
  }
})

test('nothing leaves nothing of the message before', () => {
  for (const hex of ['', 'fd01000000000000 0e01123456789abc']) {
    const { whole, found } = parse(hex)
    assert.equal(whole, true)
    assert.deepEqual(found, NOTHING)
  }
})

test('of options that come twice the first counts', () => {
  const { whole, found } = parse('05010000000005dc 0501000000000500 0101000000000001 0101000000000002 0201000000000003 0201000000000004')
  assert.equal(whole, true)
  assert.equal(found[options.MTU], 1500)
  assert.equal(found[options.SOURCE_LOW], 1)
  assert.equal(found[options.TARGET_LOW], 3)
  const prefix = `03044000 ${'00'.repeat(28)}`
  assert.equal(parse(`${prefix} ${prefix}`).found[options.PREFIX_AT], 8)
})

test('an MTU beyond 31 bits is no limit', () => {
  assert.equal(parse('05010000 ffffffff').found[options.MTU], 0x7fffffff)
  assert.equal(parse('05010000 80000000').found[options.MTU], 0x7fffffff)
})

test('a length of 0, or past the end, or not of a MAC address, is refused', () => {
  for (const hex of [
    '0500000000000000',
    'fd00000000000000',
    'fd02000000000000',
    '05010000000005dc 01',
    '05010000000005dc 01010000000000',
    '0102000000000000 0000000000000000',
    '0203000000000000 0000000000000000 0000000000000000',
  ]) {
    assert.equal(parse(hex).whole, false, hex)
  }
})

test('what has a content that cannot be is skipped like what nobody knows', () => {
  for (const hex of [
    '0301000000000000', // a prefix without one
    `0305${'00'.repeat(38)}`,
    `03048100${'00'.repeat(28)}`, // 129 bits
    '0502000000000000 0000000000000000',
    '1901000000000000', // no server
    '1902000000000000 0000000000000000', // half a server
    `1904${'00'.repeat(30)}`, // one and a half
    '1f01000000000000', // no name
  ]) {
    const { whole, found } = parse(`${hex} 0101000000000007`)
    assert.equal(whole, true, hex)
    assert.equal(found[options.SOURCE_LOW], 7, hex)
    found.fill(0, options.HAS_SOURCE_LINK, options.SOURCE_LOW + 1)
    assert.deepEqual(found, NOTHING, hex)
  }
})
