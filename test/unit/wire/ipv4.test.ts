import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as ip from 'ip-packet'
import * as address from '../../../src/wire/address.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import {
  assertBytes,
  assertRefusesTruncation,
  bytes,
  frame,
  ICMP_PORT_UNREACHABLE,
  JUNK,
  TCP_SYN,
  UDP,
  viewOf,
  written,
} from './captured.js'

const AT = JUNK + 14
const GUEST = 0x0a000264
const GATEWAY = 0x0a000202

const uint8 = fc.integer({ min: 0, max: 0xff })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })

test('reads a captured header', () => {
  const view = frame(TCP_SYN)
  assert.equal(ipv4.isValid(view, AT, 60), true)
  assert.equal(ipv4.headerLength(view, AT), 20)
  assert.equal(ipv4.totalLength(view, AT), 60)
  assert.equal(ipv4.typeOfService(view, AT), 0)
  assert.equal(ipv4.identification(view, AT), 0xeedd)
  assert.equal(ipv4.dontFragment(view, AT), true)
  assert.equal(ipv4.moreFragments(view, AT), false)
  assert.equal(ipv4.isFragment(view, AT), false)
  assert.equal(ipv4.fragmentOffset(view, AT), 0)
  assert.equal(ipv4.timeToLive(view, AT), 64)
  assert.equal(ipv4.protocol(view, AT), PROTOCOL_TCP)
  assert.equal(ipv4.source(view, AT), GUEST)
  assert.equal(ipv4.destination(view, AT), GATEWAY)
  assert.equal(ipv4.checksumIsRight(view, AT), true)
})

test('writes captured headers byte for byte', () => {
  const header = written(20, (view, at) => ipv4.write(view, at, 35, PROTOCOL_UDP, GUEST, GATEWAY, 0x0ba3, 64, 0, 1))
  assertBytes(header, bytes(UDP).subarray(14, 34))
  const error = written(20, (view, at) => ipv4.write(view, at, 63, PROTOCOL_ICMP, GATEWAY, GUEST, 0xbfbf, 64, 0xc0, 0))
  assertBytes(error, bytes(ICMP_PORT_UNREACHABLE).subarray(14, 34))
})

test('the header of a first fragment is made that of the whole datagram, options included', () => {
  const options = Uint8Array.from([7, 7, 4, 1, 2, 3, 4, 0])
  const header = written(28, (view, at) => {
    ipv4.write(view, at, 20, PROTOCOL_UDP, GUEST, GATEWAY, 0x0ba3, 64, 0, 0)
    ipv4.setFragment(view, at, 0, 1)
    view.setUint8(at, 0x47)
    options.forEach((byte, i) => {
      view.setUint8(at + 20 + i, byte)
    })
    ipv4.setWhole(view, at, 3036, 0xbb)
  })
  const view = viewOf(header)
  assert.ok(!ipv4.isFragment(view, JUNK) && ipv4.checksumIsRight(view, JUNK))
  assert.deepEqual([ipv4.totalLength(view, JUNK), ipv4.typeOfService(view, JUNK), ipv4.identification(view, JUNK)], [3036, 0xbb, 0x0ba3])
  assert.deepEqual(header.subarray(20), options)
})

test('what it writes, ip-packet reads', () => {
  fc.assert(
    fc.property(uint16, uint8, word, word, uint16, uint8, uint8, fc.boolean(), (length, protocol, from, to, id, ttl, tos, dont) => {
      const total = Math.max(20, length)
      const header = written(20, (view, at) => ipv4.write(view, at, total, protocol, from, to, id, ttl, tos, dont ? 1 : 0))
      const buffer = Buffer.alloc(total)
      buffer.set(header)
      const read = ip.decode({ start: 0, end: total, buffer })
      assert.equal(read.version, 4)
      assert.equal(read.ihl, 5)
      assert.equal(read.length, total)
      assert.equal((read.dscp << 2) | read.ecn, tos)
      assert.equal(read.identification, id)
      assert.equal(read.flags, dont ? 2 : 0)
      assert.equal(read.fragmentOffset, 0)
      assert.equal(read.ttl, ttl)
      assert.equal(read.protocol, protocol)
      assert.equal(read.sourceIp, address.format(from))
      assert.equal(read.destinationIp, address.format(to))
      assert.equal(read.checksum, ip.checksum(Buffer.from(header)))
    }),
  )
})

