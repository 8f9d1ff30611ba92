// Chance that nobody can guess, from the kernel: node:crypto takes milliseconds to load, for which whoever starts a sandbox waits.
import { NetloomError } from '../util/errors.js'
import type { NativeContext } from './native.js'

/** `count` (64 at most) words. */
export function randomWords(native: NativeContext, count: number): Int32Array {
  const status = native.random(count)
  if (status < 0) throw NetloomError.system('getrandom', status)
  return new Int32Array(native.scratch).slice(0, count)
}

/** A whole number from 0 to `below` - 1; where that is no power of two the lower ones are more likely by `below` in 2^32. */
export const randomInt = (native: NativeContext, below: number): number => (randomWords(native, 1)[0]! >>> 0) % below
