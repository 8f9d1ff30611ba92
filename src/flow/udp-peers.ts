// Whom a mapping's guest has sent to: with address-dependent filtering (RFC 4787, 5: REQ-8) it hears nobody else. The addresses are in the
// row's ranges (flow-row.ts), the one sent to last at its place in a ring:
//
//   | number | last | address 0, four words | address 1 | ... | address 30 |
//
// A guest that sends to more than that from one port hears those that it has sent to last.
import { RANGE_WORDS, rangesAt } from '../net/flow-row.js'

const NUMBER = 0
const LAST = 1
const FIRST = 4
/** Addresses of a mapping. */
const MOST = (RANGE_WORDS - FIRST) >>> 2

export class UdpPeers {
  readonly #rows: Int32Array
  readonly #capacity: number

  /** Of a table with rows 0 to `capacity`. */
  constructor(rows: Int32Array, capacity: number) {
    this.#rows = rows
    this.#capacity = capacity
  }

  /** A fresh row has sent to nobody. */
  begin(row: number): void {
    const at = rangesAt(this.#capacity, row)
    this.#rows[at + NUMBER] = this.#rows[at + LAST] = 0
  }

  /** The guest sends to an address; 0: to everybody. */
  add(row: number, a0: number, a1: number, a2: number, a3: number): void {
    const rows = this.#rows
    const at = rangesAt(this.#capacity, row)
    const number = rows[at + NUMBER]!
    if (number > 0 && this.#isAt(at + FIRST + 4 * rows[at + LAST]!, a0, a1, a2, a3)) return
    let place = this.#find(at, number, a0, a1, a2, a3)
    if (place < 0) {
      place = number < MOST ? number : (rows[at + LAST]! + 1) % MOST
      if (number < MOST) rows[at + NUMBER] = number + 1
      const address = at + FIRST + 4 * place
      rows[address] = a0
      rows[address + 1] = a1
      rows[address + 2] = a2
      rows[address + 3] = a3
    }
    rows[at + LAST] = place
  }

  /** Whether the guest has sent to everybody, which is 0, or to the address at `from` of `words`. */
  has(row: number, words: Int32Array, from: number): boolean {
    const at = rangesAt(this.#capacity, row)
    const number = this.#rows[at + NUMBER]!
    return (
      this.#find(at, number, words[from]!, words[from + 1]!, words[from + 2]!, words[from + 3]!) >= 0 ||
      this.#find(at, number, 0, 0, 0, 0) >= 0
    )
  }

  #find(at: number, number: number, a0: number, a1: number, a2: number, a3: number): number {
    for (let i = 0; i < number; i++) if (this.#isAt(at + FIRST + 4 * i, a0, a1, a2, a3)) return i
    return -1
  }

  #isAt(at: number, a0: number, a1: number, a2: number, a3: number): boolean {
    const rows = this.#rows
    return rows[at + 3] === a3 && rows[at + 2] === a2 && rows[at + 1] === a1 && rows[at] === a0
  }
}
