import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as dhcpv4 from '../../../src/wire/dhcpv4.js'
import * as options from '../../../src/wire/dhcpv4-options.js'
import * as reply from '../../../src/wire/dhcpv4-reply.js'
import { encode } from '../../../src/wire/domain-names.js'
import { bytes, JUNK } from './captured.js'
import { DHCLIENT_DISCOVER, DHCPCD_DISCOVER, OFFER_TO_DHCLIENT, OFFER_TO_UDHCPC, UDHCPC_DISCOVER, UDHCPC_REQUEST } from './captured-dhcp.js'

const SERVER = 0x0a000202
const GIVEN = 0x0a00022b
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

const CONFIGURATION: reply.Configuration = {
  server: SERVER,
  lease: 3600,
  mask: 0xffffff00 | 0,
  broadcast: 0x0a0002ff,
  router: SERVER,
  mtu: 1500,
  dns: Int32Array.of(0x0a000203, 0x0a000204),
  hostName: ascii(''),
  domainName: ascii('lan.example'),
  domainSearch: encode(['lan.example', 'netloom.internal'], 1000),
}

/** Bytes that no writer may touch, before and after its reply. */
const GUARD = 16

interface Written {
  readonly content: Uint8Array
  /** Code and value in hex, in their order. */
  readonly options: readonly (readonly [number, string])[]
}

/** Lets `write` answer the request in a buffer full of 0xa5, where it must keep to `limit` bytes. */
function answer(
  request: Uint8Array,
  limit: number,
  write: (view: DataView, at: number, from: number, found: Int32Array) => number,
): Written {
  const memory = new Uint8Array(JUNK + limit + GUARD + request.length).fill(0xa5)
  const from = JUNK + limit + GUARD
  memory.set(request, from)
  const view = new DataView(memory.buffer)
  const found = new Int32Array(options.COLUMNS)
  assert.equal(options.parse(view, from, request.length, found), true)
  const length = write(view, JUNK, from, found)
  assert.ok(length <= limit, `${length} of ${limit} bytes`)
  assert.ok(memory.subarray(0, JUNK).every((byte) => byte === 0xa5))
  assert.ok(memory.subarray(JUNK + length, from).every((byte) => byte === 0xa5))
  assert.deepEqual(memory.subarray(from), request)
  const content = memory.slice(JUNK, JUNK + length)
  return { content, options: optionsOf(content) }
}

function optionsOf(content: Uint8Array): [number, string][] {
  const list: [number, string][] = []
  let i = 240
  for (; content[i] !== 255; i += 2 + content[i + 1]!) {
    assert.ok(i + 2 + content[i + 1]! < content.length)
    list.push([content[i]!, Buffer.from(content.subarray(i + 2, i + 2 + content[i + 1]!)).toString('hex')])
  }
  // RFC 2132, 3.2: behind the end there is only padding.
  assert.ok(content.subarray(i + 1).every((byte) => byte === 0))
  return list
}

function offer(request: Uint8Array, configuration: Partial<reply.Configuration> = {}, limit = 548): Written {
  const all = { ...CONFIGURATION, ...configuration }
  return answer(request, limit, (view, at, from, found) => reply.write(view, at, limit, dhcpv4.OFFER, from, found, GIVEN, all))
}

/** udhcpc's request with other options. */
function request(hex: string): Uint8Array {
  return Uint8Array.from([...bytes(UDHCPC_DISCOVER).subarray(0, 240), ...bytes(hex)])
}

const codesOf = (found: Written): number[] => found.options.map(([code]) => code)
/** What every OFFER and every ACK with an address begins with. */
const HEAD = [53, 54, 51, 58, 59]

test('tells captured clients what dnsmasq told them', () => {
  for (const [discover, captured, own] of [
    [UDHCPC_DISCOVER, OFFER_TO_UDHCPC, [61]],
    [DHCLIENT_DISCOVER, OFFER_TO_DHCLIENT, [121]],
  ] as const) {
    const theirs = new Map(optionsOf(bytes(captured)))
    const ours = new Map(offer(bytes(discover)).options)
    // dnsmasq leaves out the client identifier, which RFC 6842 has the server return, and the routes.
    for (const code of own) assert.equal(ours.delete(code), true)
    assert.deepEqual([...ours].sort(), [...theirs].sort())
    // And the fields, but for the next server.
    const { content } = offer(bytes(discover))
    const fields = bytes(captured).subarray(0, 240)
    fields.fill(0, 20, 24)
    assert.deepEqual(content.subarray(0, 240), fields)
  }
})

