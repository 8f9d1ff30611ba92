import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmpv4 from '../../../src/wire/icmpv4.js'
import {
  assertBytes,
  assertRefusesTruncation,
  bytes,
  frame,
  ICMP_ECHO,
  ICMP_PORT_UNREACHABLE,
  ICMP_REPLY,
  JUNK,
  written,
} from './captured.js'

const AT = JUNK + 34

test('reads a captured echo', () => {
  const view = frame(ICMP_ECHO)
  assert.equal(icmpv4.isValid(view, AT, 32), true)
  assert.equal(icmpv4.type(view, AT), icmpv4.ECHO)
  assert.equal(icmpv4.code(view, AT), 0)
  assert.equal(icmpv4.checksum(view, AT), 0x87a8)
  assert.equal(icmpv4.identifier(view, AT), 6609)
  assert.equal(icmpv4.sequence(view, AT), 1)
  assert.equal(icmpv4.isError(view, AT), false)
  assert.equal(icmpv4.checksumIsRight(view, AT, 32), true)
  assert.equal(icmpv4.checksumIsRight(view, AT, 31), false)
})

test('reads a captured error', () => {
  const view = frame(ICMP_PORT_UNREACHABLE)
  assert.equal(icmpv4.type(view, AT), icmpv4.UNREACHABLE)
  assert.equal(icmpv4.code(view, AT), icmpv4.PORT_UNREACHABLE)
  assert.equal(icmpv4.nextHopMtu(view, AT), 0)
  assert.equal(icmpv4.isError(view, AT), true)
  assert.equal(icmpv4.checksumIsRight(view, AT, 43), true)
})

test('makes the captured reply of the captured echo', () => {
  const echo = bytes(ICMP_ECHO).subarray(34)
  const reply = written(32, (view, at) => {
    for (let i = 0; i < echo.length; i++) view.setUint8(at + i, echo[i]!)
    icmpv4.write(view, at, icmpv4.ECHO_REPLY, 0, view.getInt32(at + 4))
    icmpv4.setChecksum(view, at, 32)
  })
  assertBytes(reply, bytes(ICMP_REPLY).subarray(34))
})

test('writes the captured error, of odd length', () => {
  const quote = bytes(ICMP_PORT_UNREACHABLE).subarray(42)
  const error = written(8 + quote.length, (view, at) => {
    icmpv4.write(view, at, icmpv4.UNREACHABLE, icmpv4.PORT_UNREACHABLE, 0)
    for (let i = 0; i < quote.length; i++) view.setUint8(at + 8 + i, quote[i]!)
    icmpv4.setChecksum(view, at, 8 + quote.length)
  })
  assertBytes(error, bytes(ICMP_PORT_UNREACHABLE).subarray(34))
})

test('writes the next-hop MTU where it is read', () => {
  const header = written(8, (view, at) => {
    icmpv4.write(view, at, icmpv4.UNREACHABLE, icmpv4.FRAGMENTATION_NEEDED, 1400)
    assert.equal(icmpv4.nextHopMtu(view, at), 1400)
  })
  assertBytes(header, bytes('0304000000000578'))
})

test('only messages about other packets are errors', () => {
  const errors = Array.from({ length: 256 }, (_, type) => type).filter((type) => icmpv4.isErrorType(type))
  // RFC 1122, 3.2.2: destination unreachable, source quench, redirect, time exceeded, parameter problem.
  assert.deepEqual(errors, [3, 4, 5, 11, 12])
})

test('refuses every length below 8', () => {
  assertRefusesTruncation(bytes(ICMP_ECHO).subarray(34, 42), icmpv4.isValid)
})
