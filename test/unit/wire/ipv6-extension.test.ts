import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmpv6 from '../../../src/wire/icmpv6.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import * as extension from '../../../src/wire/ipv6-extension.js'
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { forEachSeed, type Random } from '../../support/random.js'
import { assertBytes, bytes, JUNK, viewOf, written } from './captured.js'
import {
  FIRST_FRAGMENT6,
  LAST_FRAGMENT6,
  MULTICAST_REPORT,
  OPTION_PROBLEM6,
  UDP6,
  UDP6_BEHIND_OPTIONS,
  UDP6_UNKNOWN_OPTION,
  UNKNOWN_PROTOCOL6,
} from './captured6.js'

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const NOTHING = 59
const OPTIONS = 60
const UNICAST = 'fd000000000000000000000000000002'
const MULTICAST = 'ff020000000000000000000000000001'

/** A UDP header and one byte. */
const UDP = '03e8270f00090000 61'
/** PadN of 4 bytes. */
const PADDING = '010400000000'
const PROBLEM = 'problem'

/** A packet: `first` names the headers that follow. */
function packet(first: number, rest: string, destination = UNICAST): Uint8Array {
  const body = bytes(rest)
  const header = bytes(`60000000 0000 00 40 fd000000000000000000000000000100 ${destination}`)
  const whole = new Uint8Array(40 + body.length)
  whole.set(header)
  whole.set(body, 40)
  const view = new DataView(whole.buffer)
  view.setUint16(4, body.length)
  view.setUint8(6, first)
  return whole
}

/** How the walk ends, in words; columns are full of what the packet before may have left. */
function walk(content: Uint8Array): unknown[] {
  const view = viewOf(content)
  assert.equal(ipv6.isValid(view, JUNK, content.length), true)
  const found = new Int32Array(extension.COLUMNS).fill(0x5a5a5a5a)
  const end = extension.walk(view, JUNK, found)
  const [protocol, offset, named, fragment] = [
    found[extension.PROTOCOL],
    found[extension.OFFSET],
    found[extension.NAMED_AT],
    found[extension.FRAGMENT],
  ]
  switch (end) {
    case extension.UPPER:
      return ['upper', protocol, offset, named, fragment]
    case extension.FRAGMENTED:
      return ['fragmented', protocol, offset, named, fragment]
    case extension.PROBLEM:
      return [PROBLEM, found[extension.PROBLEM_CODE], found[extension.PROBLEM_POINTER]]
    default:
      assert.equal(end, extension.DISCARD)
      return ['discard']
  }
}

const captured = (hex: string): Uint8Array => bytes(hex).subarray(14)

test('captured packets', () => {
  assert.deepEqual(walk(captured(UDP6)), ['upper', PROTOCOL_UDP, 40, 6, 0])
  assert.deepEqual(walk(captured(UDP6_BEHIND_OPTIONS)), ['upper', PROTOCOL_UDP, 56, 48, 0])
  assert.deepEqual(walk(captured(MULTICAST_REPORT)), ['upper', PROTOCOL_ICMPV6, 48, 40, 0])
  assert.deepEqual(walk(captured(LAST_FRAGMENT6)), ['fragmented', PROTOCOL_ICMPV6, 48, 6, 40])
  assert.deepEqual(walk(captured(FIRST_FRAGMENT6)), ['fragmented', PROTOCOL_ICMPV6, 48, 6, 40])
})

test('finds what Linux found, and where', () => {
  // The pointer of the captured answer.
  assert.deepEqual(walk(captured(UDP6_UNKNOWN_OPTION)), [PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 42])
  assert.equal(icmpv6.pointer(viewOf(captured(OPTION_PROBLEM6)), JUNK + 40), 42)
  assert.deepEqual(walk(captured(UNKNOWN_PROTOCOL6)), ['upper', 200, 40, 6, 0])
})

