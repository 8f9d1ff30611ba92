// The pieces of a packet, bent: some missing, twice, out of order, moved, or no longer what they say.
import type { Random } from './random.js'

/**
 * Bends the list, and returns it. `length`: bytes that were cut; `other`: makes one more piece of them; `lie`: bends a piece, which is its to
 * change.
 */
export function bendPieces(
  random: Random,
  pieces: Uint8Array[],
  length: number,
  other: (offset: number, size: number, isMore: boolean) => Uint8Array,
  lie: (piece: Uint8Array) => Uint8Array,
): Uint8Array[] {
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(pieces.length)
    switch (random.below(6)) {
      case 0:
        pieces.splice(at, 1)
        if (pieces.length === 0) return pieces
        break
      case 1:
        pieces.push(pieces[at]!)
        break
      case 2: {
        const offset = 8 * random.below(length >> 3)
        pieces.splice(at, 0, other(offset, random.below(length - offset), random.chance(70)))
        break
      }
      case 3:
        ;[pieces[0], pieces[at]] = [pieces[at]!, pieces[0]!]
        break
      case 4:
        pieces[at] = lie(pieces[at]!.slice())
        break
      default:
        pieces.reverse()
    }
  }
  return pieces
}
