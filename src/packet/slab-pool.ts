// Slabs: the memory behind the windows we advertise. A flow owns one slab for as long as it lives, and never
// advertises more than that slab can hold, so "never advertise a byte that cannot be held" is true by construction.
//
//   class 0   16 KiB x one for every flow     cannot run out while a row is free
//   class 1  128 KiB x a few hundred          lent to flows that move data
//   class 2    1 MiB x a few dozen            lent to flows that move a lot of it
//
// The arena is virtual memory: a slab costs nothing until a byte has to be held in it (out of order, or refused by
// the host's socket). Its pages stay then, for the next flow: the slab that came back last is lent first.
import type { Arena } from './arena.js'

const SIZES = [16 << 10, 128 << 10, 1 << 20] as const
/** Number of size classes; a class is an index from 0. */
export const SLAB_CLASSES = SIZES.length

/** Most slabs of each class; of the first there is one for every flow. */
const MOST = [Number.POSITIVE_INFINITY, 256, 64] as const

/** How many slabs of a class a network with `flows` rows has. */
const slabCount = (slabClass: number, flows: number): number => Math.min(flows, MOST[slabClass]!)

/** Bytes of arena that the slabs of `flows` rows take. */
export function slabBytes(flows: number): number {
  let bytes = 0
  for (let c = 0; c < SLAB_CLASSES; c++) bytes += slabCount(c, flows) * slabSize(c)
  return bytes
}

export const slabSize = (slabClass: number): number => SIZES[slabClass] ?? 0

export class SlabPool {
  #free: Int32Array[] = []
  #count = new Int32Array(SLAB_CLASSES)
  #total = new Int32Array(SLAB_CLASSES)

  constructor(arena: Arena, flows: number) {
    for (let c = 0; c < SLAB_CLASSES; c++) {
      const count = slabCount(c, flows)
      const base = arena.allot(count * slabSize(c))
      const free = new Int32Array(count)
      for (let i = 0; i < count; i++) free[i] = base + (count - 1 - i) * slabSize(c)
      this.#free.push(free)
      this.#count[c] = count
      this.#total[c] = count
    }
  }

  /** Takes a slab of a class: its arena offset, or -1 when all of them are lent out. */
  acquire(slabClass: number): number {
    const left = this.#count[slabClass] as number
    if (left === 0) return -1
    this.#count[slabClass] = left - 1
    return (this.#free[slabClass] as Int32Array)[left - 1] as number
  }

  /** Gives a slab back. */
  release(slabClass: number, at: number): void {
    const left = this.#count[slabClass] as number
    if (left === this.#total[slabClass]) throw new Error(`slab ${at} released twice`)
    ;(this.#free[slabClass] as Int32Array)[left] = at
    this.#count[slabClass] = left + 1
  }

  /** Slabs lent out, over all classes; 0 when nothing leaks. */
  get inUse(): number {
    let used = 0
    for (let c = 0; c < SLAB_CLASSES; c++) used += (this.#total[c] as number) - (this.#count[c] as number)
    return used
  }
}
