import { FlowTable, tableBytes } from '../../src/flow/flow-table.js'
import { KIND_TCP } from '../../src/net/flow-row.js'
import type { MicroCase } from './measure.js'

const GUEST = 0x0a000264
const REMOTE = 0x08080808

function filled(flows: number): FlowTable {
  const capacity = flows + 1
  const table = new FlowTable(new ArrayBuffer(tableBytes(capacity)), capacity, new Int32Array([0x9e3779b9, 0x7f4a7c15]))
  for (let i = 0; i < flows; i++) table.insert(KIND_TCP, GUEST, REMOTE + i, 80)
  return table
}

const find = (flows: number): MicroCase => {
  const table = filled(flows)
  return {
    name: `flow table find among ${flows}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= table.find(KIND_TCP, GUEST, REMOTE + (i % flows), 80)
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
        const row = table.insert(KIND_TCP, GUEST, i, 443)
        sum ^= row
        table.remove(row)
      }
      return sum
    },
  }
}

export const cases: readonly MicroCase[] = [find(1), find(1000), find(100_000), insertAndRemove(1000), insertAndRemove(100_000)]
