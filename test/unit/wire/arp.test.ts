import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as arp from '../../../src/wire/arp.js'
import { ARP_REPLY, ARP_REQUEST, assertBytes, assertRefusesTruncation, bytes, frame, JUNK, viewOf, written } from './captured.js'

const AT = JUNK + 14
const GUEST = 0x0a000264
const GATEWAY = 0x0a000202

test('reads a captured request', () => {
  const view = frame(ARP_REQUEST)
  assert.equal(arp.isValid(view, AT, 28), true)
  assert.equal(arp.operation(view, AT), arp.OPERATION_REQUEST)
  assert.equal(arp.senderHigh(view, AT), 0x4aad)
  assert.equal(arp.senderLow(view, AT), 0xbeef1064 | 0)
  assert.equal(arp.senderAddress(view, AT), GUEST)
  assert.equal(arp.targetHigh(view, AT), 0)
  assert.equal(arp.targetLow(view, AT), 0)
  assert.equal(arp.targetAddress(view, AT), GATEWAY)
})

test('writes a captured reply byte for byte', () => {
  const body = written(arp.LENGTH, (view, at) =>
    arp.write(view, at, arp.OPERATION_REPLY, 0x5255, 0x0a000202, GATEWAY, 0x4aad, 0xbeef1064, GUEST),
  )
  assertBytes(body, bytes(ARP_REPLY).subarray(14))
})

test('writes what it reads, with every byte different', () => {
  const body = bytes('0001080006040102 c3d4e5f6a7b8 89abcdef fedcba98f6e5 d4c3b2a1')
  const view = viewOf(body)
  const copy = written(arp.LENGTH, (to, at) =>
    arp.write(
      to,
      at,
      arp.operation(view, JUNK),
      arp.senderHigh(view, JUNK),
      arp.senderLow(view, JUNK),
      arp.senderAddress(view, JUNK),
      arp.targetHigh(view, JUNK),
      arp.targetLow(view, JUNK),
      arp.targetAddress(view, JUNK),
    ),
  )
  assertBytes(copy, body)
})

test('refuses every length below 28', () => {
  assertRefusesTruncation(bytes(ARP_REQUEST).subarray(14), arp.isValid)
})

test('refuses other hardware, protocols and sizes, bit by bit', () => {
  for (let bit = 0; bit < 48; bit++) {
    const body = bytes(ARP_REQUEST).subarray(14)
    body[bit >> 3]! ^= 0x80 >> (bit & 7)
    assert.equal(arp.isValid(viewOf(body), JUNK, body.length), false, `bit ${bit}`)
  }
})
