import { hash2, hash4, hash7 } from '../../src/util/hash.js'
import type { MicroCase } from './measure.js'

const K0 = 0x9e3779b9
const K1 = 0x7f4a7c15

export const cases: readonly MicroCase[] = [
  {
    name: 'hash2',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= hash2(K0, K1, 0x0a000264, i)
      return sum
    },
  },
  {
    name: 'hash4',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= hash4(K0, K1, 0x0a000264, i, 0x08080808, 6)
      return sum
    },
  },
  {
    name: 'hash7',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= hash7(K0, K1, 0x0a000264, 0, 0, 0xffff, i, 0x08080808, 6)
      return sum
    },
  },
]
