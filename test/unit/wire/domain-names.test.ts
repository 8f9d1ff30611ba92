import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode, encodeName } from '../../../src/wire/domain-names.js'
import { assertBytes, bytes } from './captured.js'
import { nameAt } from './dns-name.js'

test('names one behind the other', () => {
  assertBytes(encode(['lan.example', 'netloom.internal'], 100), bytes('036c616e076578616d706c6500 076e65746c6f6f6d08696e7465726e616c00'))
  assertBytes(encode([], 100), bytes(''))
})

test('the dot at the end says nothing', () => {
  assertBytes(encodeName('lan.example.')!, encodeName('lan.example')!)
})

test('what it writes, dns-packet reads', () => {
  const label = fc.stringMatching(/^[a-z0-9_-]{1,63}$/)
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
      const name = labels.join('.')
      const written = encodeName(name)
      if (name.length > 253) assert.equal(written, null)
      else assert.equal(nameAt(written!, 0), name)
    }),
  )
})

test('what cannot be written is left out: labels above 63 bytes, names above 255, empty labels, what is not ASCII', () => {
  const long = 'a'.repeat(63)
  assert.notEqual(encodeName(long), null)
  assert.notEqual(encodeName(`${long}.${long}.${long}.${'a'.repeat(61)}`), null)
  for (const name of [
    `a${long}`,
    `${long}.${long}.${long}.${'a'.repeat(62)}`,
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a b',
    'é.example',
    'a\0b',
    'a\n',
  ]) {
    assert.equal(encodeName(name), null, JSON.stringify(name))
  }
  assertBytes(encode(['', 'a..b', 'a', 'é'], 100), bytes('016100'))
})

test('a name that does not fit is left out, a shorter one behind it is not', () => {
  assertBytes(encode(['aaa', 'bbbbbbbb', 'c'], 8), bytes('0361616100 016300'))
  assertBytes(encode(['aaa', 'bbbbbbbb', 'c'], 7), bytes('0361616100'))
  assertBytes(encode(['aaa'], 4), bytes(''))
})