test('in the order that was asked for (RFC 2132, 9.8)', () => {
  assert.deepEqual(codesOf(offer(bytes(UDHCPC_DISCOVER))), [53, 54, 61, 51, 58, 59, 1, 3, 6, 15, 28])
  assert.deepEqual(codesOf(offer(bytes(DHCLIENT_DISCOVER))), [...HEAD, 1, 28, 3, 15, 6, 119, 26, 121])
  assert.deepEqual(codesOf(offer(request('350101 3703771a06 ff'))), [...HEAD, 119, 26, 6])
})

test('the mask comes before the router, asked for or not (RFC 2132, 3.3)', () => {
  assert.deepEqual(codesOf(offer(request('350101 37020301 ff'))), [...HEAD, 1, 3])
  assert.deepEqual(codesOf(offer(request('350101 370103 ff'))), [...HEAD, 1, 3])
})

test('who asks for nothing is told everything, who asks for the unknown nothing', () => {
  assert.deepEqual(codesOf(offer(request('350101 ff'), { hostName: ascii('guest') })), [...HEAD, 1, 28, 3, 6, 15, 119, 12, 26])
  assert.deepEqual(codesOf(offer(request('350101 370502007af5ff ff'))), HEAD)
})

test('what is asked for twice is told once', () => {
  const everything = '01031c060f1a770c'
  const codes = codesOf(offer(request(`350101 3718${everything.repeat(3)} ff`), { hostName: ascii('guest') }))
  assert.deepEqual(codes, [...HEAD, 1, 3, 28, 6, 15, 26, 119, 12])
  assert.deepEqual(codesOf(offer(request('350101 3703007700 ff'))), [...HEAD, 119])
})

test('who asks for routes is told the one there is (RFC 3442)', () => {
  assert.deepEqual(offer(request('350101 3703797906 ff')).options.slice(5), [
    [121, '000a000202'],
    [6, '0a0002030a000204'],
  ])
  // A code that shares no bit with it.
  assert.deepEqual(codesOf(offer(request('350101 37031f7977 ff'))), [...HEAD, 121, 119])
})

test('what there is not is not told', () => {
  const nothing = { mask: 0, broadcast: 0, router: 0, mtu: 0, dns: new Int32Array(0), domainName: ascii(''), domainSearch: ascii('') }
  assert.deepEqual(codesOf(offer(request('350101 ff'), nothing)), HEAD)
})

test('the client identifier comes back (RFC 6842)', () => {
  const { options: told } = offer(bytes(DHCPCD_DISCOVER))
  assert.deepEqual(told[2], [61, 'ffbeef1064000100013293eb944aadbeef1064'])
})

test('a lease is renewed after half of it, rebound after seven eighths; one for ever is neither', () => {
  const times = (lease: number): string[] =>
    offer(request('350101 ff'), { lease })
      .options.slice(2, 5)
      .map(([, value]) => value)
  assert.deepEqual(times(3600), ['00000e10', '00000708', '00000c4e'])
  assert.deepEqual(times(7), ['00000007', '00000003', '00000007'])
  assert.deepEqual(times(-2), ['fffffffe', '7fffffff', 'dfffffff'])
  assert.deepEqual(times(-1), ['ffffffff', 'ffffffff', 'ffffffff'])
})

test('an ACK to a REQUEST has the address of the client, an OFFER has not (RFC 2131, table 3)', () => {
  const renewal = bytes(UDHCPC_REQUEST)
  renewal.set(bytes('0a00022b'), 12)
  const { content, options: told } = answer(renewal, 548, (view, at, from, found) =>
    reply.write(view, at, 548, dhcpv4.ACK, from, found, GIVEN, CONFIGURATION),
  )
  assert.deepEqual(told[0], [53, '05'])
  assert.equal(Buffer.from(content.subarray(12, 24)).toString('hex'), '0a00022b0a00022b00000000')
  assert.equal(Buffer.from(offer(renewal).content.subarray(12, 24)).toString('hex'), '000000000a00022b00000000')
})

test('an ACK to an INFORM has no lease and gives no address (RFC 2131, 4.3.5)', () => {
  const inform = request('350108 37020103 ff')
  inform.set(bytes('0a000264'), 12)
  const { content, options: told } = answer(inform, 548, (view, at, from, found) =>
    reply.write(view, at, 548, dhcpv4.ACK, from, found, 0, CONFIGURATION),
  )
  assert.deepEqual(told, [
    [53, '05'],
    [54, '0a000202'],
    [1, 'ffffff00'],
    [3, '0a000202'],
  ])
  assert.equal(Buffer.from(content.subarray(12, 24)).toString('hex'), '0a0002640000000000000000')
})

test('a NAK says who says so, and nothing else', () => {
  const { content, options: told } = answer(bytes(UDHCPC_REQUEST), 548, (view, at, from, found) =>
    reply.writeNak(view, at, from, found, SERVER),
  )
  assert.deepEqual(told, [
    [53, '06'],
    [54, '0a000202'],
    [61, '014aadbeef1064'],
  ])
  assert.equal(Buffer.from(content.subarray(10, 28)).toString('hex'), '00'.repeat(18))
})