test('reads and writes the fragment header of the captured piece', () => {
  const view = viewOf(captured(LAST_FRAGMENT6))
  const at = JUNK + 40
  assert.equal(extension.fragmentNextHeader(view, at), PROTOCOL_ICMPV6)
  assert.equal(extension.fragmentOffset(view, at), 2896)
  assert.equal(extension.moreFragments(view, at), false)
  assert.equal(extension.identification(view, at), 0x2a6f6c91)
  assert.equal(extension.moreFragments(viewOf(captured(FIRST_FRAGMENT6)), at), true)
  const last = written(8, (to, i) => extension.writeFragment(to, i, PROTOCOL_ICMPV6, 2896, 0, 0x2a6f6c91))
  assertBytes(last, captured(LAST_FRAGMENT6).subarray(40, 48))
  const first = written(8, (to, i) => extension.writeFragment(to, i, PROTOCOL_ICMPV6, 0, 1, 0x2a6f6c91))
  assertBytes(first, captured(FIRST_FRAGMENT6).subarray(40, 48))
  const far = written(8, (to, i) => extension.writeFragment(to, i, 255, 65_528, 1, -1))
  assertBytes(far, bytes('ff00fff9ffffffff'))
})

test('headers in any order and more than once, whatever their length', () => {
  assert.deepEqual(walk(packet(OPTIONS, `3c00${PADDING} 1100${PADDING} ${UDP}`)), ['upper', PROTOCOL_UDP, 56, 48, 0])
  assert.deepEqual(walk(packet(ROUTING, `3c00 0200 00000000 1100${PADDING} ${UDP}`)), ['upper', PROTOCOL_UDP, 56, 48, 0])
  const long = `1101 010c ${'00'.repeat(12)}`
  assert.deepEqual(walk(packet(HOP_BY_HOP, `${long} ${UDP}`)), ['upper', PROTOCOL_UDP, 56, 40, 0])
  const longest = `06ff ${'01ff'.padEnd(514, '00').repeat(7)} ${'00'.repeat(2046 - 7 * 257)}`
  assert.deepEqual(walk(packet(OPTIONS, `${longest} ${UDP}`)), ['upper', PROTOCOL_TCP, 2088, 40, 0])
  // Nothing behind the last one: that is for the upper layer to say.
  assert.deepEqual(walk(packet(OPTIONS, `1100${PADDING}`)), ['upper', PROTOCOL_UDP, 48, 40, 0])
  assert.deepEqual(walk(packet(PROTOCOL_UDP, '')), ['upper', PROTOCOL_UDP, 40, 6, 0])
})

test('no next header: whatever follows is ignored (RFC 8200, 4.7)', () => {
  assert.deepEqual(walk(packet(NOTHING, '')), ['discard'])
  assert.deepEqual(walk(packet(NOTHING, UDP)), ['discard'])
  assert.deepEqual(walk(packet(OPTIONS, `3b00${PADDING} ${UDP}`)), ['discard'])
})

test('authentication, encryption and what nobody knows is left to be told about', () => {
  for (const next of [50, 51, 135, 139, 140, 253, 255]) {
    const header = next.toString(16).padStart(2, '0')
    assert.deepEqual(walk(packet(OPTIONS, `${header}00${PADDING} ${UDP}`)), ['upper', next, 48, 40, 0])
  }
})

test('hop-by-hop options anywhere but first are unknown (RFC 8200, 4)', () => {
  assert.deepEqual(walk(packet(OPTIONS, `0000${PADDING} 1100${PADDING} ${UDP}`)), [PROBLEM, icmpv6.UNRECOGNIZED_NEXT_HEADER, 40])
  assert.deepEqual(walk(packet(HOP_BY_HOP, `0000${PADDING} 1100${PADDING} ${UDP}`)), [PROBLEM, icmpv6.UNRECOGNIZED_NEXT_HEADER, 40])
})

test('the two top bits of an unknown option say what becomes of the packet (RFC 8200, 4.2)', () => {
  for (const next of [HOP_BY_HOP, OPTIONS]) {
    for (let type = 2; type < 256; type++) {
      const option = `010000 ${type.toString(16).padStart(2, '0')} 0100`
      const told = [PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 45]
      const skipped = ['upper', PROTOCOL_UDP, 48, 40, 0]
      const unicast = [skipped, ['discard'], told, told][type >> 6]
      const multicast = [skipped, ['discard'], told, ['discard']][type >> 6]
      assert.deepEqual(walk(packet(next, `1100${option} ${UDP}`)), unicast, `option ${type}`)
      assert.deepEqual(walk(packet(next, `1100${option} ${UDP}`, MULTICAST)), multicast, `option ${type} to a group`)
    }
  }
})

