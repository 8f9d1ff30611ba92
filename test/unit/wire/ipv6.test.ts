import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as address from '../../../src/wire/address.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { assertBytes, assertRefusesTruncation, bytes, frame, JUNK, viewOf, written } from './captured.js'
import { ECHO6, UDP6 } from './captured6.js'

const AT = JUNK + 14
const GUEST: address.Words = [0xfd000000 | 0, 0, 0x48adbeff, 0xfeef1064 | 0]
const ROUTER: address.Words = [0xfd000000 | 0, 0, 0, 2]

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
const words = fc.tuple(word, word, word, word)

function wordsOf(read: (view: DataView, at: number, word: number) => number, view: DataView, at: number): number[] {
  return [0, 1, 2, 3].map((i) => read(view, at, i))
}

test('reads a captured header', () => {
  const view = frame(ECHO6)
  assert.equal(ipv6.isValid(view, AT, 72), true)
  assert.equal(ipv6.version(view, AT), 6)
  assert.equal(ipv6.trafficClass(view, AT), 0xb8)
  assert.equal(ipv6.flowLabel(view, AT), 0xabcde)
  assert.equal(ipv6.payloadLength(view, AT), 32)
  assert.equal(ipv6.nextHeader(view, AT), PROTOCOL_ICMPV6)
  assert.equal(ipv6.hopLimit(view, AT), 64)
  assert.deepEqual(wordsOf(ipv6.source, view, AT), [...GUEST])
  assert.deepEqual(wordsOf(ipv6.destination, view, AT), [...ROUTER])
})

test('writes captured headers byte for byte', () => {
  const echo = written(40, (view, at) => ipv6.write(view, at, 32, PROTOCOL_ICMPV6, 64, 0xb8, 0xabcde, ...GUEST, ...ROUTER))
  assertBytes(echo, bytes(ECHO6).subarray(14, 54))
  const datagram = written(40, (view, at) => ipv6.write(view, at, 15, PROTOCOL_UDP, 64, 0, 0x96a71, ...GUEST, ...ROUTER))
  assertBytes(datagram, bytes(UDP6).subarray(14, 54))
})

test('what it writes, it reads', () => {
  const uint8 = fc.nat({ max: 0xff })
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffff }),
      uint8,
      uint8,
      uint8,
      fc.nat({ max: 0xfffff }),
      words,
      words,
      (length, next, hops, tc, label, from, to) => {
        const view = viewOf(written(40, (view, at) => ipv6.write(view, at, length, next, hops, tc, label, ...from, ...to)))
        assert.equal(ipv6.isValid(view, JUNK, 40 + length), true)
        assert.equal(ipv6.isValid(view, JUNK, 39 + length), false)
        assert.equal(ipv6.trafficClass(view, JUNK), tc)
        assert.equal(ipv6.flowLabel(view, JUNK), label)
        assert.equal(ipv6.payloadLength(view, JUNK), length)
        assert.equal(ipv6.nextHeader(view, JUNK), next)
        assert.equal(ipv6.hopLimit(view, JUNK), hops)
        assert.deepEqual(wordsOf(ipv6.source, view, JUNK), from)
        assert.deepEqual(wordsOf(ipv6.destination, view, JUNK), to)
      },
    ),
  )
})

test('refuses every truncation, and takes a frame that is longer than its packet', () => {
  assertRefusesTruncation(bytes(UDP6).subarray(14), ipv6.isValid)
  const padded = new Uint8Array(100)
  padded.set(bytes(UDP6).subarray(14))
  assert.equal(ipv6.isValid(viewOf(padded), JUNK, 100), true)
})

test('refuses every version but 6', () => {
  for (let first = 0; first <= 0xff; first++) {
    const packet = bytes(UDP6).subarray(14)
    packet[0] = first
    assert.equal(ipv6.isValid(viewOf(packet), JUNK, packet.length), first >> 4 === 6, `0x${first.toString(16)}`)
  }
})

test('refuses every payload length above what is there', () => {
  for (let length = 0; length <= 0xffff; length += length < 64 ? 1 : 997) {
    const packet = bytes(UDP6).subarray(14)
    packet[4] = length >> 8
    packet[5] = length & 0xff
    assert.equal(ipv6.isValid(viewOf(packet), JUNK, packet.length), length <= 15, `${length}`)
  }
})

test('a new payload length changes nothing else', () => {
  const header = written(40, (view, at) => {
    ipv6.write(view, at, 15, PROTOCOL_UDP, 64, 0xff, 0xfffff, ...GUEST, ...ROUTER)
    ipv6.setPayloadLength(view, at, 65_535)
  })
  assertBytes(
    header,
    written(40, (view, at) => ipv6.write(view, at, 65_535, PROTOCOL_UDP, 64, 0xff, 0xfffff, ...GUEST, ...ROUTER)),
  )
})

test('the kinds of addresses of RFC 4291', () => {
  for (const [text, multicast, linkLocal, unspecified, loopback] of [
    ['::', false, false, true, false],
    ['::1', false, false, false, true],
    ['::2', false, false, false, false],
    ['1::1', false, false, false, false],
    ['fd00::2', false, false, false, false],
    ['fe7f:ffff::', false, false, false, false],
    ['fe80::', false, true, false, false],
    ['febf:ffff::1', false, true, false, false],
    ['fec0::1', false, false, false, false],
    ['feff::', false, false, false, false],
    ['ff00::', true, false, false, false],
    ['ff02::1', true, false, false, false],
    ['ffff::', true, false, false, false],
  ] as const) {
    const found = address.parse6(text)!
    assert.equal(ipv6.isMulticast(found[0]), multicast, text)
    assert.equal(ipv6.isLinkLocal(found[0]), linkLocal, text)
    assert.equal(ipv6.isUnspecified(...found), unspecified, text)
    assert.equal(ipv6.isLoopback(...found), loopback, text)
  }
})
