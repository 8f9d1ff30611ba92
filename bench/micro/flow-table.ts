import { LIST_NONE, LIST_TIME_WAIT } from '../../src/flow/flow-lists.js'
import { type FlowLimits, FlowTable, tableBytes } from '../../src/flow/flow-table.js'
import { KIND_TCP } from '../../src/net/flow-row.js'
import { MAPPED } from '../../src/wire/numbers.js'
import type { MicroCase } from './measure.js'

const GUEST = 0x0a000264
const REMOTE = 0x08080808

const WORDS = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
/** Both ends of a flow: valid until the next. */
function ends(guest: number, remote: number): Int32Array {
  WORDS[3] = guest
  WORDS[7] = remote
  return WORDS
}

function filled(flows: number): FlowTable {
  const capacity = flows + 1
  const table = new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([0x9e3779b9, 0x7f4a7c15]))
  for (let i = 0; i < flows; i++) table.insert(KIND_TCP, ends(GUEST, REMOTE + i), 0, 80)
  return table
}

const find = (flows: number): MicroCase => {
  const table = filled(flows)
  return {
    name: `flow table find among ${flows}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= table.find(KIND_TCP, ends(GUEST, REMOTE + (i % flows)), 0, 80)
      return sum
    },
  }
}

const insertAndRemove = (flows: number): MicroCase => {
  const table = filled(flows - 1)
  return {
    name: `flow table insert and remove among ${flows}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        const row = table.insert(KIND_TCP, ends(GUEST, i), 0, 443)
        sum ^= row
        table.remove(row)
      }
      return sum
    },
  }
}

/** A full table of connections that are over: each new one takes the row of the oldest, is established, and over. */
const insertAndEvict = (flows: number, what: string, limits?: FlowLimits): MicroCase => {
  const table = new FlowTable(new ArrayBuffer(tableBytes(flows)), flows, new Int32Array([0x9e3779b9, 0x7f4a7c15]), limits)
  table.serve(KIND_TCP, { evict: (row) => table.remove(row) })
  const live = (i: number): number => {
    const row = table.insert(KIND_TCP, ends(GUEST, REMOTE + (i & 1023)), 0, i)
    table.file(row, LIST_NONE)
    table.file(row, LIST_TIME_WAIT)
    return row
  }
  for (let i = 0; i < flows; i++) live(i)
  let next = flows
  return {
    name: `flow table insert, evict one in TIME-WAIT among ${flows}${what}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        if (!table.admits(ends(GUEST, REMOTE + (next & 1023)), 0, true)) throw new Error('nothing but what is over was there')
        sum ^= live(next++)
      }
      return sum
    },
  }
}

const LIMITS: FlowLimits = { maxHalfOpen: 1024, maxFlowsPerDestination: 100, maxFlowsPerGuest: 1000, maxFlowsPerClient: 1000 }

export const cases: readonly MicroCase[] = [
  find(1),
  find(1000),
  find(100_000),
  insertAndRemove(1),
  insertAndRemove(1000),
  insertAndRemove(100_000),
  insertAndEvict(4096, ''),
  insertAndEvict(32_768, ''),
  insertAndEvict(4096, ', counted', LIMITS),
]
