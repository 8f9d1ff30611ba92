// Clients of published ports as somebody on the network would use them against the sandbox: thousands of idle connections and of datagrams from
// ports and addresses that nobody has ever seen. The sandbox keeps a part of the table, each client has a share of the rest, and who has been
// answered goes after who has not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIST_DATAGRAM, LIST_NONE, LIST_TIME_WAIT } from '../../../src/flow/flow-lists.js'
import { type FlowLimits, FlowTable, tableBytes } from '../../../src/flow/flow-table.js'
import {
  GENERATION,
  KIND_DIRECT,
  KIND_TCP,
  KIND_UDP,
  KIND_UDP_FORWARD,
  PACKETS_IN,
  PACKETS_OUT,
  ROW_SHIFT,
} from '../../../src/net/flow-row.js'
import { MAPPED } from '../../../src/wire/numbers.js'
import { ends } from '../../support/ends.js'

const CAPACITY = 4096
const OF_CLIENTS = 3072
const SHARE = 1024
const KEPT = 256
const GUEST = 1
const CLIENT = 0x0a090000

class Attacked {
  readonly table: FlowTable
  readonly evicted = new Set<number>()

  constructor(limits: Partial<FlowLimits> = {}, capacity = CAPACITY) {
    const none = { maxFlowsPerDestination: capacity, maxFlowsPerGuest: capacity }
    const all = { ...none, maxHalfOpen: capacity / 4, maxFlowsPerClient: capacity / 4, ...limits }
    this.table = new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([7, ~7]), all)
    const evictor = {
      evict: (row: number): void => {
        this.evicted.add(this.stamp(row))
        this.table.remove(row)
      },
    }
    for (const kind of [KIND_TCP, KIND_UDP, KIND_UDP_FORWARD, KIND_DIRECT]) this.table.serve(kind, evictor)
  }

  /** A row with its generation: rows have several owners one after the other. */
  stamp(row: number): number {
    return row === 0 ? 0 : (row << 8) | this.table.rows[(row << ROW_SHIFT) + GENERATION]!
  }

  /** A connection of a client, established: its stamp, 0 when it is refused. */
  connect(address: number, port: number, kind = KIND_TCP): number {
    const words = ends(GUEST, address)
    const who = new Int32Array([0, 0, MAPPED, address, port])
    if (!this.table.admitsClient(words, 0, who, 0)) return 0
    const row = this.table.insertClient(kind, words, 0, port, who, 0)
    if (row !== 0) this.table.file(row, LIST_NONE)
    return this.stamp(row)
  }

  /** The first datagram of a client. */
  arrive(address: number, port: number): number {
    const words = ends(GUEST, address)
    if (!this.table.admitsClient(words, 0, null, 0)) return 0
    const row = this.table.insertClient(KIND_UDP_FORWARD, words, 0, port, new Int32Array([0, 0, MAPPED, address, port]), 0)
    const stamp = this.stamp(row)
    if (row !== 0) this.used(stamp, PACKETS_OUT)
    return stamp
  }

  used(stamp: number, column: number): void {
    const row = stamp >>> 8
    this.table.rows[(row << ROW_SHIFT) + column]!++
    this.table.file(row, LIST_DATAGRAM)
  }

  /** A mapping of the sandbox's own. */
  map(port: number): number {
    return this.stamp(this.table.insert(KIND_UDP, ends(GUEST, 0), 0, port))
  }

  /** A connection of the sandbox's own that is not established yet. */
  begin(port: number): number {
    return this.stamp(this.table.insert(KIND_TCP, ends(GUEST, 9), 0, port))
  }

  isThere(stamp: number): boolean {
    return stamp !== 0 && !this.evicted.has(stamp)
  }

  /** A flow becomes established, or is over. */
  file(stamp: number, list: number): void {
    this.table.file(stamp >>> 8, list)
  }
}

const count = (rows: readonly number[]): number => rows.filter((row) => row !== 0).length
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

for (const [way, kind] of [
  ['over the interface', KIND_TCP],
  ['past it', KIND_DIRECT],
] as const) {
  test(`thousands of idle connections ${way} from one address have its share, from many the clients' part, and the sandbox goes on`, () => {
    const a = new Attacked()
    const own = times(500, (i) => a.map(i + 1))
    assert.equal(count(times(CAPACITY, (i) => a.connect(CLIENT, i + 1, kind))), SHARE)
    assert.equal(count(times(CAPACITY, (i) => a.connect(CLIENT + 1 + (i % 256), i + 1, kind))), OF_CLIENTS - SHARE)
    assert.ok(own.every((row) => a.isThere(row)))
    const connects = times(CAPACITY - OF_CLIENTS - 500, (i) => a.begin(i + 1))
    for (const row of connects) a.file(row, LIST_NONE)
    assert.ok(connects.every((row) => a.isThere(row)))
    assert.equal(a.evicted.size, 0)
    // What the sandbox has beyond gives way to its own.
    assert.notEqual(a.begin(5000), 0)
    assert.deepEqual([...a.evicted], [own[0]])
  })
}

test('one whose connections end has its share again, and what is over makes room for clients', () => {
  const a = new Attacked()
  const rows = times(SHARE, (i) => a.connect(CLIENT, i + 1))
  assert.equal(a.connect(CLIENT, 5000), 0)
  for (const row of rows) a.file(row, LIST_TIME_WAIT)
  assert.equal(count(times(SHARE, (i) => a.connect(CLIENT, i + 10_000))), SHARE)
  a.table.remove(a.table.find(KIND_TCP, ends(GUEST, CLIENT), 0, 10_000))
  assert.notEqual(a.connect(CLIENT, 6000), 0)
  assert.equal(a.connect(CLIENT, 6001), 0)
  assert.equal(count(times(CAPACITY, (i) => a.connect(CLIENT + 1 + (i % 256), i + 1))), OF_CLIENTS - SHARE)
  assert.equal(a.table.inUse, OF_CLIENTS, 'nothing of it was the sandbox’s part')
  assert.equal(a.table.evictions, 0)
})

