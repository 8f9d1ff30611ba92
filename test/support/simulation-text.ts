// The text of simulated connections: a pattern that does not repeat within one, copied from a table when it is read and compared with it when
// it arrives. A byte at the wrong place is seen at once, and nothing is stored. `key` is where in the pattern a text begins.
import { Random } from './random.js'

/** A prime, so that no power of two leads back to the same byte. */
const PERIOD = 1_048_573
const LONGEST_PIECE = 1 << 20
const PATTERN = Buffer.alloc(PERIOD + LONGEST_PIECE)
{
  const random = new Random(1)
  for (let i = 0; i < PERIOD; i++) PATTERN[i] = random.int32()
  PATTERN.copy(PATTERN, PERIOD, 0, LONGEST_PIECE)
}

/** True when `length` bytes at `at` are those from `offset` on of the text that begins at `key`. */
export const isText = (bytes: Buffer, at: number, length: number, key: number, offset: number): boolean => {
  const from = (key + offset) % PERIOD
  return length <= LONGEST_PIECE && PATTERN.compare(bytes, at, at + length, from, from + length) === 0
}

/** Puts `length` bytes from `offset` on of the text that begins at `key` at `at`. */
export const copyText = (bytes: Buffer, at: number, length: number, key: number, offset: number): void => {
  const from = (key + offset) % PERIOD
  PATTERN.copy(bytes, at, from, from + length)
}
