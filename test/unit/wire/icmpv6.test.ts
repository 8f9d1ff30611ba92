import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as checksum from '../../../src/wire/checksum.js'
import * as icmpv6 from '../../../src/wire/icmpv6.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { PROTOCOL_ICMPV6 } from '../../../src/wire/numbers.js'
import { assertBytes, assertRefusesTruncation, bytes, frame, JUNK, written } from './captured.js'
import {
  ECHO_REPLY6,
  ECHO6,
  MULTICAST_REPORT,
  OPTION_PROBLEM6,
  PACKET_TOO_BIG6,
  PORT_UNREACHABLE6,
  PROTOCOL_PROBLEM6,
  TIME_EXCEEDED6,
} from './captured6.js'

const IP = JUNK + 14
const AT = IP + 40

/** The pseudo-header's sum of the packet whose IPv6 header is at `ip`. */
function pseudo(view: DataView, ip: number): number {
  return checksum.pseudoHeader6(view, ip, PROTOCOL_ICMPV6, ipv6.payloadLength(view, ip))
}

test('reads a captured echo', () => {
  const view = frame(ECHO6)
  assert.equal(icmpv6.isValid(view, AT, 32), true)
  assert.equal(icmpv6.type(view, AT), icmpv6.ECHO)
  assert.equal(icmpv6.code(view, AT), 0)
  assert.equal(icmpv6.checksum(view, AT), 0x568b)
  assert.equal(icmpv6.identifier(view, AT), 39)
  assert.equal(icmpv6.sequence(view, AT), 1)
  assert.equal(icmpv6.isError(view, AT), false)
  assert.equal(icmpv6.checksumIsRight(view, AT, 32, pseudo(view, IP)), true)
  assert.equal(icmpv6.checksumIsRight(view, AT, 31, pseudo(view, IP)), false)
})

test('the checksum covers the addresses', () => {
  const view = frame(ECHO6)
  const right = pseudo(view, IP)
  view.setUint8(IP + 8 + 5, 1)
  assert.equal(icmpv6.checksumIsRight(view, AT, 32, right), true)
  assert.equal(icmpv6.checksumIsRight(view, AT, 32, pseudo(view, IP)), false)
})

test('reads captured errors: type, code, word, and whole', () => {
  for (const [hex, type, code] of [
    [PORT_UNREACHABLE6, icmpv6.UNREACHABLE, icmpv6.PORT_UNREACHABLE],
    [TIME_EXCEEDED6, icmpv6.TIME_EXCEEDED, icmpv6.HOP_LIMIT_EXCEEDED],
    [PACKET_TOO_BIG6, icmpv6.PACKET_TOO_BIG, 0],
    [OPTION_PROBLEM6, icmpv6.PARAMETER_PROBLEM, icmpv6.UNRECOGNIZED_OPTION],
    [PROTOCOL_PROBLEM6, icmpv6.PARAMETER_PROBLEM, icmpv6.UNRECOGNIZED_NEXT_HEADER],
  ] as const) {
    const view = frame(hex)
    assert.equal(icmpv6.type(view, AT), type)
    assert.equal(icmpv6.code(view, AT), code)
    assert.equal(icmpv6.isError(view, AT), true)
    assert.equal(icmpv6.checksumIsRight(view, AT, ipv6.payloadLength(view, IP), pseudo(view, IP)), true)
  }
  assert.equal(icmpv6.mtu(frame(PACKET_TOO_BIG6), AT), 1280)
  assert.equal(icmpv6.pointer(frame(OPTION_PROBLEM6), AT), 42)
  assert.equal(icmpv6.pointer(frame(PROTOCOL_PROBLEM6), AT), 6)
})

test('quotes as much as Linux: the error has 1280 bytes', () => {
  const view = frame(PACKET_TOO_BIG6)
  assert.equal(ipv6.payloadLength(view, IP), icmpv6.HEADER_LENGTH + icmpv6.QUOTE_LIMIT)
  assert.equal(ipv6.HEADER_LENGTH + ipv6.payloadLength(view, IP), ipv6.MINIMUM_MTU)
})

test('makes the captured reply of the captured echo', () => {
  const echo = bytes(ECHO6).subarray(54)
  const sum = pseudo(frame(ECHO_REPLY6), IP)
  const reply = written(32, (view, at) => {
    for (let i = 0; i < echo.length; i++) view.setUint8(at + i, echo[i]!)
    icmpv6.write(view, at, icmpv6.ECHO_REPLY, 0, view.getInt32(at + 4))
    icmpv6.setChecksum(view, at, 32, sum)
  })
  assertBytes(reply, bytes(ECHO_REPLY6).subarray(54))
})

test('writes the captured errors, one of odd length', () => {
  for (const [hex, type, code, word] of [
    [PORT_UNREACHABLE6, icmpv6.UNREACHABLE, icmpv6.PORT_UNREACHABLE, 0],
    [PACKET_TOO_BIG6, icmpv6.PACKET_TOO_BIG, 0, 1280],
    [OPTION_PROBLEM6, icmpv6.PARAMETER_PROBLEM, icmpv6.UNRECOGNIZED_OPTION, 42],
  ] as const) {
    const quote = bytes(hex).subarray(62)
    const error = written(8 + quote.length, (view, at) => {
      icmpv6.write(view, at, type, code, word)
      for (let i = 0; i < quote.length; i++) view.setUint8(at + 8 + i, quote[i]!)
      icmpv6.setChecksum(view, at, 8 + quote.length, pseudo(frame(hex), IP))
    })
    assertBytes(error, bytes(hex).subarray(54))
  }
})

test('an MTU and a pointer beyond 31 bits stay larger than anything', () => {
  for (const word of [0x80000000, 0xffffffff, 0x7fffffff]) {
    const view = frame(PACKET_TOO_BIG6)
    view.setUint32(AT + 4, word)
    assert.equal(icmpv6.mtu(view, AT), 0x7fffffff)
    assert.equal(icmpv6.pointer(view, AT), 0x7fffffff)
  }
})

test('no error is told about an error or a redirect, and about all else it is', () => {
  assert.equal(icmpv6.type(frame(MULTICAST_REPORT), AT + 8), 143)
  for (let type = 0; type < 256; type++) {
    // RFC 4443, 2.1: error messages have a zero in the high-order bit of the type.
    assert.equal(icmpv6.isErrorType(type), type <= 127, `${type}`)
    assert.equal(icmpv6.forbidsError(type), type <= 127 || type === 137, `${type}`)
  }
})

test('refuses every length below 8', () => {
  assertRefusesTruncation(bytes(ECHO6).subarray(54, 62), icmpv6.isValid)
})
