/*
 * TCP options: end, no-operation and MSS (RFC 9293, 3.2), window scale and timestamps (RFC 7323), SACK (RFC 2018).
 *
 * `parse` leaves what it finds in an Int32Array that the caller owns, LENGTH words by the columns below:
 *
 *     MSS  WINDOW_SCALE  SACK_PERMITTED  HAS_TIMESTAMP  TS_VALUE  TS_ECHO  SACK_COUNT  SACK_LEFT right left right ...
 *     0    -1            0               0              -         -        0           (what they are when absent)
 *
 * Almost every segment after the handshake carries NOP NOP TIMESTAMP, or nothing: both are seen in one comparison.
 * The option block of a valid header is at most 40 bytes, so at most four SACK blocks fit.
 *
 * An option whose length cannot be (below 2, past the end, not the one of its kind) ends the parse and `false` says so; the
 * options before it stand. RFC 9293, 3.1 MUST-7: such a length must be survived; what to do about it is the caller's.
 */

const KIND_END = 0
const KIND_NOP = 1
const KIND_MSS = 2
const KIND_WINDOW_SCALE = 3
const KIND_SACK_PERMITTED = 4
const KIND_SACK = 5
const KIND_TIMESTAMP = 8

/** Kind and length, where a following value has the rest of the word. */
const NOP_NOP = (KIND_NOP << 24) | (KIND_NOP << 16)
const MSS_HEAD = (KIND_MSS << 24) | (4 << 16)
const NOP_WINDOW_SCALE_HEAD = (KIND_NOP << 24) | (KIND_WINDOW_SCALE << 16) | (3 << 8)
const SACK_PERMITTED_TAIL = (KIND_SACK_PERMITTED << 8) | 2
const TIMESTAMP_TAIL = (KIND_TIMESTAMP << 8) | 10
const NOP_NOP_TIMESTAMP = NOP_NOP | TIMESTAMP_TAIL

// The columns once for this file and once for the others: V8 folds a constant of the module, but loads an exported one, and checks
// that it has been initialised, at every use: 4 to 9 ns of the 25 that the common parse took.
const AT_MSS = 0
const AT_WINDOW_SCALE = 1
const AT_SACK_PERMITTED = 2
const AT_HAS_TIMESTAMP = 3
const AT_TS_VALUE = 4
const AT_TS_ECHO = 5
const AT_SACK_COUNT = 6
const AT_SACK_LEFT = 7

/** Columns of the array. */
export const MSS = AT_MSS
export const WINDOW_SCALE = AT_WINDOW_SCALE
export const SACK_PERMITTED = AT_SACK_PERMITTED
export const HAS_TIMESTAMP = AT_HAS_TIMESTAMP
export const TS_VALUE = AT_TS_VALUE
export const TS_ECHO = AT_TS_ECHO
export const SACK_COUNT = AT_SACK_COUNT
export const SACK_LEFT = AT_SACK_LEFT

/** Blocks in one segment: 4 x 8 + 2 bytes of 40. */
export const MAX_SACK_BLOCKS = 4

/** Words of the array. */
export const LENGTH = AT_SACK_LEFT + 2 * MAX_SACK_BLOCKS

/** RFC 7323, 2.3: a larger shift is taken as 14. */
export const MAX_WINDOW_SCALE = 14

const TIMESTAMP_BYTES = 12

/** Bytes of `writeTimestamp`. */
export const TIMESTAMP_LENGTH = TIMESTAMP_BYTES

/** Reads `length` bytes of options from `at`. */
export function parse(view: DataView, at: number, length: number, options: Int32Array): boolean {
  options[AT_MSS] = 0
  options[AT_WINDOW_SCALE] = -1
  options[AT_SACK_PERMITTED] = 0
  options[AT_HAS_TIMESTAMP] = 0
  options[AT_SACK_COUNT] = 0
  if (length === TIMESTAMP_BYTES && view.getInt32(at) === NOP_NOP_TIMESTAMP) return readTimestamp(view, at + 2, 10, options)
  const end = at + length
  let i = at
  while (i < end) {
    const kind = view.getUint8(i)
    if (kind === KIND_END) return true
    if (kind === KIND_NOP) {
      i++
      continue
    }
    if (end - i < 2) return false
    const size = view.getUint8(i + 1)
    if (size < 2 || size > end - i || !readOption(view, i, kind, size, options)) return false
    i += size
  }
  return true
}

