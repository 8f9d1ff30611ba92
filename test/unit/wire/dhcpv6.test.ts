import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as dhcpv6 from '../../../src/wire/dhcpv6.js'
import { encode } from '../../../src/wire/domain-names.js'
import { forEachSeed } from '../../support/random.js'
import { assertRefusesTruncation, bytes, frame, JUNK, viewOf } from './captured.js'
import { DHCLIENT_INFORMATION_REQUEST, DHCP6C_INFORMATION_REQUEST, REPLY_TO_DHCLIENT } from './captured-dhcp.js'

const CONFIGURATION: dhcpv6.Configuration = {
  server: bytes('000100013293eb8752550a000202'),
  dns: Int32Array.of(0xfd000000, 0, 0, 3, 0xfd000000, 0, 0, 4),
  domainList: encode(['lan.example', 'netloom.internal'], 1000),
  refreshTime: 86_400,
}
const GUARD = 16

function parse(content: Uint8Array): { whole: boolean; found: Int32Array; view: DataView } {
  const view = viewOf(content)
  // Full of what the message before may have left.
  const found = new Int32Array(dhcpv6.COLUMNS).fill(0x5a5a5a5a)
  return { whole: dhcpv6.parse(view, JUNK, content.length, found), found, view }
}

function valueAt(content: Uint8Array, found: Int32Array, place: number): string {
  return Buffer.from(content.subarray(found[place], found[place]! + found[place + 1]!)).toString('hex')
}

/** Code and value in hex, in their order. */
function optionsOf(content: Uint8Array): [number, string][] {
  const list: [number, string][] = []
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  for (let i = 4; i < content.length; ) {
    const size = view.getUint16(i + 2)
    assert.ok(i + 4 + size <= content.length)
    list.push([view.getUint16(i), Buffer.from(content.subarray(i + 4, i + 4 + size)).toString('hex')])
    i += 4 + size
  }
  return list
}

/** The reply to a request, written into 0xa5 behind which nothing may change. */
function reply(request: Uint8Array, configuration: Partial<dhcpv6.Configuration> = {}, limit = 1232): Uint8Array {
  const memory = new Uint8Array(JUNK + limit + GUARD + request.length).fill(0xa5)
  const from = JUNK + limit + GUARD
  memory.set(request, from)
  const view = new DataView(memory.buffer)
  const found = new Int32Array(dhcpv6.COLUMNS)
  assert.equal(dhcpv6.parse(view, from, request.length, found), true)
  const length = dhcpv6.writeReply(view, JUNK, limit, from, found, { ...CONFIGURATION, ...configuration })
  assert.ok(length <= limit)
  assert.ok(memory.subarray(0, JUNK).every((byte) => byte === 0xa5))
  assert.ok(memory.subarray(JUNK + length, from).every((byte) => byte === 0xa5))
  return memory.slice(JUNK, JUNK + length)
}

const codesOf = (content: Uint8Array): number[] => optionsOf(content).map(([code]) => code)

test('reads a captured request', () => {
  const content = bytes(DHCLIENT_INFORMATION_REQUEST)
  const { whole, found, view } = parse(content)
  assert.equal(whole, true)
  assert.equal(dhcpv6.isValid(view, JUNK, content.length), true)
  assert.equal(dhcpv6.type(view, JUNK), dhcpv6.INFORMATION_REQUEST)
  assert.equal(dhcpv6.transactionId(view, JUNK), 0x7b23c6)
  assert.equal(valueAt(content, found, dhcpv6.CLIENT), '000300014aadbeef1064')
  assert.equal(valueAt(content, found, dhcpv6.ASKED), '001700180027001f')
  assert.equal(found[dhcpv6.SERVER_LENGTH], 0)
  assert.equal(dhcpv6.isForServer(view, JUNK, found, CONFIGURATION.server), true)
})

