// Bytes that the tour moves: no block of them is like its neighbour, so that what was lost, doubled or mixed up is noticed, and
// comparing costs next to nothing.
import type { Writable } from 'node:stream'

/** Odd, so that it falls together with no buffer's size (bytes). */
const PERIOD = 1_000_003

const block = Buffer.alloc(2 * PERIOD)
// The minimal standard generator of Park and Miller.
for (let i = 0, word = 1; i < PERIOD; i++) {
  word = (word * 48_271) % 0x7fff_ffff
  block[i] = word
}
block.copyWithin(PERIOD, 0, PERIOD)

/** Writes the first `total` bytes of the pattern; resolves when all has been handed over. */
export async function sendPattern(sink: Writable, total: number): Promise<void> {
  for (let sent = 0; sent < total; ) {
    const piece = block.subarray(0, Math.min(PERIOD, total - sent))
    sent += piece.length
    if (!sink.write(piece)) await new Promise((resolve) => sink.once('drain', resolve))
  }
}

/** Follows a stream that should be the pattern. */
export class PatternCheck {
  bytes = 0
  isWhole = true

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const from = this.bytes % PERIOD
      const length = Math.min(chunk.length - at, PERIOD)
      if (chunk.compare(block, from, from + length, at, at + length) !== 0) this.isWhole = false
      this.bytes += length
      at += length
    }
  }
}
