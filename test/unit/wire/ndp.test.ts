import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as address from '../../../src/wire/address.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as icmpv6 from '../../../src/wire/icmpv6.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import * as ndp from '../../../src/wire/ndp.js'
import * as options from '../../../src/wire/ndp-options.js'
import { PROTOCOL_ICMPV6 } from '../../../src/wire/numbers.js'
import { forEachSeed } from '../../support/random.js'
import { assertBytes, bytes, frame, JUNK, viewOf, written } from './captured.js'
import { DAD6, ECHO6, NEIGHBOR_ADVERTISEMENT6, NEIGHBOR_SOLICITATION6, ROUTER_ADVERTISEMENT6, ROUTER_SOLICITATION6 } from './captured6.js'

const IP = JUNK + 14
const AT = IP + 40
const GUEST_MAC = { high: 0x4aad, low: 0xbeef1064 | 0 }
const ROUTER: address.Words = [0xfd000000 | 0, 0, 0, 2]

const UNSPECIFIED = '::'
const LINK_LOCAL = 'fe80::48ad:beff:feef:1064'
const GLOBAL = 'fd00::100'
const ALL_ROUTERS = 'ff02::2'
const SOLICITED = 'ff02::1:ff00:2'

const SOURCE_LINK = '0101 4aadbeef1064'
const TARGET_LINK = '0201 4aadbeef1064'

function hexOf(text: string): string {
  return address
    .parse6(text)!
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('')
}

/** A packet: what `isValid` says of it. */
function isValid(source: string, destination: string, message: string, hopLimit = 255): boolean {
  const body = bytes(message)
  const header = `60000000 ${body.length.toString(16).padStart(4, '0')} 3a ${hopLimit.toString(16).padStart(2, '0')}`
  const view = viewOf(bytes(`${header} ${hexOf(source)} ${hexOf(destination)} ${message}`))
  return ndp.isValid(view, JUNK, JUNK + 40, body.length, new Int32Array(options.COLUMNS).fill(0x5a5a5a5a))
}

const solicitation = (target: string, rest = ''): string => `8700000000000000 ${hexOf(target)} ${rest}`
const advertisement = (target: string, flags: string, rest = ''): string => `88000000 ${flags}000000 ${hexOf(target)} ${rest}`
const redirect = (target: string, about: string, rest = ''): string => `8900000000000000 ${hexOf(target)} ${hexOf(about)} ${rest}`

test('captured messages are valid, their checksums right; an echo is none of them', () => {
  const found = new Int32Array(options.COLUMNS)
  for (const hex of [DAD6, NEIGHBOR_ADVERTISEMENT6, NEIGHBOR_SOLICITATION6, ROUTER_ADVERTISEMENT6, ROUTER_SOLICITATION6]) {
    const view = frame(hex)
    const length = ipv6.payloadLength(view, IP)
    assert.equal(ndp.isValid(view, IP, AT, length, found), true)
    const pseudo = checksum.pseudoHeader6(view, IP, PROTOCOL_ICMPV6, length)
    assert.equal(icmpv6.checksumIsRight(view, AT, length, pseudo), true)
  }
  assert.equal(ndp.isValid(frame(ECHO6), IP, AT, 32, found), false)
})

test('reads a captured solicitation and its answer', () => {
  const found = new Int32Array(options.COLUMNS)
  const asked = frame(NEIGHBOR_SOLICITATION6)
  assert.equal(ndp.isValid(asked, IP, AT, 32, found), true)
  assert.equal(icmpv6.type(asked, AT), ndp.NEIGHBOR_SOLICITATION)
  assert.deepEqual(
    [0, 1, 2, 3].map((word) => ndp.target(asked, AT, word)),
    [...ROUTER],
  )
  assert.deepEqual([...found.subarray(options.HAS_SOURCE_LINK, 4)], [1, GUEST_MAC.high, GUEST_MAC.low, 0])

  const answer = frame(NEIGHBOR_ADVERTISEMENT6)
  assert.equal(ndp.isValid(answer, IP, AT, 32, found), true)
  assert.equal(ndp.neighborFlags(answer, AT), ndp.ROUTER | ndp.SOLICITED | ndp.OVERRIDE)
  assert.equal(ndp.target(answer, AT, 3), 2)
  assert.equal(found[options.HAS_SOURCE_LINK], 0)
  assert.deepEqual([...found.subarray(options.HAS_TARGET_LINK, 6)], [1, 0x5255, 0x0a000202])
})

