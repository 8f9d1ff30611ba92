// Sets of prefixes against the plain way to look: one prefix after the other, bit by bit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AddressSet, type Prefix } from '../../../src/net/address-set.js'
import { parseAny, type Words } from '../../../src/wire/address.js'

const bits = (words: readonly number[]): string => words.map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('')
const covers = ({ words, length }: Prefix, address: readonly number[]): boolean =>
  bits(words).slice(0, length) === bits(address).slice(0, length)
const has = (set: AddressSet, address: readonly number[]): boolean => set.has(Int32Array.from([7, ...address]), 1)

// Few different words, so that addresses meet prefixes, and each other's beginnings.
const word = fc.oneof(fc.constantFrom(0, -1, 0xffff, 0x0a000201, 0xfe800000 | 0), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
const words = fc.tuple(word, word, word, word)
const prefix = fc.record({ words, length: fc.integer({ min: 0, max: 128 }) })

test('an address is in a set when it is in one of its prefixes', () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 40 }), fc.array(words, { maxLength: 20 }), fc.nat(127), (prefixes, others, flipped) => {
      const set = new AddressSet(prefixes)
      const near = prefixes.flatMap(({ words: own }) => [
        own,
        own.map((value, i) => (i === flipped >> 5 ? value ^ (1 << (flipped & 31)) : value)),
      ])
      for (const address of [...others, ...near])
        assert.equal(
          has(set, address),
          prefixes.some((one) => covers(one, address)),
        )
    }),
  )
})

test('a set without a prefix has nothing, and one with the shortest everything', () => {
  assert.equal(has(new AddressSet([]), [0, 0, 0, 0]), false)
  assert.equal(has(new AddressSet([{ words: [1, 2, 3, 4], length: 0 }]), [-1, 5, 0, 9]), true)
})

test('thousands of addresses are each found, and no other', () => {
  const of = (i: number): Words => parseAny(`10.${i >> 8}.${i & 255}.1`)!
  const set = new AddressSet(Array.from({ length: 5_000 }, (_, i) => ({ words: of(i), length: 128 })))
  assert.equal(set.size, 5_000)
  for (let i = 0; i < 5_000; i++) assert.ok(has(set, of(i)))
  for (let i = 0; i < 5_000; i++) assert.ok(!has(set, [0, 0, 0xffff, of(i)[3] ^ 2]))
})
