import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as options from '../../../src/wire/tcp-options.js'
import { assertBytes, bytes, JUNK, TCP_PSH, TCP_SYN, viewOf, written } from './captured.js'

const NOTHING = { mss: 0, scale: -1, sackPermitted: 0, timestamp: null, sack: [] as number[] }

/** Parses into an array full of what the segment before may have left. */
function parse(hex: string): { whole: boolean; found: typeof NOTHING | object } {
  return parseBytes(bytes(hex))
}

function parseBytes(content: Uint8Array): { whole: boolean; found: object } {
  const array = new Int32Array(options.LENGTH).fill(0x5a5a5a5a)
  const whole = options.parse(viewOf(content), JUNK, content.length, array)
  const first = options.SACK_LEFT
  return {
    whole,
    found: {
      mss: array[options.MSS],
      scale: array[options.WINDOW_SCALE],
      sackPermitted: array[options.SACK_PERMITTED],
      timestamp: array[options.HAS_TIMESTAMP] === 0 ? null : [array[options.TS_VALUE], array[options.TS_ECHO]],
      sack: [...array.subarray(first, first + 2 * array[options.SACK_COUNT]!)],
    },
  }
}

test('reads a captured SYN', () => {
  const found = { ...NOTHING, mss: 1460, scale: 10, sackPermitted: 1, timestamp: [4240777424 | 0, 0] }
  assert.deepEqual(parseBytes(bytes(TCP_SYN).subarray(54)), { whole: true, found })
})

test('reads the timestamp of a captured segment, and the same without the common order', () => {
  const found = { ...NOTHING, timestamp: [4240777424 | 0, 2137492608] }
  assert.deepEqual(parseBytes(bytes(TCP_PSH).subarray(54, 66)), { whole: true, found })
  assert.deepEqual(parse('080afcc520d07f678c80 0101'), { whole: true, found })
  assert.deepEqual(parse('080afcc520d07f678c80 0000'), { whole: true, found })
})

test('nothing leaves nothing of the segment before', () => {
  assert.deepEqual(parse(''), { whole: true, found: NOTHING })
  assert.deepEqual(parse('01010101'), { whole: true, found: NOTHING })
})

test('reads one to four SACK blocks', () => {
  for (let count = 1; count <= options.MAX_SACK_BLOCKS; count++) {
    const edges = Array.from({ length: 2 * count }, (_, i) => (0xfffff000 + i * 1448) | 0)
    const hex = edges.map((edge) => (edge >>> 0).toString(16).padStart(8, '0')).join('')
    const size = (2 + 8 * count).toString(16).padStart(2, '0')
    assert.deepEqual(parse(`010105${size}${hex}`), { whole: true, found: { ...NOTHING, sack: edges } })
  }
})

test('a window scale above 14 is 14 (RFC 7323, 2.3)', () => {
  assert.deepEqual(parse('030300 00').found, { ...NOTHING, scale: 0 })
  assert.deepEqual(parse('03030e 00').found, { ...NOTHING, scale: 14 })
  assert.deepEqual(parse('03030f 00').found, { ...NOTHING, scale: 14 })
  assert.deepEqual(parse('0303ff 00').found, { ...NOTHING, scale: 14 })
})

test('unknown kinds are skipped, what follows the end is not read', () => {
  assert.deepEqual(parse('fd0412ab 020405b4'), { whole: true, found: { ...NOTHING, mss: 1460 } })
  assert.deepEqual(parse('2202 020405b4 0000'), { whole: true, found: { ...NOTHING, mss: 1460 } })
  assert.deepEqual(parse('00 020405b4'), { whole: true, found: NOTHING })
})

test('a length that cannot be ends the parse; what came before stands', () => {
  const before = { ...NOTHING, mss: 1460 }
  for (const rest of [
    '02', // no length
    '0200', // below 2
    '0201',
    '03050a00', // not a window scale's
    '0402 0403 00', // the second SACK-permitted
    '080b000000010000000200',
    '0809000000010000000200',
    '0502', // SACK without a block
    '050900000001000000',
    '050b000000010000000200',
    '0804', // past the end
    '05120000000100000002',
    'fd0500', // unknown, past the end
    'fd00',
  ]) {
    const { whole, found } = parse(`020405b4 ${rest}`)
    assert.equal(whole, false, rest)
    assert.deepEqual({ ...found, sackPermitted: 0 }, before, rest)
  }
  assert.equal(parse('0203b4').whole, false)
  assert.equal(parse('0205b40000').whole, false)
})

test('any bytes at all neither throw nor read past their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (content) => {
      parseBytes(content)
    }),
    { numRuns: 5_000 },
  )
  // Bytes that look like options more often than not.
  const kinds = fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 10, 18, 26, 34, 0xff)
  fc.assert(
    fc.property(fc.array(kinds, { maxLength: 40 }), (content) => {
      parseBytes(Uint8Array.from(content))
    }),
    { numRuns: 5_000 },
  )
})

test('a SACK of more blocks than fit in a header does not leave its columns', () => {
  const content = new Uint8Array(2 + 8 * 5)
  content[0] = 5
  content[1] = content.length
  assert.deepEqual(parseBytes(content), { whole: false, found: NOTHING })
})

test('writes the options of the captured SYN byte for byte', () => {
  const block = written(20, (view, at) => {
    assert.equal(options.writeSyn(view, at, 1460, 10, 1, 1, 0xfcc520d0, 0), 20)
  })
  assertBytes(block, bytes(TCP_SYN).subarray(54, 74))
})

test('every SYN it writes is a multiple of 4 and reads back', () => {
  for (const mss of [0, 536, 1460, 65495]) {
    for (const scale of [-1, 0, 7, 14]) {
      for (const sack of [0, 1] as const) {
        for (const stamp of [0, 1] as const) {
          const length = 4 + (stamp === 1 ? 12 : sack === 1 ? 4 : 0) + (scale < 0 ? 0 : 4)
          const block = written(length, (view, at) => {
            assert.equal(options.writeSyn(view, at, mss, scale, sack, stamp, -2, 3), length)
          })
          const found = { mss, scale, sackPermitted: sack, timestamp: stamp === 1 ? [-2, 3] : null, sack: [] }
          assert.deepEqual(parseBytes(block), { whole: true, found })
        }
      }
    }
  }
})

test('writes the timestamp of the captured segment byte for byte', () => {
  const block = written(options.TIMESTAMP_LENGTH, (view, at) => {
    assert.equal(options.writeTimestamp(view, at, 0xfcc520d0, 0x7f678c80), options.TIMESTAMP_LENGTH)
  })
  assertBytes(block, bytes(TCP_PSH).subarray(54, 66))
})

test('writes SACK blocks from the middle of an array', () => {
  const ranges = Int32Array.of(9, 9, 1, 2, -4, -3)
  const block = written(20, (view, at) => {
    assert.equal(options.writeSack(view, at, ranges, 2, 2), 20)
  })
  assertBytes(block, bytes('01010512 00000001 00000002 fffffffc fffffffd'))
  assert.deepEqual(parseBytes(block).found, { ...NOTHING, sack: [1, 2, -4, -3] })
})
