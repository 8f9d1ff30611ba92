/*
 * One DNS connection of the guest, and a query that came on it: what dns-streams.ts knows of them.
 *
 *     Stream   reader: bytes that are no whole query yet | underWay: queries | output: answers that are not written yet
 */

import { dress, type StreamClient, type Transfer } from './dns-client.js'
import { framed, MAX_MESSAGE, MESSAGE_AT, MessageReader } from './dns-framing.js'
import * as dns from './dns-message.js'

/** Queries of one stream under way, and so answers of 64 KiB that may wait for their reader. */
const MAX_UNDER_WAY = 16

/** Who reads and writes streams. */
export interface StreamWriter {
  /** Writes an answer, now or when there is room, and goes on reading. */
  write(stream: Stream, message: Buffer): void
  /** Closes a stream at once. What the kernel has of its answers still reaches the guest. */
  end(stream: Stream): void
}

/** One connection of the guest. */
export class Stream {
  handle = 0
  readonly descriptor: number
  readonly reader = new MessageReader()
  /** What is to be written, the first one from `written` on. */
  readonly output: Buffer[] = []
  written = 0
  /** Queries. */
  underWay = 0
  transfer: Transfer | null = null
  isEnded = false
  isReading = false
  isClosed = false

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  get mayRead(): boolean {
    return !this.isClosed && this.underWay < MAX_UNDER_WAY && this.output.length === 0 && this.transfer === null
  }

  get isIdle(): boolean {
    return this.underWay === 0 && this.output.length === 0
  }
}

/** A query of a stream. */
export class Query implements StreamClient {
  readonly transport = 'tcp'
  readonly id: number
  question: Buffer = Buffer.alloc(0)
  payload = MAX_MESSAGE
  readonly #streams: StreamWriter
  readonly #stream: Stream
  #isTransfer = false
  #isAnswered = false

  constructor(streams: StreamWriter, stream: Stream, id: number) {
    this.#streams = streams
    this.#stream = stream
    this.id = id
  }

  take(answer: Buffer): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#stream.underWay--
    if (this.#isTransfer) this.#stream.transfer = null
    this.#streams.write(this.#stream, this.#dressed(answer))
  }

  begin(transfer: Transfer): void {
    this.#isTransfer = true
    this.#stream.transfer = transfer
  }

  part(message: Buffer): boolean {
    this.#streams.write(this.#stream, this.#dressed(message))
    return this.#stream.output.length === 0
  }

  abandon(): void {
    this.#streams.end(this.#stream)
  }

  // A later message of a transfer need not have the question.
  #dressed(answer: Buffer): Buffer {
    const copy = framed(answer)
    const hasQuestion = dns.readQuestion(answer)?.end === dns.HEADER_LENGTH + this.question.length
    if (hasQuestion) dress(this, copy, MESSAGE_AT)
    else copy.writeUInt16BE(this.id, MESSAGE_AT)
    return copy
  }
}
