// Which IDs a sandbox gets from the files of subuid(5), and how they are laid out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTheyAre, type IdLine, layOut, parseRanges } from '../../../src/host/subordinate-ids.js'

const texts = (lines: readonly IdLine[]) => lines.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`)

test('ranges are found by name and by number, and everything else is left out', () => {
  const file = '# alice:1:2\nalice:100000:65536\nbob:1:1\n1000:300000:10\nalice:x:1\nalice:7:0\n\n10001:5:5\nalice:9:9 '
  assert.deepEqual(parseRanges(file, 'alice', 1000), [
    { first: 100_000, count: 65_536 },
    { first: 300_000, count: 10 },
    { first: 9, count: 9 },
  ])
  assert.deepEqual(parseRanges('', 'alice', 1000), [])
})

test('as root inside one has the subordinate IDs from 1 on', () => {
  const ranges = [
    { first: 100_000, count: 10 },
    { first: 300_000, count: 5 },
  ]
  assert.deepEqual(texts(layOut(0, 1000, ranges)), ['0 1000 1', '1 100000 10', '11 300000 5'])
})

test('as oneself one has them around the own ID', () => {
  assert.deepEqual(texts(layOut(3, 3, [{ first: 100, count: 10 }])), ['0 100 3', '3 3 1', '4 103 7'])
  assert.deepEqual(
    texts(
      layOut(1, 1, [
        { first: 100, count: 1 },
        { first: 200, count: 2 },
      ]),
    ),
    ['0 100 1', '1 1 1', '2 200 2'],
  )
  assert.deepEqual(texts(layOut(1000, 1000, [{ first: 100, count: 10 }])), ['0 100 10', '1000 1000 1'])
  assert.deepEqual(
    texts(
      layOut(10, 10, [
        { first: 100, count: 10 },
        { first: 300, count: 1 },
      ]),
    ),
    ['0 100 10', '10 10 1', '11 300 1'],
  )
})

test('a map has no more lines than the launcher takes', () => {
  const ranges = Array.from({ length: 500 }, (_, i) => ({ first: 1_000_000 + 2 * i, count: 1 }))
  assert.equal(layOut(0, 1000, ranges).length, 64)
})

test('root has the IDs that it has itself, as they are', () => {
  assert.deepEqual(texts(asTheyAre('         0          0 4294967295\n')), ['0 0 4294967295'])
  assert.deepEqual(texts(asTheyAre('0 1000 1\n1 100000 65536\n')), ['0 0 1', '1 1 65536'])
})