test('options come in their order: the first that matters decides', () => {
  assert.deepEqual(walk(packet(OPTIONS, `1100 4000 8000 0000 ${UDP}`)), ['discard'])
  assert.deepEqual(walk(packet(OPTIONS, `1100 8000 4000 0000 ${UDP}`)), [PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 42])
  assert.deepEqual(walk(packet(OPTIONS, `1100 0000 00c0 0000 ${UDP}`)), [PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 45])
})

test('an option that goes past its header (RFC 4443, 3.4)', () => {
  assert.deepEqual(walk(packet(OPTIONS, `1100 0105 00000000 ${UDP}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 43])
  assert.deepEqual(walk(packet(OPTIONS, `1100 01ff 00000000 ${UDP}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 43])
  // Its length is already behind the end.
  assert.deepEqual(walk(packet(OPTIONS, `1100 0103 000000 01 ${UDP}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 47])
  assert.deepEqual(walk(packet(OPTIONS, `1100 0105 00000000 ${UDP}`, MULTICAST)), ['discard'])
})

test('a header that goes past its packet', () => {
  for (const next of [HOP_BY_HOP, OPTIONS, ROUTING]) {
    for (let length = 0; length < 8; length++) assert.deepEqual(walk(packet(next, '1100000000000000'.slice(0, 2 * length))), ['discard'])
    assert.deepEqual(walk(packet(next, '1101000000000000')), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 41])
    assert.deepEqual(walk(packet(next, `11ff0000000000${'00'.repeat(2040)}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 41])
  }
  for (let length = 0; length < 8; length++) assert.deepEqual(walk(packet(FRAGMENT, '1100000100000001'.slice(0, 2 * length))), ['discard'])
})

test('a packet that is to be routed on is refused, one whose list is used up is not (RFC 8200, 4.4; RFC 5095)', () => {
  for (const type of ['00', '02', '03', '04', 'fd']) {
    assert.deepEqual(walk(packet(ROUTING, `1100${type}00 00000000 ${UDP}`)), ['upper', PROTOCOL_UDP, 48, 40, 0])
    assert.deepEqual(walk(packet(ROUTING, `1102${type}01 00000000 ${UNICAST} ${UDP}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 42])
    assert.deepEqual(walk(packet(ROUTING, `1102${type}01 00000000 ${UNICAST} ${UDP}`, MULTICAST)), ['discard'])
  }
})

test('an atomic fragment is a whole packet, and says that it was one (RFC 6946)', () => {
  assert.deepEqual(walk(packet(FRAGMENT, `11000000 00000007 ${UDP}`)), ['upper', PROTOCOL_UDP, 48, 40, 40])
  // Its reserved bits mean nothing, nor does it matter what follows.
  assert.deepEqual(walk(packet(FRAGMENT, `11ff0006 00000007 ${UDP}`)), ['upper', PROTOCOL_UDP, 48, 40, 40])
  assert.deepEqual(walk(packet(FRAGMENT, `3c000000 00000007 1100${PADDING} ${UDP}`)), ['upper', PROTOCOL_UDP, 56, 48, 40])
  assert.deepEqual(walk(packet(OPTIONS, `2c00${PADDING} 11000000 00000007 ${UDP}`)), ['upper', PROTOCOL_UDP, 56, 48, 48])
})

test('a packet fragmented twice is dropped', () => {
  assert.deepEqual(walk(packet(FRAGMENT, `2c000000 00000007 11000000 00000008 ${UDP}`)), ['discard'])
  assert.deepEqual(walk(packet(FRAGMENT, `2c000000 00000007 11000001 00000008 ${UDP}`)), ['discard'])
})

test('a piece: what is in front of its fragment header, and where the field is that names that', () => {
  assert.deepEqual(walk(packet(FRAGMENT, `11000008 00000007 ${UDP}`)), ['fragmented', PROTOCOL_UDP, 48, 6, 40])
  assert.deepEqual(walk(packet(HOP_BY_HOP, `2c00${PADDING} 11000008 00000007 ${UDP}`)), ['fragmented', PROTOCOL_UDP, 56, 40, 48])
  // Options behind the fragment header are looked at when the packet is whole.
  assert.deepEqual(walk(packet(FRAGMENT, `3c000001 00000007 1100 c000 c000 0000 ${UDP.slice(0, -3)}`)), ['fragmented', OPTIONS, 48, 6, 40])
  // What a later piece begins with may look like anything.
  assert.deepEqual(walk(packet(FRAGMENT, '00000011 00000007 ffffffffffffffff')), ['fragmented', HOP_BY_HOP, 48, 6, 40])
})

test('a piece that is not the last has a length that is a multiple of 8 (RFC 8200, 4.5)', () => {
  for (let length = 1; length <= 24; length++) {
    const data = 'ab'.repeat(length)
    const problem = [PROBLEM, icmpv6.ERRONEOUS_HEADER, 4]
    const piece = ['fragmented', PROTOCOL_UDP, 48, 6, 40]
    assert.deepEqual(walk(packet(FRAGMENT, `11000011 00000007 ${data}`)), length % 8 === 0 ? piece : problem, `${length} bytes`)
    assert.deepEqual(walk(packet(FRAGMENT, `11000010 00000007 ${data}`)), piece, `last, ${length} bytes`)
  }
  assert.deepEqual(walk(packet(FRAGMENT, '11000011 00000007 abab', MULTICAST)), ['discard'])
})

test('a piece of nothing is dropped', () => {
  assert.deepEqual(walk(packet(FRAGMENT, '11000010 00000007')), ['discard'])
  assert.deepEqual(walk(packet(FRAGMENT, '11000011 00000007')), ['discard'])
  assert.deepEqual(walk(packet(FRAGMENT, '11000001 00000007')), ['discard'])
})

test('no packet becomes longer than 65,535 bytes of payload (RFC 8200, 4.5)', () => {
  assert.deepEqual(walk(packet(FRAGMENT, `1100fff8 00000007 ${'ab'.repeat(7)}`)), ['fragmented', PROTOCOL_UDP, 48, 6, 40])
  assert.deepEqual(walk(packet(FRAGMENT, `1100fff8 00000007 ${'ab'.repeat(8)}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 42])
  // Headers in front of the fragment header count.
  const behind = `2c00${PADDING} 1100fff0 00000007`
  assert.deepEqual(walk(packet(OPTIONS, `${behind} ${'ab'.repeat(7)}`)), ['fragmented', PROTOCOL_UDP, 56, 40, 48])
  assert.deepEqual(walk(packet(OPTIONS, `${behind} ${'ab'.repeat(8)}`)), [PROBLEM, icmpv6.ERRONEOUS_HEADER, 50])
})

test('the first piece has all headers (RFC 7112)', () => {
  const first = (next: string, data: string, destination = UNICAST): unknown[] =>
    walk(packet(FRAGMENT, `${next}000001 00000007 ${data}`, destination))
  const incomplete = [PROBLEM, icmpv6.INCOMPLETE_HEADER_CHAIN, 0]
  assert.deepEqual(first('06', '00'.repeat(16)), incomplete)
  assert.deepEqual(first('06', '00'.repeat(24))[0], 'fragmented')
  assert.deepEqual(first('11', '00'.repeat(8))[0], 'fragmented')
  assert.deepEqual(first('3a', '80'.padEnd(16, '0'))[0], 'fragmented')
  assert.deepEqual(first('c8', '00'.repeat(8))[0], 'fragmented')
  assert.deepEqual(first('3b', '00'.repeat(8))[0], 'fragmented')
  assert.deepEqual(first('3c', `1100${PADDING}`), incomplete)
  assert.deepEqual(first('3c', `1101${PADDING}`), incomplete)
  assert.deepEqual(first('3c', `3b00${PADDING}`)[0], 'fragmented')
  assert.deepEqual(first('3c', `0600${PADDING} ${'00'.repeat(16)}`), incomplete)
  assert.deepEqual(first('3c', `c800${PADDING}`), incomplete)
  assert.deepEqual(first('3c', `1100${PADDING}`, MULTICAST), ['discard'])
})

test('nothing is told about an error or a redirect, whatever lies in front of it (RFC 4443, 2.4)', () => {
  for (const [type, told] of [
    ['01', false],
    ['7f', false],
    ['80', true],
    ['89', false],
    ['88', true],
  ] as const) {
    const message = `${type}00000000000000`
    const option = told ? [PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 42] : ['discard']
    assert.deepEqual(walk(packet(OPTIONS, `3a00 8000 0000 0000 ${message}`)), option)
    assert.deepEqual(walk(packet(HOP_BY_HOP, `3c00 8000 0000 0000 3a00${PADDING} ${message}`)), option)
    assert.deepEqual(walk(packet(HOP_BY_HOP, `2c00 8000 0000 0000 3a000001 00000007 ${message}`)), option)
    const routing = told ? [PROBLEM, icmpv6.ERRONEOUS_HEADER, 42] : ['discard']
    assert.deepEqual(walk(packet(ROUTING, `3a02 0001 00000000 ${UNICAST} ${message}`)), routing)
  }
  // Behind the header of a later piece there is data, not a header.
  assert.deepEqual(walk(packet(HOP_BY_HOP, '2c00 8000 0000 0000 3a000011 00000007 0100000000000000')), [
    PROBLEM,
    icmpv6.UNRECOGNIZED_OPTION,
    42,
  ])
})

test('a chain of more than eight headers is dropped', () => {
  const chain = (count: number): string => `${`3c00${PADDING}`.repeat(count - 1)} 1100${PADDING} ${UDP}`
  assert.deepEqual(walk(packet(OPTIONS, chain(extension.MAX_HEADERS)))[0], 'upper')
  assert.deepEqual(walk(packet(OPTIONS, chain(extension.MAX_HEADERS + 1))), ['discard'])
  assert.deepEqual(walk(packet(OPTIONS, chain(8_000))), ['discard'])
})

/** Headers that mean something, with lengths, options and next headers that may not. */
function chainOf(random: Random): Uint8Array {
  const parts: number[] = []
  const first = random.pick([HOP_BY_HOP, OPTIONS, ROUTING, FRAGMENT])
  for (let count = random.below(6); count > 0; count--) {
    const units = random.pick([0, 0, 0, 1, 2, random.below(256)])
    const next = random.pick([HOP_BY_HOP, OPTIONS, ROUTING, FRAGMENT, FRAGMENT, NOTHING, 6, 17, 58, random.below(256)])
    parts.push(next, units)
    const length = 6 + 8 * (random.chance(80) ? units : random.below(4))
    for (let i = 0; i < length; i++) parts.push(random.pick([0, 0, 1, 1, 2, 4, 5, 0x40, 0x80, 0xc2, random.below(256)]))
  }
  const cut = random.chance(30) ? random.below(parts.length + 1) : parts.length
  const content = packet(first, Buffer.from(parts.slice(0, cut)).toString('hex'), random.chance(20) ? MULTICAST : UNICAST)
  if (random.chance(10)) content[random.below(content.length)] = random.below(256)
  return content
}

test('no chain leads out of its packet', () => {
  const found = new Int32Array(extension.COLUMNS)
  const seen = new Set<number>()
  forEachSeed('../unit/wire/ipv6-extension.test', 20_000, (random) => {
    const content = chainOf(random)
    const view = viewOf(content)
    if (!ipv6.isValid(view, JUNK, content.length)) return
    const length = 40 + ipv6.payloadLength(view, JUNK)
    // The view ends with the packet: what reads past it throws.
    const end = extension.walk(new DataView(view.buffer, 0, JUNK + length), JUNK, found)
    seen.add(end)
    if (end === extension.DISCARD) return
    assert.ok(found[extension.OFFSET]! >= 40 && found[extension.OFFSET]! <= length)
    if (end === extension.PROBLEM) assert.ok(found[extension.PROBLEM_POINTER]! < length)
    if (end === extension.FRAGMENTED) assert.ok(found[extension.FRAGMENT]! + 8 === found[extension.OFFSET]!)
    if (end !== extension.PROBLEM)
      assert.equal(view.getUint8(JUNK + found[extension.NAMED_AT]!), end === extension.UPPER ? found[extension.PROTOCOL] : FRAGMENT)
  })
  assert.equal(process.env['NETLOOM_RUNS'] !== undefined || seen.size === 4, true)
})
