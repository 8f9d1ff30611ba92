import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LIST_DATAGRAM, LIST_HALF_OPEN, LIST_NONE, LIST_TIME_WAIT } from '../../../src/flow/flow-lists.js'
import { type FlowLimits, FlowTable, MAX_FLOWS, tableBytes } from '../../../src/flow/flow-table.js'
import { GENERATION, KIND_PING, KIND_TCP, KIND_UDP, ROW_SHIFT } from '../../../src/net/flow-row.js'
import { ends } from '../../support/ends.js'

const table = (capacity: number, key = 7): FlowTable =>
  new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([key, ~key]))

/** A table that gives rows away, and says whose: the rows in the order in which their flows were ended for others. */
function evicting(capacity: number, limits?: Partial<FlowLimits>): { t: FlowTable; evicted: number[] } {
  const none = { maxHalfOpen: capacity, maxFlowsPerDestination: capacity, maxFlowsPerGuest: capacity, maxFlowsPerClient: capacity }
  const all: FlowLimits = { ...none, ...limits }
  const t = new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([7, ~7]), all)
  const evicted: number[] = []
  const evictor = {
    evict: (row: number): void => {
      evicted.push(row)
      t.remove(row)
    },
  }
  for (const kind of [KIND_TCP, KIND_UDP, KIND_PING]) t.serve(kind, evictor)
  return { t, evicted }
}

/** Rows of `count` new half-open connections. */
function halfOpen(t: FlowTable, count: number, port = 1000): number[] {
  return Array.from({ length: count }, (_, i) => t.insert(KIND_TCP, ends(1, 2), 0, port + i))
}

test('what was inserted is found by its own key and no other', () => {
  const t = table(8)
  const row = t.insert(KIND_TCP, ends(1, 2), 0, 3)
  assert.equal(t.find(KIND_TCP, ends(1, 2), 0, 3), row)
  for (const [kind, guest, remote, ports] of [
    [KIND_UDP, 1, 2, 3],
    [KIND_TCP, 9, 2, 3],
    [KIND_TCP, 1, 9, 3],
    [KIND_TCP, 1, 2, 9],
  ] as const) {
    assert.equal(t.find(kind, ends(guest, remote), 0, ports), 0)
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
          const row = t.insert(KIND_TCP, ends(1, 2), 0, port)
          assert.equal(row === 0, twin.size === 24)
          if (row !== 0) twin.set(port, row)
        } else if (!isInsert && known !== undefined) {
          t.remove(known)
          twin.delete(port)
        }
        for (let p = 1; p <= 40; p++) assert.equal(t.find(KIND_TCP, ends(1, 2), 0, p), twin.get(p) ?? 0)
        assert.equal(t.inUse, twin.size)
      }
    }),
    { numRuns: 60 },
  )
})

