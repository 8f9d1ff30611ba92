import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlowTable, MAX_FLOWS, tableBytes } from '../../../src/flow/flow-table.js'
import { GENERATION, KIND_PING, KIND_TCP, KIND_UDP, ROW_SHIFT } from '../../../src/net/flow-row.js'

const table = (capacity: number, key = 7): FlowTable =>
  new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([key, ~key]))

test('what was inserted is found by its own key and no other', () => {
  const t = table(8)
  const row = t.insert(KIND_TCP, 1, 2, 3)
  assert.equal(t.find(KIND_TCP, 1, 2, 3), row)
  for (const [kind, guest, remote, ports] of [
    [KIND_UDP, 1, 2, 3],
    [KIND_TCP, 9, 2, 3],
    [KIND_TCP, 1, 9, 3],
    [KIND_TCP, 1, 2, 9],
  ] as const) {
    assert.equal(t.find(kind, guest, remote, ports), 0)
  }
})

test('behaves like a map, whatever is inserted and removed', () => {
  const operation = fc.record({ port: fc.integer({ min: 1, max: 40 }), isInsert: fc.boolean() })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), fc.integer(), (operations, key) => {
      const t = table(24, key)
      const twin = new Map<number, number>()
      for (const { port, isInsert } of operations) {
        const known = twin.get(port)
        if (isInsert && known === undefined) {
          const row = t.insert(KIND_TCP, 1, 2, port)
          assert.equal(row === 0, twin.size === 24)
          if (row !== 0) twin.set(port, row)
        } else if (!isInsert && known !== undefined) {
          t.remove(known)
          twin.delete(port)
        }
        for (let p = 1; p <= 40; p++) assert.equal(t.find(KIND_TCP, 1, 2, p), twin.get(p) ?? 0)
        assert.equal(t.inUse, twin.size)
      }
    }),
    { numRuns: 60 },
  )
})

test('the oldest datagram flow is the one least recently used; TCP is never among them', () => {
  const t = table(8)
  t.insert(KIND_TCP, 1, 1, 1)
  const a = t.insert(KIND_UDP, 1, 0, 1)
  const b = t.insert(KIND_PING, 1, 0, 2)
  const c = t.insert(KIND_UDP, 1, 0, 3)
  assert.equal(t.oldest, a)
  t.touch(a)
  assert.equal(t.oldest, b)
  t.remove(b)
  assert.equal(t.oldest, c)
  t.remove(c)
  t.remove(a)
  assert.equal(t.oldest, 0)
})

test('a row that is used again has another generation', () => {
  const t = table(1)
  const row = t.insert(KIND_TCP, 1, 1, 1)
  const generation = t.rows[(row << ROW_SHIFT) + GENERATION]
  t.remove(row)
  assert.equal(t.insert(KIND_TCP, 1, 1, 2), row)
  assert.notEqual(t.rows[(row << ROW_SHIFT) + GENERATION], generation)
})

test('a size that cannot be is refused in one line', () => {
  assert.throws(() => table(0), /1 to 524288/)
  assert.throws(() => new FlowTable(new ArrayBuffer(8), MAX_FLOWS + 1, new Int32Array(2)), { code: 'ERR_FLOWS' })
})
