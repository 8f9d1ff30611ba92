import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as checksum from '../../../src/wire/checksum.js'
import { PROTOCOL_TCP } from '../../../src/wire/numbers.js'
import * as tcp from '../../../src/wire/tcp.js'
import {
  assertBytes,
  assertRefusesTruncation,
  bytes,
  frame,
  JUNK,
  TCP_FIN,
  TCP_PSH,
  TCP_SYN,
  TCP_SYN_ACK,
  viewOf,
  written,
} from './captured.js'

const AT = JUNK + 34
const GUEST = 0x0a000264
const GATEWAY = 0x0a000202

test('reads a captured SYN', () => {
  const view = frame(TCP_SYN)
  assert.equal(tcp.isValid(view, AT, 40), true)
  assert.equal(tcp.srcPort(view, AT), 58138)
  assert.equal(tcp.dstPort(view, AT), 80)
  assert.equal(tcp.sequence(view, AT), 4104995997 | 0)
  assert.equal(tcp.acknowledgment(view, AT), 0)
  assert.equal(tcp.headerLength(view, AT), 40)
  assert.equal(tcp.flags(view, AT), tcp.SYN)
  assert.equal(tcp.window(view, AT), 64240)
  assert.equal(tcp.checksum(view, AT), 0xfa5a)
  assert.equal(tcp.urgentPointer(view, AT), 0)
})

test('reads the flags of the other segments', () => {
  assert.equal(tcp.flags(frame(TCP_SYN_ACK), AT), tcp.SYN | tcp.ACK)
  assert.equal(tcp.flags(frame(TCP_PSH), AT), tcp.PSH | tcp.ACK)
  assert.equal(tcp.flags(frame(TCP_FIN), AT), tcp.FIN | tcp.ACK)
})

test('captured checksums are right, for their addresses and length only', () => {
  for (const [hex, length] of [
    [TCP_SYN, 40],
    [TCP_SYN_ACK, 40],
    [TCP_PSH, 50],
    [TCP_FIN, 32],
  ] as const) {
    const view = frame(hex)
    const pseudo = checksum.pseudoHeader4(GUEST, GATEWAY, PROTOCOL_TCP, length)
    assert.equal(tcp.checksumIsRight(view, AT, length, pseudo), true)
    assert.equal(tcp.checksumIsRight(view, AT, length, pseudo ^ 1), false)
    tcp.setPartial(view, AT, pseudo)
    assert.equal(tcp.checksum(view, AT), pseudo)
    tcp.setChecksum(view, AT, length, pseudo)
    assertBytes(new Uint8Array(view.buffer, JUNK), bytes(hex))
  }
})

test('writes a captured header byte for byte, checksum and urgent pointer apart', () => {
  const expected = bytes(TCP_PSH).subarray(34, 54)
  expected[tcp.CHECKSUM_OFFSET] = expected[tcp.CHECKSUM_OFFSET + 1] = 0
  const header = written(20, (view, at) => tcp.write(view, at, 58138, 80, 0xf4ad449e, 0x2a618d09, 32, tcp.PSH | tcp.ACK, 63))
  assertBytes(header, expected)
})

test('writes the highest value of every field', () => {
  const header = written(20, (view, at) => tcp.write(view, at, 0xffff, 0xffff, -1, -1, tcp.MAX_HEADER_LENGTH, 0xff, 0xffff))
  assertBytes(header, bytes('ffffffff ffffffff ffffffff f0ffffff 00000000'))
})

test('refuses a truncated header, and every data offset that cannot be', () => {
  assertRefusesTruncation(bytes(TCP_SYN).subarray(34), tcp.isValid)
  for (let offset = 0; offset < 16; offset++) {
    const segment = bytes(TCP_SYN).subarray(34)
    segment[12] = offset << 4
    assert.equal(tcp.isValid(viewOf(segment), JUNK, segment.length), offset >= 5 && offset <= 10, `${offset}`)
  }
})
