/*
 * DNS messages on a stream: RFC 1035, 4.2.2; RFC 7766, 8.
 *
 *     | length 2 | message | length 2 | message | length 2 | mess ...
 *     0          ^ start                                        ^ end        what came and is not taken yet
 */

/** Bytes in front of a message. */
const PREFIX = 2
/** The longest message there is, in bytes. */
export const MAX_MESSAGE = 0xffff
/** Bytes of a first buffer: most queries fit. */
const LEAST_BUFFER = 512

const NOTHING = Buffer.alloc(0)

/** Puts messages together from pieces. Holds one message and one piece at most, if every message is taken before the next piece is put in. */
export class MessageReader {
  #buffer: Buffer = NOTHING
  #start = 0
  #end = 0

  /** Bytes that are no whole message yet, or that nobody has asked for. */
  get waiting(): number {
    return this.#end - this.#start
  }

  /** Takes a copy of a piece. */
  push(bytes: Uint8Array, at: number, length: number): void {
    this.#makeRoom(length)
    this.#buffer.set(bytes.subarray(at, at + length), this.#end)
    this.#end += length
  }

  /** The next whole message, a copy, which may be empty; null when there is none yet. */
  next(): Buffer | null {
    if (this.waiting < PREFIX) return null
    const from = this.#start + PREFIX
    const to = from + this.#buffer.readUInt16BE(this.#start)
    if (to > this.#end) return null
    const message = Buffer.from(this.#buffer.subarray(from, to))
    this.#start = to
    if (to === this.#end) this.clear()
    return message
  }

  clear(): void {
    this.#buffer = NOTHING
    this.#start = 0
    this.#end = 0
  }

  // Twice as much each time: a message may come byte by byte.
  #makeRoom(length: number): void {
    if (this.#end + length <= this.#buffer.length) return
    let size = LEAST_BUFFER
    while (size < this.waiting + length) size *= 2
    const larger = size > this.#buffer.length ? Buffer.alloc(size) : this.#buffer
    this.#buffer.copy(larger, 0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
    this.#buffer = larger
  }
}

/** A copy of a message with its length in front. */
export function framed(message: Uint8Array): Buffer {
  const copy = Buffer.alloc(PREFIX + message.length)
  copy.writeUInt16BE(message.length, 0)
  copy.set(message, PREFIX)
  return copy
}

/** Where the message begins in what `framed` returns. */
export const MESSAGE_AT: number = PREFIX