test('a NAK through a relay is to be passed on by broadcast (RFC 2131, 4.3.2)', () => {
  const relayed = bytes(UDHCPC_REQUEST)
  relayed.set(bytes('0a000207'), 24)
  const { content } = answer(relayed, 548, (view, at, from, found) => reply.writeNak(view, at, from, found, SERVER))
  assert.equal(Buffer.from(content.subarray(10, 28)).toString('hex'), `8000${'00'.repeat(12)}0a000207`)
})

test('no reply is shorter than BOOTP has it', () => {
  assert.equal(offer(request('350101 370100 ff')).content.length, 300)
  assert.ok(offer(bytes(DHCLIENT_DISCOVER)).content.length > 300)
})

test('as long as the client takes, as the link carries in one piece, and 548 bytes in any case', () => {
  const found = new Int32Array(options.COLUMNS)
  for (const [said, mtu, limit] of [
    [0, 1500, 548],
    [68, 1500, 548],
    [576, 1500, 548],
    [577, 1500, 549],
    [1472, 1500, 1444],
    [1500, 1500, 1472],
    [65_535, 1500, 1472],
    [65_535, 65_520, 65_492],
    [1500, 576, 548],
    [1500, 68, 548],
  ] as const) {
    found[options.MAX_SIZE] = said
    assert.equal(reply.limit(found, mtu), limit)
  }
})

test('what does not fit is left out, and what comes after it may fit', () => {
  const many = { dns: new Int32Array(63).fill(0x08080808), domainName: new Uint8Array(200).fill(0x61) }
  // 240 + 27 + 1 bytes, then 254 for the servers and 202 for the name.
  const asked = request('350101 3704060f011c ff')
  assert.deepEqual(codesOf(offer(asked, many)), [...HEAD, 6, 1, 28])
  assert.deepEqual(codesOf(offer(asked, many, 1000)), [...HEAD, 6, 15, 1, 28])
  assert.deepEqual(codesOf(offer(request('350101 37040f06011c ff'), many)), [...HEAD, 15, 6])
  // As many servers as there is room for.
  assert.deepEqual(offer(request('350101 37020f06 ff'), many).options.at(-1), [6, '08080808'.repeat(19)])
})

test('no more servers than one option holds', () => {
  const { options: told } = offer(request('350101 370106 ff'), { dns: new Int32Array(100).fill(7) }, 1472)
  assert.deepEqual(told.at(-1), [6, '00000007'.repeat(63)])
})

test('a list of domains that is longer than an option is split (RFC 3396)', () => {
  const domainSearch = encode(
    Array.from({ length: 40 }, (_, i) => `zone-${i}.example`),
    1000,
  )
  assert.ok(domainSearch.length > 2 * 255)
  const { options: told } = offer(request('350101 370177 ff'), { domainSearch }, 1472)
  assert.deepEqual(
    told.slice(5).map(([code, value]) => [code, value.length / 2]),
    [
      [119, 255],
      [119, 255],
      [119, domainSearch.length - 510],
    ],
  )
  const joined = told.slice(5).map(([, value]) => value)
  assert.equal(joined.join(''), Buffer.from(domainSearch).toString('hex'))
  assert.deepEqual(codesOf(offer(request('350101 370177 ff'), { domainSearch })), HEAD)
})

test('the longest client identifier leaves room for all that must be told', () => {
  const longest = request(`350101 3dff${'ab'.repeat(255)} ff`)
  assert.deepEqual(codesOf(offer(longest)).slice(0, 6), [53, 54, 61, 51, 58, 59])
})

test('no list, no configuration and no limit makes a reply too long', () => {
  const value = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(1, 3, 6, 12, 15, 26, 28, 119, 121), fc.nat({ max: 255 })), { maxLength: 255 }),
      value(255),
      fc.record({ hostName: value(255), domainName: value(255), domainSearch: value(700), dns: fc.int32Array({ maxLength: 80 }) }),
      fc.integer({ min: 548, max: 1472 }),
      (asked, client, configuration, limit) => {
        const list = [55, asked.length, ...asked]
        const whole = Uint8Array.from([...request('350101'), 61, client.length, ...client, ...list, 255])
        const found = offer(whole, configuration, limit)
        const codes = codesOf(found)
        const told = new Set(codes)
        for (const code of told) assert.ok(code === 119 || codes.indexOf(code) === codes.lastIndexOf(code))
        if (told.has(3)) assert.ok(codes.indexOf(1) < codes.indexOf(3))
      },
    ),
    { numRuns: 500 },
  )
})