test('a host of IPv6 has one share, whichever of its addresses it takes', () => {
  const a = new Attacked({}, 64)
  const connect = (host: number, i: number): number => {
    const words = new Int32Array([0xfd000000, 0, 0, 1, 0x20010db8, host, i, i])
    const who = new Int32Array([...words.subarray(4), 1])
    if (!a.table.admitsClient(words, 0, who, 0)) return 0
    return a.table.insertClient(KIND_TCP, words, 0, i, who, 0)
  }
  assert.equal(count(times(64, (i) => connect(1, i + 1))), 16)
  assert.equal(count(times(64, (i) => connect(2, i + 1))), 16)
})

test('strangers of 65,000 ports take each other’s rows, and none of a mapping, a connect or a client that is answered', () => {
  const a = new Attacked()
  const own = times(600, (i) => a.map(i + 1))
  const known = times(20, (i) => a.arrive(CLIENT + 77, i + 1))
  for (const row of known) a.used(row, PACKETS_IN)
  for (let port = 1; port <= 65_000; port++) {
    a.arrive(CLIENT, port)
    if (port % 1000 !== 0) continue
    own.push(a.map(port))
    const connect = a.begin(port)
    own.push(connect)
    a.file(connect, LIST_NONE)
  }
  assert.ok([...own, ...known].every((row) => a.isThere(row)))
  assert.ok(a.table.inUse <= OF_CLIENTS + own.length)
  // One that is new among them is there until it is answered.
  const fresh = a.arrive(CLIENT + 99, 1)
  for (let port = 1; port <= 1000; port++) a.arrive(CLIENT, port)
  assert.ok(a.isThere(fresh))
})

test('a client with its share of answered flows has no more that are kept, and others have theirs', () => {
  const a = new Attacked()
  const greedy = times(OF_CLIENTS, (i) => a.arrive(CLIENT, i + 1))
  for (const row of greedy) a.used(row, PACKETS_IN)
  const others = times(OF_CLIENTS - SHARE, (i) => a.arrive(CLIENT + 1 + (i % 100), i + 1))
  for (const row of others) a.used(row, PACKETS_IN)
  assert.ok(others.every((row) => a.isThere(row)))
  assert.equal(greedy.filter((row) => a.isThere(row)).length, SHARE)
})

test('in a table full of idle mappings a burst of new clients of UDP has its rows, and a flood of them no more than that', () => {
  const a = new Attacked()
  const own = times(CAPACITY, (i) => a.map(i + 1))
  const burst = times(KEPT, (i) => a.arrive(CLIENT + i, 1))
  assert.ok(burst.every((row) => row !== 0))
  assert.deepEqual([...a.evicted], own.slice(0, KEPT))
  for (let i = 0; i < 10_000; i++) a.arrive(CLIENT + 1000, i + 1)
  assert.ok(own.slice(KEPT).every((row) => a.isThere(row)))
})

test('connections that come leave clients of UDP a few rows', () => {
  const a = new Attacked()
  const known = times(KEPT, (i) => a.arrive(CLIENT + i, 1))
  for (const row of known) a.used(row, PACKETS_IN)
  for (let i = 0; i < CAPACITY; i++) a.connect(CLIENT + 1000 + (i % 100), i + 1)
  assert.ok(known.every((row) => a.isThere(row)))
})

test('a sandbox that may have so many flows has a quarter of them for itself', () => {
  const a = new Attacked({ maxFlowsPerGuest: 100 })
  assert.equal(count(times(200, (i) => a.connect(CLIENT + i, i + 1))), 75)
  assert.equal(a.table.admits(ends(GUEST, 0), 0, false), true)
  for (let port = 1; port <= 25; port++) a.map(port)
  assert.equal(a.table.admits(ends(GUEST, 0), 0, false), false)
})

test('a server that does not answer holds up no connect of the sandbox’s', () => {
  const a = new Attacked()
  const connects = times(SHARE, (i) => a.begin(i + 1))
  for (let i = 0; i < 5000; i++) {
    const address = CLIENT + (i % 256)
    a.table.insertClient(KIND_TCP, ends(GUEST, address), 0, i + 1, new Int32Array([0, 0, MAPPED, address, i + 1]), 0)
  }
  assert.ok(connects.every((row) => a.isThere(row)))
  assert.equal(a.table.inUse, 2 * SHARE)
})

test('whatever comes and goes, no count is left behind', () => {
  const a = new Attacked({}, 64)
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 64; i++) {
      const row = i % 3 === 0 ? a.arrive(CLIENT + (i % 5), round * 64 + i + 1) : a.connect(CLIENT + (i % 5), round * 64 + i + 1)
      if (row === 0) continue
      if (i % 2 === 0) a.used(row, i % 3 === 0 ? PACKETS_IN : PACKETS_OUT)
      if (i % 3 === 1) a.file(row, LIST_TIME_WAIT)
    }
  }
  for (let row = 1; row <= 64; row++) if (a.table.rows[row << ROW_SHIFT] !== 0) a.table.remove(row)
  assert.equal(count(times(64, (i) => a.connect(CLIENT, i + 1))), 16)
  assert.equal(count(times(64, (i) => a.connect(CLIENT + 1 + i, i + 1))), 32)
})
