import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash2, hash4, hash5, hash6, hash7 } from '../../../src/util/hash.js'

const K0 = 0x9e3779b9
const K1 = 0x7f4a7c15

test('the vectors of HalfSipHash-1-3', () => {
  // Key 00..07, input 00 01 02 ..., as in the Linux kernel's self-test of hsiphash for 32-bit machines.
  const k0 = 0x03020100
  const k1 = 0x07060504
  const [a, b, c, d, e, f, g] = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514, 0x1b1a1918] as const
  assert.equal(hash2(k0, k1, a, b), 0x577999b1 | 0)
  assert.equal(hash4(k0, k1, a, b, c, d), 0x8b31d501 | 0)
  assert.equal(hash5(k0, k1, a, b, c, d, e), 0x911bb605 | 0)
  assert.equal(hash6(k0, k1, a, b, c, d, e, f), 0x57150ad7 | 0)
  assert.equal(hash7(k0, k1, a, b, c, d, e, f, g), 0x0a4100d0 | 0)
})

/** Chi-squared of `counts` against an even spread, in standard deviations from its mean. */
function deviation(counts: Int32Array, total: number): number {
  const expected = total / counts.length
  let chi = 0
  for (const count of counts) chi += (count - expected) ** 2 / expected
  const freedom = counts.length - 1
  return (chi - freedom) / Math.sqrt(2 * freedom)
}

test('consecutive ports and addresses spread evenly over low and high bits', () => {
  const low = new Int32Array(4096)
  const high = new Int32Array(4096)
  let total = 0
  for (let port = 1024; port < 65536; port++) {
    for (let host = 1; host <= 4; host++) {
      const hash = hash4(K0, K1, 0x0a000264, (port << 16) | 443, 0xc0000200 | host, 6)
      low[hash & 4095]!++
      high[hash >>> 20]!++
      total++
    }
  }
  assert.ok(Math.abs(deviation(low, total)) < 5, `low bits: ${deviation(low, total)}`)
  assert.ok(Math.abs(deviation(high, total)) < 5, `high bits: ${deviation(high, total)}`)
})

test('every bit of every word and of the key changes every bit of the hash in about half of all cases', () => {
  const runs = 512
  const flips = new Int32Array(9 * 32 * 32)
  const words = new Int32Array(9)
  const hash = (): number => hash7(words[0]!, words[1]!, words[2]!, words[3]!, words[4]!, words[5]!, words[6]!, words[7]!, words[8]!)
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < 9; i++) words[i] = Math.imul(run * 9 + i + 1, 0x85ebca6b)
    const before = hash()
    for (let bit = 0; bit < 9 * 32; bit++) {
      words[bit >> 5]! ^= 1 << (bit & 31)
      const changed = hash() ^ before
      words[bit >> 5]! ^= 1 << (bit & 31)
      for (let out = 0; out < 32; out++) flips[bit * 32 + out]! += (changed >>> out) & 1
    }
  }
  // Six standard deviations of a fair coin: 9,216 coins stay inside.
  const bound = 6 * Math.sqrt(runs / 4)
  for (const count of flips) assert.ok(Math.abs(count - runs / 2) < bound, `${count} of ${runs}`)
})

test('another key, another order: keys that collide under one do not under the next', () => {
  const colliding: number[] = []
  for (let port = 0; colliding.length < 64; port++) if ((hash2(K0, K1, 7, port) & 1023) === 0) colliding.push(port)
  const slots = new Set(colliding.map((port) => hash2(K0 + 1, K1, 7, port) & 1023))
  assert.ok(slots.size > 48, `${slots.size} slots for 64 keys`)
})