test('tells captured clients what dnsmasq told them', () => {
  const told = new Map(optionsOf(bytes(REPLY_TO_DHCLIENT)))
  const ours = reply(bytes(DHCLIENT_INFORMATION_REQUEST))
  assert.equal(Buffer.from(ours.subarray(0, 4)).toString('hex'), '077b23c6')
  // dnsmasq also tells the refresh time, which dhclient did not ask for.
  assert.equal(told.delete(32), true)
  assert.deepEqual(new Map(optionsOf(ours)), told)
  // A client that asks for nothing by name is told everything, by both.
  assert.deepEqual(codesOf(reply(bytes(DHCP6C_INFORMATION_REQUEST))), [2, 1, 23, 24, 32])
})

test('what was asked for, in its order, once', () => {
  assert.deepEqual(codesOf(reply(bytes('0b000001 00060006 0020 0018 0017'))), [2, 32, 24, 23])
  assert.deepEqual(codesOf(reply(bytes('0b000001 00060008 0000 0020 0020 0000'))), [2, 32])
  assert.deepEqual(codesOf(reply(bytes('0b000001 00060008 0017 0017 0018 0017'))), [2, 23, 24])
  assert.deepEqual(codesOf(reply(bytes('0b000001 00060004 0052 ffff'))), [2])
  assert.deepEqual(codesOf(reply(bytes('0b000001 00060000'))), [2, 23, 24, 32])
})

test('a client without an identifier is answered without one (RFC 8415, 18.3.6)', () => {
  assert.deepEqual(optionsOf(reply(bytes('0b000001 00060002 0020'))), [
    [2, '000100013293eb8752550a000202'],
    [32, '00015180'],
  ])
})

test('what there is not is not told', () => {
  const nothing = { dns: new Int32Array(0), domainList: new Uint8Array(0) }
  assert.deepEqual(codesOf(reply(bytes('0b000001'), nothing)), [2, 32])
})

test('what does not fit is left out; servers are told as many as fit', () => {
  const request = bytes('0b000001 00060006 0017 0018 0020')
  // 4 + 18 bytes, then 36, 35 and 8.
  assert.deepEqual(codesOf(reply(request, {}, 101)), [2, 23, 24, 32])
  assert.deepEqual(codesOf(reply(request, {}, 100)), [2, 23, 24])
  assert.deepEqual(codesOf(reply(request, {}, 92)), [2, 23, 32])
  assert.deepEqual(optionsOf(reply(request, {}, 57)), [
    [2, '000100013293eb8752550a000202'],
    [23, 'fd000000000000000000000000000003'],
    [32, '00015180'],
  ])
  assert.deepEqual(codesOf(reply(request, {}, 22)), [2])
})

test('messages between relays and servers are none of ours', () => {
  for (let type = 0; type < 256; type++) {
    const content = bytes(DHCLIENT_INFORMATION_REQUEST)
    content[0] = type
    assert.equal(dhcpv6.isValid(viewOf(content), JUNK, content.length), type !== 12 && type !== 13, `${type}`)
  }
  // A relayed request: its link address would be taken for options.
  const relayed = bytes(`0c00 ${'00'.repeat(32)} 00090004 0b7b23c6`)
  assert.equal(dhcpv6.isValid(viewOf(relayed), JUNK, relayed.length), false)
})

test('answers an INFORMATION-REQUEST, and only one to itself (RFC 8415, 16.12)', () => {
  const isFor = (hex: string): boolean => {
    const { whole, found, view } = parse(bytes(hex))
    assert.equal(whole, true)
    return dhcpv6.isForServer(view, JUNK, found, CONFIGURATION.server)
  }
  assert.equal(isFor('0b000001'), true)
  assert.equal(isFor('0b000001 0002000e 000100013293eb8752550a000202'), true)
  assert.equal(isFor('0b000001 0002000e 000100013293eb8752550a000203'), false)
  assert.equal(isFor('0b000001 0002000d 000100013293eb8752550a0002'), false)
  assert.equal(isFor('0b000001 0002000f 000100013293eb8752550a00020200'), false)
  for (const association of ['0003000c 000000010000000000000000', '00040004 00000001', '0019000c 000000010000000000000000']) {
    assert.equal(isFor(`0b000001 ${association}`), false)
  }
  for (const type of ['01', '03', '05', '06', '07', '08', '0a']) assert.equal(isFor(`${type}000001`), false)
})

test('refuses every length below 4', () => {
  assertRefusesTruncation(bytes('0b000001'), dhcpv6.isValid)
})