test('reads a captured router advertisement', () => {
  const view = frame(ROUTER_ADVERTISEMENT6)
  assert.equal(ndp.isValid(view, IP, AT, 144, new Int32Array(options.COLUMNS)), true)
  assert.equal(ndp.routerHopLimit(view, AT), 64)
  assert.equal(ndp.routerFlags(view, AT), ndp.OTHER_CONFIGURATION)
  assert.equal(ndp.routerLifetime(view, AT), 1800)
  assert.equal(ndp.reachableTime(view, AT), 0)
  assert.equal(ndp.retransTimer(view, AT), 0)
})

test('writes captured messages byte for byte', () => {
  const complete = (view: DataView, at: number, length: number, hex: string): void => {
    icmpv6.setChecksum(view, at, length, checksum.pseudoHeader6(frame(hex), IP, PROTOCOL_ICMPV6, length))
  }
  const asked = written(32, (view, at) => {
    ndp.writeNeighborSolicitation(view, at, ...ROUTER)
    options.writeSourceLinkAddress(view, at + ndp.NEIGHBOR_LENGTH, GUEST_MAC.high, GUEST_MAC.low)
    complete(view, at, 32, NEIGHBOR_SOLICITATION6)
  })
  assertBytes(asked, bytes(NEIGHBOR_SOLICITATION6).subarray(54))
  const answer = written(32, (view, at) => {
    ndp.writeNeighborAdvertisement(view, at, ndp.ROUTER | ndp.SOLICITED | ndp.OVERRIDE, ...ROUTER)
    options.writeTargetLinkAddress(view, at + ndp.NEIGHBOR_LENGTH, 0x5255, 0x0a000202)
    complete(view, at, 32, NEIGHBOR_ADVERTISEMENT6)
  })
  assertBytes(answer, bytes(NEIGHBOR_ADVERTISEMENT6).subarray(54))
  const solicitation = written(16, (view, at) => {
    ndp.writeRouterSolicitation(view, at)
    options.writeSourceLinkAddress(view, at + ndp.ROUTER_SOLICITATION_LENGTH, GUEST_MAC.high, GUEST_MAC.low)
    complete(view, at, 16, ROUTER_SOLICITATION6)
  })
  assertBytes(solicitation, bytes(ROUTER_SOLICITATION6).subarray(54))
})

test('what is written into a router advertisement is read', () => {
  const head = written(ndp.ROUTER_ADVERTISEMENT_LENGTH, (view, at) =>
    ndp.writeRouterAdvertisement(view, at, 64, ndp.MANAGED | ndp.OTHER_CONFIGURATION, 9_000, -2, 0x7fffffff),
  )
  assertBytes(head, bytes('86000000 40c02328 fffffffe 7fffffff'))
  const view = viewOf(head)
  assert.equal(ndp.routerHopLimit(view, JUNK), 64)
  assert.equal(ndp.routerFlags(view, JUNK), 0xc0)
  assert.equal(ndp.routerLifetime(view, JUNK), 9_000)
  assert.equal(ndp.reachableTime(view, JUNK), -2)
  assert.equal(ndp.retransTimer(view, JUNK), 0x7fffffff)
})

/** A valid message of each type: source, destination, message, bytes before its options. */
const VALID = [
  [LINK_LOCAL, ALL_ROUTERS, `8500000000000000 ${SOURCE_LINK}`, 8],
  [LINK_LOCAL, 'ff02::1', `8600000040000708 0000000000000000 ${SOURCE_LINK}`, 16],
  [GLOBAL, SOLICITED, solicitation('fd00::2', SOURCE_LINK), 24],
  [GLOBAL, LINK_LOCAL, advertisement('fd00::2', '60', TARGET_LINK), 24],
  [LINK_LOCAL, GLOBAL, redirect('fe80::3', '2001:db8::1', TARGET_LINK), 40],
] as const

