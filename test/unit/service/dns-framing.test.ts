import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { framed, MessageReader } from '../../../src/service/dns-framing.js'

test('messages come out as they were put in, however they are cut', () => {
  const message = fc.oneof(
    { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(65_535)) },
  )
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }),
      fc.nat(50),
      (messages, cuts, tail) => {
        const whole = Buffer.concat([...messages.map(framed), Buffer.alloc(tail > 0 ? 2 : 0, 0xff), Buffer.alloc(tail)])
        const reader = new MessageReader()
        const found: Buffer[] = []
        for (let at = 0, i = 0; at < whole.length; i++) {
          const length = Math.min(cuts[i % cuts.length]!, whole.length - at)
          reader.push(whole, at, length)
          for (let next = reader.next(); next !== null; next = reader.next()) found.push(next)
          at += length
        }
        assert.deepEqual(
          found,
          messages.map((one) => Buffer.from(one)),
        )
        assert.equal(reader.waiting, tail > 0 ? tail + 2 : 0)
      },
    ),
  )
})