/** One option that lies wholly in the block. Unknown kinds are skipped (RFC 9293, 3.1 MUST-6). */
function readOption(view: DataView, at: number, kind: number, size: number, options: Int32Array): boolean {
  switch (kind) {
    case KIND_MSS:
      if (size !== 4) return false
      options[AT_MSS] = view.getUint16(at + 2)
      return true
    case KIND_WINDOW_SCALE:
      if (size !== 3) return false
      options[AT_WINDOW_SCALE] = Math.min(view.getUint8(at + 2), MAX_WINDOW_SCALE)
      return true
    case KIND_SACK_PERMITTED:
      if (size !== 2) return false
      options[AT_SACK_PERMITTED] = 1
      return true
    case KIND_TIMESTAMP:
      return readTimestamp(view, at, size, options)
    case KIND_SACK:
      return readSack(view, at, size, options)
    default:
      return true
  }
}

function readTimestamp(view: DataView, at: number, size: number, options: Int32Array): boolean {
  if (size !== 10) return false
  options[AT_HAS_TIMESTAMP] = 1
  options[AT_TS_VALUE] = view.getInt32(at + 2)
  options[AT_TS_ECHO] = view.getInt32(at + 6)
  return true
}

function readSack(view: DataView, at: number, size: number, options: Int32Array): boolean {
  const count = (size - 2) >> 3
  if (count === 0 || count > MAX_SACK_BLOCKS || size !== 2 + 8 * count) return false
  options[AT_SACK_COUNT] = count
  for (let i = 0; i < 2 * count; i++) options[AT_SACK_LEFT + i] = view.getInt32(at + 2 + 4 * i)
  return true
}

/**
 * The options of a SYN, each filled up to 4 bytes with NOPs. Returns their bytes: 4..20.
 * `windowScale` -1 leaves that option out.
 */
export function writeSyn(
  view: DataView,
  at: number,
  mss: number,
  windowScale: number,
  sackPermitted: 0 | 1,
  hasTimestamp: 0 | 1,
  tsValue: number,
  tsEcho: number,
): number {
  let i = at
  view.setInt32(i, MSS_HEAD | mss)
  i += 4
  if (hasTimestamp === 1) {
    // SACK-permitted takes the place of the two NOPs.
    view.setInt32(i, (sackPermitted === 1 ? SACK_PERMITTED_TAIL << 16 : NOP_NOP) | TIMESTAMP_TAIL)
    view.setInt32(i + 4, tsValue)
    view.setInt32(i + 8, tsEcho)
    i += TIMESTAMP_BYTES
  } else if (sackPermitted === 1) {
    view.setInt32(i, NOP_NOP | SACK_PERMITTED_TAIL)
    i += 4
  }
  if (windowScale >= 0) {
    view.setInt32(i, NOP_WINDOW_SCALE_HEAD | windowScale)
    i += 4
  }
  return i - at
}

/** NOP NOP TIMESTAMP (RFC 7323, appendix A). Returns 12. */
export function writeTimestamp(view: DataView, at: number, tsValue: number, tsEcho: number): number {
  view.setInt32(at, NOP_NOP_TIMESTAMP)
  view.setInt32(at + 4, tsValue)
  view.setInt32(at + 8, tsEcho)
  return TIMESTAMP_BYTES
}

/** NOP NOP SACK with `count` (1..4) pairs of left and right edge from `ranges[from]` on. Returns its bytes. */
export function writeSack(view: DataView, at: number, ranges: Int32Array, from: number, count: number): number {
  view.setInt32(at, NOP_NOP | (KIND_SACK << 8) | (2 + 8 * count))
  for (let i = 0; i < 2 * count; i++) view.setInt32(at + 4 + 4 * i, ranges[from + i]!)
  return 4 + 8 * count
}
