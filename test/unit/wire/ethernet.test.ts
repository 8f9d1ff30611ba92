import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as ethernet from '../../../src/wire/ethernet.js'
import { ETHERTYPE_IPV4 } from '../../../src/wire/numbers.js'
import { assertBytes, assertRefusesTruncation, bytes, frame, JUNK, TCP_SYN, written } from './captured.js'

test('reads a captured header', () => {
  const view = frame(TCP_SYN)
  assert.equal(ethernet.dstHigh(view, JUNK), 0x5255)
  assert.equal(ethernet.dstLow(view, JUNK), 0x0a000202)
  assert.equal(ethernet.srcHigh(view, JUNK), 0x4aad)
  assert.equal(ethernet.srcLow(view, JUNK), 0xbeef1064 | 0)
  assert.equal(ethernet.etherType(view, JUNK), ETHERTYPE_IPV4)
})

test('writes it byte for byte', () => {
  const header = written(14, (view, at) => ethernet.write(view, at, 0x5255, 0x0a000202, 0x4aad, 0xbeef1064, ETHERTYPE_IPV4))
  assertBytes(header, bytes(TCP_SYN).subarray(0, 14))
})

test('writes a broadcast', () => {
  const header = written(14, (view, at) => ethernet.write(view, at, 0xffff, -1, 0xffff, -1, 0xffff))
  assertBytes(header, bytes('ff'.repeat(14)))
})

test('refuses every length below 14', () => {
  assertRefusesTruncation(bytes(TCP_SYN).subarray(0, 14), ethernet.isValid)
})
