import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AddressCounts } from '../../../src/flow/address-counts.js'
import { ends } from '../../support/ends.js'

test('counts as a map would, whatever comes and goes', () => {
  const operation = fc.record({ address: fc.integer({ min: -6, max: 6 }), isMore: fc.boolean() })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), fc.integer(), fc.integer(), (operations, key0, key1) => {
      const counts = new AddressCounts(8, key0, key1)
      const twin = new Map<number, number>()
      let flows = 0
      for (const { address, isMore } of operations) {
        const known = twin.get(address) ?? 0
        if (isMore && flows < 8) {
          counts.add(ends(address, 0), 0)
          twin.set(address, known + 1)
          flows++
        } else if (!isMore && known > 0) {
          counts.subtract(ends(address, 0), 0)
          twin.set(address, known - 1)
          flows--
        }
        for (let a = -6; a <= 6; a++) assert.equal(counts.of(ends(a, 0), 0), twin.get(a) ?? 0)
      }
    }),
  )
})

test('as many addresses as flows, each with one', () => {
  const counts = new AddressCounts(1000, 1, 2)
  for (let address = 0; address < 1000; address++) counts.add(ends(address, 0), 0)
  for (let address = 0; address < 1000; address += 2) counts.subtract(ends(address, 0), 0)
  for (let address = 0; address < 1000; address++) assert.equal(counts.of(ends(address, 0), 0), address % 2)
})
