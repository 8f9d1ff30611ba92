import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as checksum from '../../../src/wire/checksum.js'
import { PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import * as udp from '../../../src/wire/udp.js'
import { assertBytes, assertRefusesTruncation, bytes, frame, JUNK, UDP, VNET_UDP_PARTIAL, viewOf, written } from './captured.js'

const AT = JUNK + 34
const GUEST = 0x0a000264
const GATEWAY = 0x0a000202

test('reads a captured datagram', () => {
  const view = frame(UDP)
  assert.equal(udp.isValid(view, AT, 15), true)
  assert.equal(udp.srcPort(view, AT), 34913)
  assert.equal(udp.dstPort(view, AT), 9999)
  assert.equal(udp.length(view, AT), 15)
  assert.equal(udp.checksum(view, AT), 0x78b8)
  assert.equal(udp.checksumIsRight4(view, AT, GUEST, GATEWAY), true)
  assert.equal(udp.checksumIsRight4(view, AT, GUEST, GATEWAY + 1), false)
})

test('writes it byte for byte', () => {
  const datagram = written(15, (view, at) => {
    udp.write(view, at, 34913, 9999, 15)
    for (let i = 0; i < 7; i++) view.setUint8(at + 8 + i, 'netloom'.charCodeAt(i))
    udp.setChecksum4(view, at, GUEST, GATEWAY)
  })
  assertBytes(datagram, bytes(UDP).subarray(34))
})

test('writes highest ports and length', () => {
  assertBytes(
    written(8, (view, at) => udp.write(view, at, 0xffff, 0xfffe, 0xfffd)),
    bytes('fffffffefffd0000'),
  )
})

test('the partial checksum is the one Linux leaves', () => {
  const view = frame(VNET_UDP_PARTIAL)
  const at = JUNK + 10 + 34
  const expected = udp.checksum(view, at)
  udp.setPartial(view, at, checksum.pseudoHeader4(GUEST, GATEWAY, PROTOCOL_UDP, 15))
  assert.equal(udp.checksum(view, at), expected)
})

test('a checksum that comes out as zero is sent as ones, and is right', () => {
  // The last two bytes make up what is missing to 0xffff.
  const datagram = bytes('00010002000a0000 0000')
  const view = viewOf(datagram)
  const partial = checksum.add(view, JUNK, 10, checksum.pseudoHeader4(GUEST, GATEWAY, PROTOCOL_UDP, 10))
  view.setUint16(JUNK + 8, 0xffff - partial)
  udp.setChecksum4(view, JUNK, GUEST, GATEWAY)
  assert.equal(udp.checksum(view, JUNK), 0xffff)
  assert.equal(udp.checksumIsRight4(view, JUNK, GUEST, GATEWAY), true)
})

test('no checksum is right', () => {
  const view = frame(UDP)
  view.setUint16(AT + udp.CHECKSUM_OFFSET, 0)
  assert.equal(udp.checksumIsRight4(view, AT, GUEST, GATEWAY), true)
})

test('refuses every truncation and every length field that cannot be', () => {
  assertRefusesTruncation(bytes(UDP).subarray(34), udp.isValid)
  for (let length = 0; length <= 0xffff; length += length < 64 ? 1 : 991) {
    const datagram = bytes(UDP).subarray(34)
    datagram[4] = length >> 8
    datagram[5] = length & 0xff
    assert.equal(udp.isValid(viewOf(datagram), JUNK, datagram.length), length >= 8 && length <= 15, `${length}`)
  }
})
