// Whom a mapping with address-dependent filtering hears (RFC 4787, 5).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UdpPeers } from '../../../src/flow/udp-peers.js'
import { tableWords } from '../../../src/net/flow-row.js'
import { MAPPED } from '../../../src/wire/numbers.js'

/** Addresses that a mapping remembers. */
const MOST = 31

const peers = (): UdpPeers => new UdpPeers(new Int32Array(tableWords(4)), 4)
const words = (address: number): Int32Array => new Int32Array([0, 0, MAPPED, address])

test('the addresses sent to last are heard, and no other', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 120 }), (sent) => {
      const p = peers()
      p.begin(2)
      for (const address of sent) p.add(2, 0, 0, MAPPED, address)
      const isSmall = new Set(sent).size <= MOST
      // As many as there is room for are kept whole; of more, the one sent to last is among them.
      for (let address = 1; address <= 40; address++) {
        if (isSmall || !sent.includes(address)) assert.equal(p.has(2, words(address), 0), sent.includes(address))
      }
      const last = sent.at(-1)
      if (last !== undefined) assert.ok(p.has(2, words(last), 0))
    }),
  )
})

test('a mapping does not hear for another, nor for the row that it had before', () => {
  const p = peers()
  p.begin(1)
  p.begin(2)
  p.add(1, 0, 0, MAPPED, 7)
  assert.equal(p.has(2, words(7), 0), false)
  p.begin(1)
  assert.equal(p.has(1, words(7), 0), false)
})

test('whoever has sent to many hears everybody', () => {
  const p = peers()
  p.begin(1)
  p.add(1, 0, 0, 0, 0)
  assert.equal(p.has(1, words(7), 0), true)
})
