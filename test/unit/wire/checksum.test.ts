import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as checksum from '../../../src/wire/checksum.js'
import { PROTOCOL_ICMPV6, PROTOCOL_TCP } from '../../../src/wire/numbers.js'
import { bytes, frame, IPV6_NEIGHBOR_SOLICITATION, JUNK, TCP_PSH, viewOf } from './captured.js'

/** RFC 1071, 4.1, one pair of bytes at a time. */
function naive(content: Uint8Array, sum: number): number {
  let total = sum
  for (let i = 0; i < content.length; i++) {
    total += i % 2 === 0 ? content[i]! * 256 : content[i]!
    if (total > 0xffff) total -= 0xffff
  }
  return total
}

test('the example of RFC 1071, 3', () => {
  assert.equal(checksum.add(viewOf(bytes('0001f203f4f5f6f7')), JUNK, 8, 0), 0xddf2)
  assert.equal(checksum.finish(0xddf2), 0x220d)
})

test('agrees with a naive sum over any bytes, length, alignment and start', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 7 }), fc.integer({ min: 0, max: 0xffff }), (content, shift, sum) => {
      const memory = new Uint8Array(shift + content.length).fill(0xee)
      memory.set(content, shift)
      assert.equal(checksum.add(new DataView(memory.buffer), shift, content.length, sum), naive(content, sum))
    }),
    { numRuns: 2_000 },
  )
})

test('every length around the unrolled loop', () => {
  const content = Uint8Array.from({ length: 100 }, (_, i) => (i * 167 + 91) & 0xff)
  for (let length = 0; length <= content.length; length++) {
    assert.equal(checksum.add(viewOf(content.subarray(0, length)), JUNK, length, 0), naive(content.subarray(0, length), 0), `${length}`)
  }
})

test('pieces of even length chain', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 150 }), (content, half) => {
      const cut = Math.min(2 * half, content.length & ~1)
      const view = viewOf(content)
      const first = checksum.add(view, JUNK, cut, 0)
      assert.equal(checksum.add(view, JUNK + cut, content.length - cut, first), checksum.add(view, JUNK, content.length, 0))
    }),
  )
})

test('does not overflow: 128 KiB of ones', () => {
  const content = new Uint8Array(131_072).fill(0xff)
  assert.equal(checksum.add(viewOf(content), JUNK, content.length, 0xffff), 0xffff)
  content[7] = 0
  assert.equal(checksum.add(viewOf(content), JUNK, content.length, 0xffff), naive(content, 0xffff))
})

test('pseudo-header of a captured TCP segment', () => {
  const view = frame(TCP_PSH)
  const ip = JUNK + 14
  const length = view.getUint16(ip + 2) - 20
  const pseudo = checksum.pseudoHeader4(view.getInt32(ip + 12), view.getInt32(ip + 16), PROTOCOL_TCP, length)
  assert.equal(checksum.add(view, ip + 20, length, pseudo), 0xffff)
})

test('pseudo-header of IPv4 with the highest addresses and length stays 16 bits', () => {
  const pseudo = checksum.pseudoHeader4(-1, -1, 0xff, 0xffff)
  assert.equal(pseudo, naive(bytes('ffffffffffffffff00ffffff'), 0))
})

test('pseudo-header of a captured ICMPv6 message', () => {
  const view = frame(IPV6_NEIGHBOR_SOLICITATION)
  const ip = JUNK + 14
  const length = view.getUint16(ip + 4)
  assert.equal(checksum.add(view, ip + 40, length, checksum.pseudoHeader6(view, ip, PROTOCOL_ICMPV6, length)), 0xffff)
})

test('pseudo-header of IPv6 addresses by their words is that of the header', () => {
  const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
  const words = fc.tuple(word, word, word, word)
  fc.assert(
    fc.property(words, words, fc.nat({ max: 255 }), fc.nat({ max: 0x2ffff }), (from, to, protocol, length) => {
      const view = new DataView(new ArrayBuffer(40))
      for (const [i, value] of [...from, ...to].entries()) view.setInt32(8 + 4 * i, value)
      const sum = checksum.pseudoHeader6Of(...from, ...to, protocol, length)
      // 0 and 0xffff are the same number in one's complement.
      assert.equal(sum % 0xffff, checksum.pseudoHeader6(view, 0, protocol, length) % 0xffff)
      assert.equal(sum, checksum.fold(sum))
    }),
  )
  const ones = [-1, -1, -1, -1] as const
  assert.equal(checksum.pseudoHeader6Of(...ones, ...ones, 0xff, 0xffff), naive(bytes(`${'ff'.repeat(34)} 00ff`), 0))
})

test('fold takes any sum of 16-bit words that fits in 32 bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xfffeffff }), (sum) => {
      const expected = sum === 0 ? 0 : ((sum - 1) % 0xffff) + 1
      assert.equal(checksum.fold(sum), expected)
    }),
  )
})
