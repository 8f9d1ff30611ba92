/*
 * UDP mappings: a datagram finds its mapping and makes it the one used last; a new one takes the place of the one used least recently. Our table
 * with its lists against the lru-cache package, whose key is a number or, as an address of IPv6 asks for, a string.
 */
import { LRUCache } from 'lru-cache'
import { LIST_DATAGRAM } from '../../src/flow/flow-lists.js'
import { FlowTable, tableBytes } from '../../src/flow/flow-table.js'
import { KIND_UDP } from '../../src/net/flow-row.js'
import { MAPPED } from '../../src/wire/numbers.js'
import type { MicroCase } from './measure.js'

const GUESTS = 0x0a000200
/** Mappings of one guest. */
const PORTS = 1000
/** A step that leads through all mappings in no order that caches would know, as it has no factor in common with their number. */
const STEP = 7919

const WORDS = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
/** The guest of mapping i: valid until the next. */
function guest(i: number): Int32Array {
  WORDS[3] = GUESTS + Math.trunc(i / PORTS)
  return WORDS
}
const port = (i: number): number => (1024 + (i % PORTS)) << 16
const numberKey = (i: number): number => (GUESTS + Math.trunc(i / PORTS)) * 65_536 + (i % PORTS)
const stringKey = (i: number): string => `${WORDS[0]},${WORDS[1]},${WORDS[2]},${GUESTS + Math.trunc(i / PORTS)},${i % PORTS}`

function tableOf(mappings: number): FlowTable {
  const table = new FlowTable(new ArrayBuffer(tableBytes(mappings)), mappings, new Int32Array([0x9e3779b9, 0x7f4a7c15]))
  table.serve(KIND_UDP, { evict: (row) => table.remove(row) })
  for (let i = 0; i < mappings; i++) table.insert(KIND_UDP, guest(i), 0, port(i))
  return table
}

const useOfTable = (mappings: number): MicroCase => {
  const table = tableOf(mappings)
  let next = 0
  return {
    name: `mapping found and used, one of ${mappings}: flow table`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        next = (next + STEP) % mappings
        const row = table.find(KIND_UDP, guest(next), 0, port(next))
        table.file(row, LIST_DATAGRAM)
        sum ^= row
      }
      return sum
    },
  }
}

const useOfCache = <K extends string | number>(mappings: number, what: string, key: (i: number) => K): MicroCase => {
  const cache = new LRUCache<K, number>({ max: mappings })
  for (let i = 0; i < mappings; i++) cache.set(key(i), i)
  let next = 0
  return {
    name: `mapping found and used, one of ${mappings}: lru-cache, ${what}`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        next = (next + STEP) % mappings
        sum ^= cache.get(key(next)) ?? 0
      }
      return sum
    },
  }
}

const newInTable = (mappings: number): MicroCase => {
  const table = tableOf(mappings)
  let next = mappings
  return {
    name: `mapping begun, the oldest of ${mappings} ended: flow table`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) {
        sum ^= table.insert(KIND_UDP, guest(next), 0, port(next))
        next++
      }
      return sum
    },
  }
}

const newInCache = <K extends string | number>(mappings: number, what: string, key: (i: number) => K): MicroCase => {
  let ended = 0
  const cache = new LRUCache<K, number>({ max: mappings, dispose: () => ended++ })
  for (let i = 0; i < mappings; i++) cache.set(key(i), i)
  let next = mappings
  return {
    name: `mapping begun, the oldest of ${mappings} ended: lru-cache, ${what}`,
    run(count) {
      for (let i = 0; i < count; i++) cache.set(key(next), next++)
      return ended
    },
  }
}

const MANY = 50_000

export const cases: readonly MicroCase[] = [
  ...[1000, 10_000, MANY].map(useOfTable),
  ...[1000, 10_000, MANY].map((mappings) => useOfCache(mappings, 'a number as key', numberKey)),
  useOfCache(MANY, 'a string as key', stringKey),
  newInTable(MANY),
  newInCache(MANY, 'a number as key', numberKey),
  newInCache(MANY, 'a string as key', stringKey),
]