test('a message that a router may have passed on is refused: hop limit 255', () => {
  for (const [source, destination, message] of VALID) {
    assert.equal(isValid(source, destination, message), true, message)
    for (const hopLimit of [0, 1, 64, 254]) assert.equal(isValid(source, destination, message, hopLimit), false, message)
  }
})

test('a message with a code is refused', () => {
  for (const [source, destination, message] of VALID) {
    for (const code of ['01', '80', 'ff']) assert.equal(isValid(source, destination, message.slice(0, 2) + code + message.slice(4)), false)
  }
})

test('a message cut anywhere but between its options is refused', () => {
  for (const [source, destination, message, head] of VALID) {
    const whole = message.replace(/\s+/g, '')
    for (let length = 0; length <= whole.length / 2; length++) {
      const possible = length === head || length === head + 8
      assert.equal(isValid(source, destination, whole.slice(0, 2 * length)), possible, `${length} bytes of ${message}`)
    }
  }
})

test('an option without a length, or past the end, makes the message worthless', () => {
  for (const [source, destination, message] of VALID) {
    for (const option of ['0100000000000000', '0300000000000000', 'fd00000000000000', '0102000000000000', 'fdff000000000000']) {
      assert.equal(isValid(source, destination, `${message} ${option}`), false, option)
    }
    assert.equal(isValid(source, destination, `${message} fd01000000000000 fd02000000000000 0000000000000000`), true)
  }
})

test('who has no address has no link-layer address either (RFC 4861, 6.1.1, 7.1.1)', () => {
  assert.equal(isValid(UNSPECIFIED, ALL_ROUTERS, '8500000000000000'), true)
  assert.equal(isValid(UNSPECIFIED, ALL_ROUTERS, `8500000000000000 ${SOURCE_LINK}`), false)
  assert.equal(isValid(UNSPECIFIED, SOLICITED, solicitation('fd00::2')), true)
  assert.equal(isValid(UNSPECIFIED, SOLICITED, solicitation('fd00::2', '0e01000000000000')), true)
  assert.equal(isValid(UNSPECIFIED, SOLICITED, solicitation('fd00::2', SOURCE_LINK)), false)
})

test('who has no address asks a solicited-node group (RFC 4861, 7.1.1)', () => {
  for (const destination of ['fd00::2', 'ff02::1', 'ff02::2', 'ff02::1:fe00:2', 'ff02::ff00:2', 'ff05::1:ff00:2', 'ff02::1:1:ff00:2']) {
    assert.equal(isValid(UNSPECIFIED, destination, solicitation('fd00::2')), false, destination)
    assert.equal(isValid(GLOBAL, destination, solicitation('fd00::2')), true, destination)
  }
})

test('no group is asked for or told about', () => {
  for (const target of ['ff02::1', 'ff00::', 'ffff::']) {
    assert.equal(isValid(GLOBAL, SOLICITED, solicitation(target)), false, target)
    assert.equal(isValid(GLOBAL, LINK_LOCAL, advertisement(target, '60')), false, target)
    assert.equal(isValid(LINK_LOCAL, GLOBAL, redirect('fe80::3', target)), false, target)
  }
})

test('an advertisement to a group answers nobody (RFC 4861, 7.1.2)', () => {
  assert.equal(isValid(GLOBAL, 'ff02::1', advertisement('fd00::2', '20', TARGET_LINK)), true)
  assert.equal(isValid(GLOBAL, 'ff02::1', advertisement('fd00::2', 'a0', TARGET_LINK)), true)
  assert.equal(isValid(GLOBAL, 'ff02::1', advertisement('fd00::2', '60', TARGET_LINK)), false)
})

