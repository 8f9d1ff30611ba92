import * as checksum from '../../src/wire/checksum.js'
import type { MicroCase } from './measure.js'

const view = new DataView(new ArrayBuffer(1 << 17))
for (let i = 0; i < view.byteLength; i++) view.setUint8(i, (i * 167) & 0xff)

/** Odd offsets as frames have them: a 14-byte Ethernet header leaves all that follows off its alignment. */
const AT = 14

function add(length: number): MicroCase {
  return {
    name: `checksum.add, ${length} bytes`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum = checksum.add(view, AT + (i & 63), length, sum)
      return sum
    },
  }
}

export const cases: readonly MicroCase[] = [
  add(20),
  add(64),
  add(1_500),
  add(65_483),
  {
    name: 'checksum.pseudoHeader4',
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= checksum.pseudoHeader4(0x0a000264 + i, 0x0a000202, 6, i & 0xffff)
      return sum
    },
  },
]