test('the oldest datagram flow is the one least recently used; TCP is never among them', () => {
  const t = table(8)
  t.insert(KIND_TCP, ends(1, 1), 0, 1)
  const a = t.insert(KIND_UDP, ends(1, 0), 0, 1)
  const b = t.insert(KIND_PING, ends(1, 0), 0, 2)
  const c = t.insert(KIND_UDP, ends(1, 0), 0, 3)
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
        const row = rows.get(port) ?? t.insert(KIND_TCP, ends(1, 2), 0, port)
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

test('a full table takes the row of what is over, then of the oldest datagram flow, then of the oldest half-open connection', () => {
  const { t, evicted } = evicting(23)
  const datagrams = [t.insert(KIND_UDP, ends(1, 0), 0, 1), t.insert(KIND_PING, ends(1, 0), 0, 2)]
  const established = t.insert(KIND_TCP, ends(1, 2), 0, 3)
  t.file(established, LIST_NONE)
  const connects = halfOpen(t, 18)
  const over = [t.insert(KIND_TCP, ends(1, 2), 0, 4), t.insert(KIND_TCP, ends(1, 2), 0, 5)]
  for (const row of over) t.file(row, LIST_TIME_WAIT)
  t.file(datagrams[0]!, LIST_DATAGRAM)
  // Those that come are established at once.
  for (let port = 10; port < 10 + 22; port++) t.file(t.insert(KIND_TCP, ends(1, 2), 0, port), LIST_NONE)
  assert.deepEqual(evicted, [...over, datagrams[1], datagrams[0], ...connects])
  // What is over costs nobody anything.
  assert.equal(t.evictions, 20)
  assert.equal(t.insert(KIND_UDP, ends(1, 0), 0, 99), 0, 'all are established')
  assert.equal(t.find(KIND_TCP, ends(1, 2), 0, 3), established)
})

test('a flood of datagram flows through a full table lets connects go on', () => {
  const { t } = evicting(64)
  for (let port = 1; port <= 64; port++) t.insert(KIND_UDP, ends(1, 0), 0, port)
  const connects = halfOpen(t, 16)
  for (let port = 100; port < 1000; port++) t.insert(KIND_UDP, ends(1, 0), 0, port)
  assert.deepEqual(
    connects.map((_, i) => t.find(KIND_TCP, ends(1, 2), 0, 1000 + i)),
    connects,
  )
})

test('a table full of idle mappings gives every connect of a burst its row, up to what may be half open', () => {
  const { t } = evicting(4096, { maxHalfOpen: 1024 })
  for (let port = 1; port <= 4096; port++) t.insert(KIND_UDP, ends(1, 0), 0, port)
  const connects = halfOpen(t, 1024)
  assert.deepEqual(
    connects.map((_, i) => t.find(KIND_TCP, ends(1, 2), 0, 1000 + i)),
    connects,
  )
  for (let port = 1; port <= 1024; port++) assert.equal(t.find(KIND_UDP, ends(1, 0), 0, port), 0, 'those used least recently went')
  // From then on it is a flood: it has no more rows, and costs the mappings that are left none.
  halfOpen(t, 5000, 10_000)
  for (let port = 1025; port <= 4096; port++) assert.notEqual(t.find(KIND_UDP, ends(1, 0), 0, port), 0)
})

test('a flood of SYNs has as many rows as it may, and takes none of anybody else', () => {
  const { t, evicted } = evicting(64, { maxHalfOpen: 8 })
  const others = [t.insert(KIND_UDP, ends(1, 0), 0, 1), t.insert(KIND_TCP, ends(1, 2), 0, 2), t.insert(KIND_TCP, ends(1, 2), 0, 3)]
  t.file(others[1]!, LIST_NONE)
  t.file(others[2]!, LIST_TIME_WAIT)
  halfOpen(t, 10_000)
  assert.equal(t.inUse, 3 + 8)
  assert.equal(t.evictions, 10_000 - 8)
  assert.equal(
    evicted.some((row) => others.includes(row)),
    false,
  )
  for (let port = 1000 + 9_992; port < 1000 + 10_000; port++) assert.notEqual(t.find(KIND_TCP, ends(1, 2), 0, port), 0, 'the newest stay')
  // One that becomes established makes room for the next.
  t.file(t.find(KIND_TCP, ends(1, 2), 0, 10_999), LIST_NONE)
  const before = t.evictions
  t.insert(KIND_TCP, ends(1, 2), 0, 5)
  assert.equal(t.evictions, before)
})

test('a limit that is not below the capacity is none: it makes room', () => {
  const { t } = evicting(4)
  halfOpen(t, 4)
  assert.equal(t.admits(ends(1, 2), 0, true), true)
})

test('a guest has as many flows as it may, a destination as many connections; what is over does not count', () => {
  const { t } = evicting(64, { maxFlowsPerDestination: 3, maxFlowsPerGuest: 5 })
  const [GUEST, OTHER, REMOTE, ELSEWHERE] = [1, 2, 30, 40]
  const rows = halfOpen(t, 0)
  for (let port = 1; port <= 3; port++) {
    assert.equal(t.admits(ends(GUEST, REMOTE), 0, true), true)
    rows.push(t.insert(KIND_TCP, ends(GUEST, REMOTE), 0, port))
  }
  assert.equal(t.admits(ends(GUEST, REMOTE), 0, true), false)
  assert.equal(t.admits(ends(OTHER, REMOTE), 0, true), false, 'whoever asks')
  assert.equal(t.admits(ends(GUEST, ELSEWHERE), 0, true), true)
  t.insert(KIND_UDP, ends(GUEST, 0), 0, 4)
  const ping = t.insert(KIND_PING, ends(GUEST, 0), 0, 5)
  assert.deepEqual([t.admits(ends(GUEST, ELSEWHERE), 0, true), t.admits(ends(GUEST, 0), 0, false)], [false, false])
  assert.deepEqual([t.admits(ends(OTHER, ELSEWHERE), 0, true), t.admits(ends(OTHER, 0), 0, false)], [true, true])
  t.file(rows[0]!, LIST_NONE)
  assert.equal(t.admits(ends(GUEST, 0), 0, false), false, 'established ones count')
  t.file(rows[0]!, LIST_TIME_WAIT)
  t.file(rows[0]!, LIST_TIME_WAIT)
  assert.deepEqual([t.admits(ends(GUEST, REMOTE), 0, true), t.admits(ends(GUEST, 0), 0, false)], [true, true])
  t.insert(KIND_TCP, ends(GUEST, REMOTE), 0, 6)
  t.remove(rows[0]!)
  assert.deepEqual([t.admits(ends(GUEST, REMOTE), 0, true), t.admits(ends(GUEST, 0), 0, false)], [false, false])
  t.remove(ping)
  assert.deepEqual([t.admits(ends(GUEST, REMOTE), 0, true), t.admits(ends(GUEST, 0), 0, false)], [false, true])
})

test('a row that is used again has another generation', () => {
  const t = table(1)
  const row = t.insert(KIND_TCP, ends(1, 1), 0, 1)
  const generation = t.rows[(row << ROW_SHIFT) + GENERATION]
  t.remove(row)
  assert.equal(t.insert(KIND_TCP, ends(1, 1), 0, 2), row)
  assert.notEqual(t.rows[(row << ROW_SHIFT) + GENERATION], generation)
})

test('a size that cannot be is refused in one line', () => {
  assert.throws(() => table(0), /1 to 524288/)
  assert.throws(() => new FlowTable(new ArrayBuffer(8), MAX_FLOWS + 1, new Int32Array(2)), { code: 'ERR_FLOWS' })
})
