import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlowTable, LIST_DATAGRAM, LIST_HALF_OPEN, LIST_NONE, LIST_TIME_WAIT, MAX_FLOWS, tableBytes } from '../../../src/flow/flow-table.js'
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
  assert.equal(t.oldest(LIST_DATAGRAM), a)
  t.file(a, LIST_DATAGRAM)
  assert.equal(t.oldest(LIST_DATAGRAM), b)
  t.remove(b)
  assert.equal(t.oldest(LIST_DATAGRAM), c)
  t.remove(c)
  t.remove(a)
  assert.equal(t.oldest(LIST_DATAGRAM), 0)
})

test('lists behave like lists, whatever is filed, inserted and removed', () => {
  const operation = fc.record({ port: fc.integer({ min: 1, max: 6 }), list: fc.integer({ min: 0, max: 4 }) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const t = table(8)
      const rows = new Map<number, number>()
      const twins: number[][] = [[], [], [], []]
      for (const { port, list } of operations) {
        const row = rows.get(port) ?? t.insert(KIND_TCP, 1, 2, port)
        rows.set(port, row)
        for (const twin of twins) if (twin.includes(row)) twin.splice(twin.indexOf(row), 1)
        if (list < 4) {
          t.file(row, list)
          if (list !== LIST_NONE) twins[list]!.push(row)
        } else {
          t.remove(row)
          rows.delete(port)
        }
        for (const l of [LIST_TIME_WAIT, LIST_HALF_OPEN, LIST_DATAGRAM]) assert.equal(t.oldest(l), twins[l]![0] ?? 0)
      }
    }),
  )
})

test('a full table takes the row of what can be missed most, and never an established connection', () => {
  const t = table(4)
  const evicted: number[] = []
  const evictor = {
    evict: (row: number): void => {
      evicted.push(row)
      t.remove(row)
    },
  }
  for (const kind of [KIND_TCP, KIND_UDP, KIND_PING]) t.serve(kind, evictor)
  const datagram = t.insert(KIND_UDP, 1, 0, 1)
  const halfOpen = t.insert(KIND_TCP, 1, 2, 2)
  const established = t.insert(KIND_TCP, 1, 2, 3)
  t.file(established, LIST_NONE)
  const over = t.insert(KIND_TCP, 1, 2, 4)
  t.file(over, LIST_TIME_WAIT)
  for (let port = 5; port < 8; port++) t.file(t.insert(KIND_TCP, 1, 2, port), LIST_NONE)
  assert.deepEqual(evicted, [over, datagram, halfOpen])
  assert.equal(t.evictions, 3)
  assert.equal(t.insert(KIND_TCP, 1, 2, 8), 0)
  assert.equal(t.find(KIND_TCP, 1, 2, 3), established)
})

test('half-open connections go before datagram flows once they are more than a quarter of the table', () => {
  const t = table(8)
  const evictor = { evict: (row: number): void => t.remove(row) }
  for (const kind of [KIND_TCP, KIND_UDP]) t.serve(kind, evictor)
  for (let port = 1; port <= 6; port++) t.insert(KIND_UDP, 1, 0, port)
  for (let port = 1; port <= 2; port++) t.insert(KIND_TCP, 1, 2, port)
  t.insert(KIND_TCP, 1, 2, 3)
  assert.equal(t.find(KIND_UDP, 1, 0, 1), 0)
  for (let port = 4; port < 100; port++) t.insert(KIND_TCP, 1, 2, port)
  assert.notEqual(t.find(KIND_UDP, 1, 0, 2), 0)
  assert.equal(t.find(KIND_TCP, 1, 2, 1), 0)
  for (let port = 97; port < 100; port++) assert.notEqual(t.find(KIND_TCP, 1, 2, port), 0)
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
