// What the two ends of a random conversation say. What a byte is follows from its number, so whatever arrives anywhere can be told to be right.

/** A long period that is no power of two. */
const PERIOD = 10_007
const ROUND = Array.from({ length: PERIOD }, (_, i) => String.fromCharCode(((i * 167) ^ (i >> 6)) & 255)).join('')
/** Long enough for the longest datagram from anywhere in the first round. */
const PATTERN = ROUND.repeat(1 + Math.ceil(200_000 / PERIOD))

/** Guest text from a sequence number on. */
export function guestText(seq: number, length: number): string {
  const from = seq >>> 0
  const first = Math.min(length, 0x1_0000_0000 - from)
  const text = PATTERN.slice(from % PERIOD, (from % PERIOD) + first)
  return first === length ? text : text + PATTERN.slice(0, length - first)
}

/** The host's text: other bytes, counted from its first. */
export const hostText = (from: number, length: number): string => {
  const at = (from + 5000) % PERIOD
  return PATTERN.slice(at, at + length)
}