test('what ip-packet writes, it reads', () => {
  fc.assert(
    fc.property(
      uint8,
      word,
      word,
      uint16,
      uint8,
      fc.nat({ max: 7 }),
      fc.nat({ max: 0x1fff }),
      (protocol, from, to, id, ttl, flags, offset) => {
        const packet = {
          version: 4,
          identification: id,
          flags,
          fragmentOffset: offset,
          ttl,
          protocol,
          sourceIp: address.format(from),
          destinationIp: address.format(to),
          data: Buffer.from('netloom'),
        }
        const state = { start: 0, end: 0, buffer: Buffer.alloc(27) }
        ip.encode(state, packet)
        ip.checksum(state.buffer)
        const view = viewOf(state.buffer)
        assert.equal(ipv4.isValid(view, JUNK, 27), true)
        assert.equal(ipv4.totalLength(view, JUNK), 27)
        assert.equal(ipv4.identification(view, JUNK), id)
        assert.equal(ipv4.dontFragment(view, JUNK), (flags & 2) !== 0)
        assert.equal(ipv4.moreFragments(view, JUNK), (flags & 1) !== 0)
        assert.equal(ipv4.fragmentOffset(view, JUNK), offset * 8)
        assert.equal(ipv4.isFragment(view, JUNK), offset !== 0 || (flags & 1) !== 0)
        assert.equal(ipv4.timeToLive(view, JUNK), ttl)
        assert.equal(ipv4.protocol(view, JUNK), protocol)
        assert.equal(ipv4.source(view, JUNK), from)
        assert.equal(ipv4.destination(view, JUNK), to)
        assert.equal(ipv4.checksumIsRight(view, JUNK), true)
      },
    ),
  )
})

test('any wrong bit of the header makes the checksum wrong', () => {
  for (let bit = 0; bit < 160; bit++) {
    const packet = bytes(TCP_SYN).subarray(14)
    packet[bit >> 3]! ^= 0x80 >> (bit & 7)
    // A larger IHL would sum more than the header.
    if (bit >> 3 !== 0) assert.equal(ipv4.checksumIsRight(viewOf(packet), JUNK), false, `bit ${bit}`)
  }
})

test('options are part of the header and of its checksum', () => {
  const view = viewOf(bytes('460000180000000040 01e7de 7f0000017f000001 94040000'))
  assert.equal(ipv4.isValid(view, JUNK, 24), true)
  assert.equal(ipv4.headerLength(view, JUNK), 24)
  assert.equal(ipv4.checksumIsRight(view, JUNK), true)
  view.setUint8(JUNK + 23, 1)
  assert.equal(ipv4.checksumIsRight(view, JUNK), false)
})

test('refuses every truncation, and takes a frame that is longer than its packet', () => {
  assertRefusesTruncation(bytes(TCP_SYN).subarray(14), ipv4.isValid)
  const padded = new Uint8Array(100)
  padded.set(bytes(TCP_SYN).subarray(14))
  assert.equal(ipv4.isValid(viewOf(padded), JUNK, 100), true)
})

test('refuses every version but 4, and every header length that cannot be', () => {
  for (let first = 0; first <= 0xff; first++) {
    const packet = bytes(TCP_SYN).subarray(14)
    packet[0] = first
    const possible = first >> 4 === 4 && (first & 15) >= 5
    assert.equal(ipv4.isValid(viewOf(packet), JUNK, packet.length), possible, `0x${first.toString(16)}`)
  }
})

test('refuses every total length below the header or above what is there', () => {
  for (let total = 0; total <= 0xffff; total += total < 128 ? 1 : 997) {
    const packet = bytes(TCP_SYN).subarray(14)
    packet[2] = total >> 8
    packet[3] = total & 0xff
    assert.equal(ipv4.isValid(viewOf(packet), JUNK, packet.length), total >= 20 && total <= 60, `${total}`)
  }
})