test('routers speak from their link-local address (RFC 4861, 6.1.2, 8.1)', () => {
  for (const source of [GLOBAL, UNSPECIFIED, 'fec0::1', '2001:db8::1']) {
    assert.equal(isValid(source, 'ff02::1', '8600000040000708 0000000000000000'), false, source)
    assert.equal(isValid(source, GLOBAL, redirect('fe80::3', '2001:db8::1')), false, source)
  }
})

test('a redirect names a router by its link-local address, or the destination as a neighbor (RFC 4861, 8.1)', () => {
  assert.equal(isValid(LINK_LOCAL, GLOBAL, redirect('2001:db8::1', '2001:db8::1')), true)
  assert.equal(isValid(LINK_LOCAL, GLOBAL, redirect('2001:db8::2', '2001:db8::1')), false)
  assert.equal(isValid(LINK_LOCAL, GLOBAL, redirect('2001:db9::1', '2001:db8::1')), false)
})

test('the solicited-node group of RFC 4291, 2.7.1', () => {
  const [, , , low] = address.parse6('4037::1:800:200e:8c6c')!
  const group = [ndp.SOLICITED_NODE_0, ndp.SOLICITED_NODE_1, ndp.SOLICITED_NODE_2, ndp.solicitedNode(low)] as const
  assert.equal(address.format6(...group), 'ff02::1:ff0e:8c6c')
  fc.assert(
    fc.property(fc.integer({ min: -0x80000000, max: 0x7fffffff }), (word) => {
      const last = ndp.solicitedNode(word)
      assert.equal(ndp.isSolicitedNode(ndp.SOLICITED_NODE_0, ndp.SOLICITED_NODE_1, ndp.SOLICITED_NODE_2, last), true)
      assert.equal(last & 0xffffff, word & 0xffffff)
      assert.equal(ndp.solicitedNode(last), last)
    }),
  )
})

test('no message leads out of its packet', () => {
  const found = new Int32Array(options.COLUMNS)
  let valid = 0
  forEachSeed('../unit/wire/ndp.test', 20_000, (random) => {
    const [source, destination, message] = random.pick(VALID)
    const parts = [...bytes(message)]
    for (let count = random.below(4); count > 0; count--) {
      const units = random.pick([0, 1, 1, 1, 2, 3, 4, 5, random.below(256)])
      parts.push(random.pick([1, 2, 3, 4, 5, 25, 31, random.below(256)]), units)
      const length = random.chance(90) ? Math.max(0, 8 * units - 2) : random.below(40)
      for (let i = 0; i < length; i++) parts.push(random.below(256))
    }
    const body = Uint8Array.from(parts.slice(0, random.chance(20) ? random.below(parts.length + 1) : parts.length))
    if (random.chance(10) && body.length > 0) body[random.below(body.length)] = random.below(256)
    const packet = `6000000000003aff ${hexOf(source)} ${hexOf(destination)} ${Buffer.from(body).toString('hex')}`
    const view = viewOf(bytes(packet))
    if (!ndp.isValid(view, JUNK, JUNK + 40, body.length, found)) return
    valid++
    const at = JUNK + 40
    // Every reader of what was found; one that reads past the end throws.
    for (let word = 0; word < 4 && icmpv6.type(view, at) >= ndp.NEIGHBOR_SOLICITATION; word++) ndp.target(view, at, word)
    if (icmpv6.type(view, at) === ndp.REDIRECT) ndp.redirected(view, at, 3)
    const prefix = found[options.PREFIX_AT]!
    if (prefix !== 0) options.prefix(view, at + prefix, 3)
    const servers = found[options.RDNSS_AT]!
    const count = servers === 0 ? 0 : options.serverCount(view, at + servers)
    for (let i = 0; i < count; i++) options.server(view, at + servers, i, 3)
    const names = found[options.DNSSL_AT]!
    if (names !== 0) view.getUint8(at + names + 8 + options.namesLength(view, at + names) - 1)
  })
  assert.ok(process.env['NETLOOM_RUNS'] !== undefined || valid > 1_000, `${valid} were valid`)
})