test('a length that cannot be is refused', () => {
  for (const rest of [
    '00',
    '000100',
    '0001000a 000300014aadbeef10', // past the end
    '00010002 0003', // no identifier is that short
    '00010000',
    '00020002 0003',
    `00010083 ${'00'.repeat(131)}`, // nor that long
    `00020083 ${'00'.repeat(131)}`,
    '00060001 00', // half a code
    '00080002 0000 00',
    'ffffffff',
  ]) {
    assert.equal(parse(bytes(`0b000001 ${rest}`)).whole, false, rest)
  }
  for (const rest of ['00010003 000300', `00010082 ${'00'.repeat(130)}`, 'ffff0000', '']) {
    assert.equal(parse(bytes(`0b000001 ${rest}`)).whole, true, rest)
  }
})

test('nothing leaves nothing of the message before, and of options that come twice the first counts', () => {
  assert.deepEqual(parse(bytes('0b000001')).found, new Int32Array(dhcpv6.COLUMNS))
  const content = bytes('0b000001 00010003 000301 00010004 00030102')
  assert.equal(valueAt(content, parse(content).found, dhcpv6.CLIENT), '000301')
})

test('the identifier of a server with a MAC address is of type DUID-LL (RFC 8415, 11.4)', () => {
  assert.deepEqual(dhcpv6.linkLayerIdentifier(0x5255, 0x0a000202), bytes('0003 0001 52550a000202'))
  assert.deepEqual(dhcpv6.linkLayerIdentifier(0xffff, -1), bytes('0003 0001 ffffffffffff'))
})

test('the captured reply is read as what it is', () => {
  const view = frame(REPLY_TO_DHCLIENT)
  assert.equal(dhcpv6.type(view, JUNK), dhcpv6.REPLY)
  assert.equal(dhcpv6.isForServer(view, JUNK, parse(bytes(REPLY_TO_DHCLIENT)).found, CONFIGURATION.server), false)
})

test('no list, no configuration and no limit makes a reply too long', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(23, 24, 32), fc.nat({ max: 0xffff })), { maxLength: 200 }),
      fc.record({ domainList: fc.uint8Array({ maxLength: 700 }), dns: fc.int32Array({ maxLength: 80 }) }),
      fc.integer({ min: 272, max: 1452 }),
      (asked, configuration, limit) => {
        const list = asked.map((code) => code.toString(16).padStart(4, '0')).join('')
        const request = `0b000001 00010082 ${'ab'.repeat(130)} 0006${(2 * asked.length).toString(16).padStart(4, '0')} ${list}`
        const codes = codesOf(reply(bytes(request), { ...configuration, server: new Uint8Array(130) }, limit))
        assert.deepEqual(codes.slice(0, 2), [2, 1])
        assert.equal(new Set(codes).size, codes.length)
      },
    ),
    { numRuns: 500 },
  )
})

test('no message leads out of its bytes', () => {
  let whole = 0
  forEachSeed('../unit/wire/dhcpv6.test', 20_000, (random) => {
    const parts = [11, 0, 0, 1]
    for (let count = random.below(6); count > 0; count--) {
      const size = random.pick([0, 2, 3, 10, 14, 130, 131, random.below(300)])
      parts.push(0, random.pick([1, 2, 3, 4, 6, 8, 25, random.below(256)]), size >> 8, size & 255)
      for (let i = random.chance(90) ? size : random.below(10); i > 0; i--) parts.push(random.below(256))
    }
    if (random.chance(10)) parts[random.below(parts.length)] = random.below(256)
    const content = Uint8Array.from(parts)
    const { whole: isWhole, found, view } = parse(content)
    if (isWhole) whole++
    for (const place of [dhcpv6.CLIENT, dhcpv6.SERVER, dhcpv6.ASKED]) {
      assert.ok(found[place]! >= 0 && found[place]! + found[place + 1]! <= content.length)
    }
    dhcpv6.isForServer(view, JUNK, found, CONFIGURATION.server)
  })
  assert.ok(process.env['NETLOOM_RUNS'] !== undefined || whole > 500, `${whole} were whole`)
})
