import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as virtio from '../../../src/wire/virtio-net.js'
import { assertBytes, assertRefusesTruncation, bytes, frame, JUNK, VNET_UDP_PARTIAL, VNET_UDP_SUPER, written } from './captured.js'

test('reads the header of a datagram without checksum', () => {
  const view = frame(VNET_UDP_PARTIAL)
  assert.equal(virtio.flags(view, JUNK), virtio.FLAG_NEEDS_CSUM)
  assert.equal(virtio.gsoType(view, JUNK), virtio.GSO_NONE)
  assert.equal(virtio.headerLength(view, JUNK), 0)
  assert.equal(virtio.gsoSize(view, JUNK), 0)
  assert.equal(virtio.checksumStart(view, JUNK), 34)
  assert.equal(virtio.checksumOffset(view, JUNK), 6)
})

test('reads the header of a super-segment', () => {
  const view = frame(VNET_UDP_SUPER)
  assert.equal(virtio.flags(view, JUNK), virtio.FLAG_NEEDS_CSUM)
  assert.equal(virtio.gsoType(view, JUNK), virtio.GSO_UDP_L4)
  assert.equal(virtio.headerLength(view, JUNK), 42)
  assert.equal(virtio.gsoSize(view, JUNK), 8)
})

test('writes it byte for byte', () => {
  const header = written(10, (view, at) => virtio.write(view, at, virtio.FLAG_NEEDS_CSUM, virtio.GSO_UDP_L4, 42, 8, 34, 6))
  assertBytes(header, bytes(VNET_UDP_SUPER).subarray(0, 10))
})

test('writes the highest value of every field', () => {
  const header = written(10, (view, at) => virtio.write(view, at, 0xff, 0xff, 0xffff, 0xfffe, 0xfffd, 0xfffc))
  assertBytes(header, bytes('ffff ffff feff fdff fcff'))
})

test('clears all ten bytes', () => {
  assertBytes(written(10, virtio.clear), new Uint8Array(10))
})

test('refuses every length below 10', () => {
  assertRefusesTruncation(bytes(VNET_UDP_SUPER).subarray(0, 10), virtio.isValid)
})
